"""Sigstore bundles against a pinned trust root, offline: the one module that knows the library `sigstore`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import cast

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from sigstore.errors import Error, VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm, TimeRange
from sigstore_models.trustroot import v1 as trustroot

from customhouse.errors import ConfigError, Malformed
from customhouse.signatures.documents import STATEMENT_TYPE
from customhouse.signatures.proof import Invalid, Proved, shown
from customhouse.signatures.rules import Identity, Rule, matches
from customhouse.signatures.statements import Statement, parse

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_OTHER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_CALLED = {"certificate_authorities": "certificate authorities", "ctlogs": "certificate logs", "tlogs": "logs"}
_QUOTED = re.compile(r"[:({\n]")
"""Where the library's messages begin to quote what they are about."""


class Sigstore:
    """Verifies bundles against one trust root; nothing is fetched."""

    def __init__(self, root: bytes, where: str) -> None:
        """Read a trust root document (`trusted_root.json`); ConfigError names `where` it came from."""
        try:
            self._root = trustroot.TrustedRoot.from_json(root)
            Verifier(trusted_root=TrustedRoot(self._root))
        except (Error, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(f"{where}: no trust root ({reason}); name a trusted_root.json of sigstore") from error

    def verify(self, bundle: bytes, key: str, sha256: str, rule: Rule) -> Proved:
        """What a bundle proves about the artifact at `key`; Invalid where it proves nothing."""
        who = _Who(rule.identities)
        try:
            opened = Bundle.from_json(bundle)
            kind = self._holds(opened, key, sha256, rule, who)
        except (Invalid, Malformed):
            raise
        except (VerificationError, InvalidSignature) as error:
            reason = _QUOTED.split(str(error), maxsplit=1)[0].strip() or type(error).__name__
            raise Invalid("invalid-signature", f"does not verify: {reason}") from error
        except Exception as error:  # whatever a hostile bundle provokes, it proves nothing
            raise Invalid("invalid-signature", f"is no bundle that can be read ({type(error).__name__})") from error
        return Proved(kind, who.issuer, who.subject)

    def _holds(self, bundle: Bundle, key: str, sha256: str, rule: Rule, who: _Who) -> str:
        said = msgspec.json.decode(bundle.to_json(), type=_Said)
        verifier = self._verifier(bundle.signing_certificate.not_valid_before_utc, said.logged)
        if said.envelope is None:
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256))
            verifier.verify_artifact(hashed, bundle, who)
            return "signature"
        kind, payload = verifier.verify_dsse(bundle, who)
        if kind != STATEMENT_TYPE:
            raise Invalid("invalid-signature", "is an envelope around something else than an in-toto statement")
        statement = parse(payload)
        _about(statement, key, sha256)
        if statement.kind == "provenance":
            _built(statement, rule)
        return statement.kind

    def _verifier(self, certified: dt.datetime, logged: dt.datetime | None) -> Verifier:
        """A verifier that has what of the root was valid when a certificate was made and its signature logged.

        The library itself looks at the periods of timestamp authorities, and at no others. Where the log does not
        vouch for a time, a certificate's own beginning stands for it: such certificates live for minutes.
        """
        root = self._root
        parts = {
            "certificate_authorities": [one for one in root.certificate_authorities if _then(one.valid_for, certified)],
            "ctlogs": [one for one in root.ctlogs if _then(one.public_key.valid_for, certified)],
            "tlogs": [one for one in root.tlogs if _then(one.public_key.valid_for, logged or certified)],
        }
        for name, part in parts.items():
            if not part:
                raise Invalid("invalid-signature", f"was made when none of the trust root's {_CALLED[name]} was valid")
        return Verifier(trusted_root=TrustedRoot(root.model_copy(update=parts)))


class _Promised(msgspec.Struct, rename="camel"):
    """An entry of the log; its time is vouched for where a promise is."""

    integrated_time: str | int = 0
    inclusion_promise: object = None


class _Material(msgspec.Struct, rename="camel"):
    tlog_entries: list[_Promised] = []


class _Said(msgspec.Struct):
    """What is asked of a bundle before it is verified."""

    material: _Material = msgspec.field(name="verificationMaterial")
    envelope: object = msgspec.field(name="dsseEnvelope", default=None)

    @property
    def logged(self) -> dt.datetime | None:
        """When the signature was logged, as far as the log vouches for it; the library takes but one entry."""
        times = [int(one.integrated_time) for one in self.material.tlog_entries if one.inclusion_promise]
        return dt.datetime.fromtimestamp(max(times), dt.UTC) if any(times) else None


def _then(period: TimeRange | None, moment: dt.datetime) -> bool:
    """Whether a moment is within a period; a key without one is valid for ever."""
    return period is None or (period.start <= moment and (period.end is None or moment <= period.end))


class _Who:
    """The library's identity policy: remembers who signed, and refuses whom the rule does not name."""

    def __init__(self, allowed: Sequence[Identity]) -> None:
        self._allowed = allowed
        self.issuer = self.subject = ""

    def verify(self, cert: x509.Certificate) -> None:
        """Called with a certificate whose chain holds."""
        issuer = _issuer(cert)
        for subject in _subjects(cert):
            self.issuer, self.subject = shown(issuer), shown(subject)
            if any(identity.fits(issuer, subject) for identity in self._allowed):
                return
        raise Invalid("wrong-identity", f"is of {self.subject or 'nobody'} by {self.issuer or 'no issuer'}")


def _issuer(cert: x509.Certificate) -> str:
    for extension in cert.extensions:
        if extension.oid == _ISSUER:
            return asn1.decode_der(str, cast("x509.UnrecognizedExtension", extension.value).value)
    for extension in cert.extensions:
        if extension.oid == _ISSUER_V1:
            return cast("x509.UnrecognizedExtension", extension.value).value.decode()
    return ""


def _subjects(cert: x509.Certificate) -> list[str]:
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    others = names.get_values_for_type(x509.OtherName)
    return [
        *names.get_values_for_type(x509.UniformResourceIdentifier),
        *names.get_values_for_type(x509.RFC822Name),
        *(asn1.decode_der(str, other.value) for other in others if other.type_id == _OTHER_NAME),
    ]


def _about(statement: Statement, key: str, sha256: str) -> None:
    if not statement.names(sha256, key):
        raise Invalid("wrong-artifact", "speaks of other bytes, or of a distribution of another name")


def _built(statement: Statement, rule: Rule) -> None:
    """What provenance says, against what the rule allows; every place that it names counts."""
    for word, wanted, said in (
        ("builder", rule.builders, statement.builders),
        ("source", rule.sources, statement.sources),
    ):
        if wanted and not (said and all(matches(wanted, one) for one in said)):
            raise Invalid("wrong-provenance", f"names the {word} {', '.join(map(shown, said)) or '(none)'}")
