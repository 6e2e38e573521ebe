"""What lifecycle asks of a Blob Storage container: its account's management policy, access tiers and legal holds."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

from azure.storage.blob import BlobClient, BlobServiceClient

from customhouse.errors import ConfigError
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.ports import Features, Store
from customhouse.stores.blob import connect as connect_store
from customhouse.stores.blob_answers import translated
from customhouse.stores.blob_client import service
from customhouse.stores.options import Options


class Policies(Protocol):
    """The account's management policy as JSON, in the management plane's own shape."""

    def read(self) -> Mapping[str, object]:
        """The policy; empty where there is none."""
        ...

    def write(self, document: Mapping[str, object]) -> None:
        """Replace it."""
        ...

    def service(self) -> Mapping[str, object]:
        """The properties of the account's Blob service, as the management plane names them."""
        ...


def connect(root: str, options: Options, *, subscription: str = "", group: str = "") -> BlobLifecycle:
    """The container; the native policy belongs to the account, found by `subscription` and resource `group`."""
    account = root.split("/")[2]
    policies = ManagementPolicies(account, subscription, group) if subscription and group else None
    return BlobLifecycle(root, service(account, options), connect_store(root, options), policies)


class ManagementPolicies:
    """`Policies` through the management plane, with the identity of the environment."""

    def __init__(self, account: str, subscription: str, group: str) -> None:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 -- only where the native policy is wanted

        plane = importlib.import_module("azure.mgmt.storage")  # as above; it ships no types
        client = plane.StorageManagementClient(DefaultAzureCredential(), subscription)
        self._client, self._services = client.management_policies, client.blob_services
        self._where = (group, account, "default")

    def read(self) -> Mapping[str, object]:
        """See `Policies`."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 -- as above

        try:
            found = self._client.get(*self._where)
        except ResourceNotFoundError:
            return {}
        return from_model(found.as_dict())

    def write(self, document: Mapping[str, object]) -> None:
        """See `Policies`."""
        self._client.create_or_update(*self._where, {"properties": dict(document)})

    def service(self) -> Mapping[str, object]:
        """See `Policies`."""
        found = self._services.get_service_properties(*self._where[:2]).as_dict()
        return {key: value for key, value in (found.get("properties") or found).items() if value is not None}


def from_model(answer: Mapping[str, Any]) -> Mapping[str, object]:
    """The policy inside the management plane's answer."""
    return {"policy": (answer.get("properties") or answer).get("policy") or {"rules": []}}


class BlobLifecycle:
    """A `ports.LifecycleTarget`."""

    def __init__(self, root: str, client: BlobServiceClient, store: Store, policies: Policies | None) -> None:
        self._root = root
        self._service = client
        self._store = store
        self._policies = policies
        self._container = root.split("/")[3]

    def features(self) -> Features:
        """See `ports.LifecycleTarget`; containers inherit what the account's Blob service has."""
        with translated(self._root):
            found: Mapping[str, Any] = self._known().service()
            flat = not self._service.get_account_information()["is_hns_enabled"]
        kept, tracked = found.get("deleteRetentionPolicy") or {}, found.get("lastAccessTimeTrackingPolicy") or {}
        return Features(
            versioned=bool(found.get("isVersioningEnabled")),
            soft_delete=int(kept.get("days") or 0) * 86_400 if kept.get("enabled") else 0,
            locks=True,  # any container may be given legal holds, and nothing cheap says that none has
            index_tags=flat,
            last_access=bool(tracked.get("enable")),
        )

    def native_rules(self) -> Mapping[str, object]:
        """See `ports.LifecycleTarget`; `{"policy": {"rules": […]}}`, the whole account's."""
        with translated(self._root):
            return self._known().read()

    def install_native_rules(self, document: Mapping[str, object]) -> None:
        """See `ports.LifecycleTarget`."""
        with translated(self._root):
            self._known().write(document)

    def change_class(self, location: Location, storage_class: str) -> None:
        """See `ports.LifecycleTarget`; in place, the blob stays what it is."""
        version: dict[str, Any] = {"version_id": location.version} if location.version else {}
        with translated(location):
            self._blob(location).set_standard_blob_tier(storage_class, **version)

    def hold(self, location: Location) -> None:
        """See `ports.LifecycleTarget`; the container needs version-level immutability."""
        with translated(location):
            self._blob(location).set_legal_hold(legal_hold=True)

    def arm(self, location: Location, label: str, custom_time: float) -> None:
        """See `ports.LifecycleTarget`; Azure has no Custom-Time, its native rule counts from the last change."""
        del custom_time
        self._store.tag(location, {LIFECYCLE_TAG: label})

    def _known(self) -> Policies:
        if self._policies is None:
            raise ConfigError(f"{self._root}: name the subscription and resource group of the account's policy")
        return self._policies

    def _blob(self, location: Location) -> BlobClient:
        return self._service.get_blob_client(self._container, location.key)
