"""Who may call the HTTP entry: whoever the ingress lets through, knows a secret, or is vouched for by an issuer.

`CUSTOMHOUSE_CALLERS` is `ingress`, `token` or an issuer's https:// URL; without it nothing starts, so that nothing
stands open by oversight.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from urllib.request import urlopen

from customhouse.errors import ConfigError, Denied, Transient

if TYPE_CHECKING:
    from jwt import PyJWKClient

KIND = "CUSTOMHOUSE_CALLERS"
TOKEN = "CUSTOMHOUSE_CALLERS_TOKEN"  # noqa: S105 -- the variable's name
AUDIENCE = "CUSTOMHOUSE_CALLERS_AUDIENCE"
SUBJECTS = "CUSTOMHOUSE_CALLERS_SUBJECTS"
_SHORTEST = 16
_SECONDS = 10
_LARGEST = 1 << 20
_ALGORITHMS = ["RS256", "PS256", "ES256"]

Admit = Callable[[Mapping[str, str], str], None]
"""Takes a request's headers and query; Stranger where it is not let in, Transient where that cannot be told now."""


class Stranger(Denied):
    """The request does not say who sends it, or not truly."""


def read(environment: Mapping[str, str]) -> Admit:
    """Who may call, from `CUSTOMHOUSE_CALLERS…` variables; ConfigError names what is missing."""
    kind = environment.get(KIND, "")
    if kind == "ingress":
        return lambda _, __: None
    if kind == "token":
        secret = environment.get(TOKEN, "")
        if len(secret) < _SHORTEST:
            raise ConfigError(f"environment: {TOKEN}: set a random secret of {_SHORTEST} characters or more")
        return Secret(secret)
    if kind.startswith("https://"):
        audience = environment.get(AUDIENCE, "")
        subjects = {one.strip() for one in environment.get(SUBJECTS, "").split(",")} - {""}
        if not audience or not subjects:
            raise ConfigError(f"environment: an issuer vouches for everyone; set {AUDIENCE} and {SUBJECTS}")
        return Vouched(kind.rstrip("/"), audience, frozenset(subjects))
    raise ConfigError(f"environment: {KIND} is {kind!r}; write ingress, token or the https:// URL of an issuer")


@dataclass(frozen=True, repr=False)
class Secret:
    """A secret that the sender knows: as bearer token, as password of basic authentication or as `?token=`."""

    value: str

    def __call__(self, headers: Mapping[str, str], query: str) -> None:
        """Compare every form in constant time."""
        told = [*parse_qs(query).get("token", []), *_authorization(headers)]
        if not any(hmac.compare_digest(one.encode(), self.value.encode()) for one in told):
            raise Stranger("the request does not carry the token")


@dataclass(frozen=True)
class Vouched:
    """A JSON Web Token of an OpenID Connect issuer, for our `audience`, about one of `subjects`.

    A subject is the token's `sub`, verified `email`, `azp` or `appid`: service accounts of Google are told by their
    email, Event Grid and other applications of Entra ID by their id.
    https://openid.net/specs/openid-connect-discovery-1_0.html, section 4.
    """

    issuer: str
    audience: str
    subjects: frozenset[str]

    def __call__(self, headers: Mapping[str, str], _: str) -> None:
        """Check signature, issuer, audience, time and subject."""
        import jwt  # noqa: PLC0415 -- only where an issuer is asked

        token = next(iter(_authorization(headers)), "")
        issuers = [self.issuer, f"{self.issuer}/"]
        try:
            key = self._keys.get_signing_key_from_jwt(token).key
            options: jwt.types.Options = {"require": ["exp", "iss", "aud"]}
            claims = jwt.decode(
                token, key, _ALGORITHMS, options, audience=self.audience, issuer=issuers, leeway=_SECONDS
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Transient(f"{self.issuer}: its keys cannot be had: {error}") from error
        except jwt.PyJWTError as error:
            raise Stranger(f"the token is not taken: {error}") from error
        if not self.subjects & set(_subjects(claims)):
            raise Stranger(f"the token is about {claims.get('sub')!r}, who may not call")

    @cached_property
    def _keys(self) -> PyJWKClient:
        import jwt  # noqa: PLC0415 -- as above

        try:
            where = f"{self.issuer}/.well-known/openid-configuration"
            with urlopen(where, timeout=_SECONDS) as answer:  # noqa: S310 -- whoever deploys it names the issuer
                url = str(json.loads(answer.read(_LARGEST))["jwks_uri"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Transient(f"{self.issuer}: it does not say where its keys are: {error}") from error
        return jwt.PyJWKClient(url, timeout=_SECONDS)


def _authorization(headers: Mapping[str, str]) -> list[str]:
    kind, _, value = headers.get("AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer":
        return [value.strip()]
    if kind.lower() == "basic":
        try:
            return [base64.b64decode(value, validate=True).decode().partition(":")[2]]
        except (binascii.Error, UnicodeDecodeError):
            return []
    return []


def _subjects(claims: Mapping[str, object]) -> list[str]:
    names = ["sub", "azp", "appid", *(["email"] if claims.get("email_verified") is True else [])]
    return [str(claims[name]) for name in names if name in claims]
