"""Signatures: what the policy asks of the signatures, provenance and checksums that stand beside artifacts.

They are about an artifact as a whole and stand outside it, so this looks at no member: whoever has the artifact's
surroundings (the app, the command line) hands them to `judge`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from customhouse.errors import ConfigError
from customhouse.model import Fact, Inspection
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read
from customhouse.signatures import checksums, roots
from customhouse.signatures.beside import Surroundings
from customhouse.signatures.judge import Judge
from customhouse.signatures.names import Names, base
from customhouse.signatures.proof import Proved
from customhouse.signatures.rules import Rule

if TYPE_CHECKING:
    from customhouse.signatures.sigstore import Sigstore

_PACKAGED = "public-good.json"


class SignatureOptions(Options, frozen=True, kw_only=True):
    """`rules`, of which the first whose name fits decides, and where trust begins.

    `trust_root` is the path of a `trusted_root.json`, or the document itself; without one, that of the public-good
    instance as it was packaged. `suffixes` are names of bundles beyond the usual ones, `manifests` the names of a
    folder's lists of checksums, `largest` the bytes of a file that is read.
    """

    rules: tuple[Rule, ...]
    trust_root: str | dict[str, object] = ""
    suffixes: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ("SHA256SUMS",)
    largest: int = 4 << 20


class Signatures:
    """The policy's rules, and the trust root they are judged by."""

    name = "signatures"
    reads: Literal["windows"] = "windows"

    def __init__(self, options: SignatureOptions) -> None:
        self.names = Names(options.suffixes, options.manifests)
        self.largest = options.largest
        self._rules = options.rules
        self._signed = any(rule.identities for rule in options.rules)
        self._root = _root(options.trust_root) if self._signed else b""
        self._where = (
            f"scanners.signatures.trust_root {options.trust_root if isinstance(options.trust_root, str) else ''}"
        )

    @property
    def version(self) -> str:
        """The library and the trust root, where anybody may sign."""
        if not self._signed:
            return "checksums"
        return f"sigstore {metadata.version('sigstore')}, root {hashlib.sha256(self._root).hexdigest()[:16]}"

    def rule(self, key: str) -> Rule | None:
        """What is asked of an artifact; None for what no rule covers, and for signatures themselves."""
        if self.names.about(key):
            return None
        return next((rule for rule in self._rules if rule.covers(key)), None)

    def judge(self, inspection: Inspection, rule: Rule, member: str, digests: Mapping[str, str]) -> Judge:
        """The judge of one artifact; `digests` are those that `needs` names, and SHA-256."""
        return Judge(rule, self.names, self, inspection.name, member, {**inspection.digests, **digests})

    def needs(self, key: str, around: Surroundings) -> set[str]:
        """The digests that checksums beside the artifact at `key` compare."""
        files = [file for file in around.files if file.data and self.names.is_checksum(file.location.key)]
        return {
            algorithm
            for file in files
            for algorithm in checksums.algorithms(
                file.data or b"", base(key), manifest=self.names.is_manifest(file.location.key)
            )
        }

    def verify(self, bundle: bytes, key: str, sha256: str, rule: Rule) -> Proved:
        """See `judge.Verifier`; the library (0.3 s) is imported when the first signature is there."""
        return self._sigstore.verify(bundle, key, sha256, rule)

    def wants(self, member: Member) -> bool:  # noqa: ARG002 -- the protocol's
        """Nothing."""
        return False

    def scan(self, member: Member) -> Iterable[Fact]:  # noqa: ARG002 -- the protocol's
        """Nothing."""
        return ()

    @cached_property
    def _sigstore(self) -> Sigstore:
        from customhouse.signatures.sigstore import Sigstore  # noqa: PLC0415 -- only what is signed needs it

        return Sigstore(self._root, self._where)


class _TrustRoot(msgspec.Struct, rename="camel"):
    """What must be in a trust root, so that a wrong file stops the start and not the first signature."""

    media_type: Annotated[str, msgspec.Meta(pattern=r"^application/vnd\.dev\.sigstore\.trustedroot")]
    tlogs: Annotated[list[object], msgspec.Meta(min_length=1)]
    certificate_authorities: Annotated[list[object], msgspec.Meta(min_length=1)]
    ctlogs: Annotated[list[object], msgspec.Meta(min_length=1)]


def _root(given: str | dict[str, object]) -> bytes:
    """The trust root's bytes; ConfigError where there is none, or no library to use it."""
    if importlib.util.find_spec("sigstore") is None:
        raise ConfigError("scanners.signatures: the library is missing; pip install 'customhouse[signatures]'")
    name = given if isinstance(given, str) else "(in the policy)"
    try:
        data = _read(given)
        msgspec.json.decode(data, type=_TrustRoot)
    except OSError as error:
        raise ConfigError(
            f"scanners.signatures.trust_root: {name}: {error.strerror}; name a file that is there"
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"scanners.signatures.trust_root: {name}: {error}; name a trusted_root.json") from error
    return data


def _read(given: str | dict[str, object]) -> bytes:
    if isinstance(given, dict):
        return msgspec.json.encode(given, order="sorted")
    return Path(given).read_bytes() if given else resources.files(roots).joinpath(_PACKAGED).read_bytes()


def build(options: Mapping[str, object]) -> Signatures:
    """The rules, checked, and the trust root, read; nothing else is opened before a signature is there."""
    wanted = read("signatures", options, SignatureOptions)
    for at, rule in enumerate(wanted.rules):
        rule.check(f"scanners.signatures.rules[{at}]")
    return Signatures(wanted)
