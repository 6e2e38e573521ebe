"""A sigstore instance in a box: certificate authority, certificate log, transparency log and its trust root.

What it signs is what Fulcio and Rekor (version 1) would give, made with nothing but `cryptography`, so that the library
under test never judges its own output.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1"
SIGNED_AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
STATEMENT = "application/vnd.in-toto+json"
PUBLISH = "https://docs.pypi.org/attestations/publish/v1"
SLSA = "https://slsa.dev/provenance/v1"
BUILDER = "https://github.com/actions/runner/github-hosted"
SOURCE = "https://github.com/acme/app"

_YEARS = dt.timedelta(days=3650)
_MINUTES = dt.timedelta(minutes=10)
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")

Json = dict[str, object]
ALWAYS: Json = {"start": "2016-01-01T00:00:00Z"}


def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(private: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(spki(private)).digest()


def sign(private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return private.sign(data, ec.ECDSA(hashes.SHA256()))


def pae(payload: bytes, kind: str = STATEMENT) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


@dataclass
class Signer:
    """A short-lived certificate with its key, and when the log says it was used."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    at: dt.datetime


@dataclass
class Authority:
    """One instance; two of them do not trust each other."""

    ca: ec.EllipticCurvePrivateKey = field(default_factory=key)
    ct: ec.EllipticCurvePrivateKey = field(default_factory=key)
    log: ec.EllipticCurvePrivateKey = field(default_factory=key)
    root: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        usage = x509.KeyUsage(*[False] * 5, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)  # type: ignore[misc]  # five flags by place
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.root = (
            x509.CertificateBuilder(name, name, self.ca.public_key(), 1, SIGNED_AT - _YEARS, SIGNED_AT + _YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.ca.public_key()), critical=False)
            .sign(self.ca, hashes.SHA256())
        )

    def trust_root(self, *, authority: Json = ALWAYS, ct: Json = ALWAYS, log: Json = ALWAYS) -> Json:
        """The document that a policy pins, its parts valid for these periods."""
        subject = {"organization": "test", "commonName": "test authority"}
        chain = {"certificates": [{"rawBytes": b64(self.root.public_bytes(Encoding.DER))}]}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log("https://log.test", self.log, log)],
            "certificateAuthorities": [
                {"subject": subject, "uri": "https://ca.test", "certChain": chain, "validFor": authority}
            ],
            "ctlogs": [_log("https://ct.test", self.ct, ct)],
        }

    def signer(
        self, subject: str = SUBJECT, issuer: str = ISSUER, *, used_after: dt.timedelta = dt.timedelta(minutes=1)
    ) -> Signer:
        """Ten minutes for somebody; the signature is logged `used_after` the certificate was made."""
        own = key()
        final = self._certificate(own, subject, issuer, None)
        final = self._certificate(own, subject, issuer, self._timestamps(final))
        return Signer(own, final, SIGNED_AT + used_after)

    def sign_bytes(self, data: bytes, signer: Signer) -> Json:
        """A bundle over bytes, as `cosign sign-blob` makes it."""
        signature, digest = sign(signer.key, data), hashlib.sha256(data)
        body = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hexdigest()}},
                "signature": {"content": b64(signature), "publicKey": {"content": _pem(signer)}},
            },
        }
        content = {
            "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest.digest())},
            "signature": b64(signature),
        }
        return self._bundle(signer, body) | {"messageSignature": content}

    def sign_statement(self, statement: Mapping[str, object], signer: Signer, kind: str = STATEMENT) -> Json:
        """A bundle around an in-toto statement in a DSSE envelope."""
        payload = json.dumps(statement).encode()
        signature = sign(signer.key, pae(payload, kind))
        envelope = {"payload": b64(payload), "payloadType": kind, "signatures": [{"sig": b64(signature)}]}
        body = {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": _hash(json.dumps(envelope).encode()),
                "payloadHash": _hash(payload),
                "signatures": [{"signature": b64(signature), "verifier": _pem(signer)}],
            },
        }
        return self._bundle(signer, body) | {"dsseEnvelope": envelope}

    def _certificate(
        self, own: ec.EllipticCurvePrivateKey, subject: str, issuer: str, timestamps: bytes | None
    ) -> x509.Certificate:
        usage = x509.KeyUsage(True, *[False] * 8)
        name = x509.UniformResourceIdentifier(subject) if "://" in subject else x509.RFC822Name(subject)
        builder = (
            x509.CertificateBuilder(
                self.root.subject, x509.Name([]), own.public_key(), 7, SIGNED_AT, SIGNED_AT + _MINUTES
            )
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, _der(0x0C, issuer.encode())), critical=False)
        )
        if timestamps is not None:
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, timestamps), critical=False)
        return builder.sign(self.ca, hashes.SHA256())

    def _timestamps(self, unlogged: x509.Certificate) -> bytes:
        """The certificate log's promise (RFC 6962, 3.2 and 3.3) as an extension's value."""
        tbs, time = unlogged.tbs_certificate_bytes, int(SIGNED_AT.timestamp() * 1000)
        entry = key_id(self.ca) + struct.pack("!I", len(tbs))[1:] + tbs
        signed = struct.pack("!BBQH", 0, 0, time, 1) + entry + struct.pack("!H", 0)
        signature = sign(self.ct, signed)
        promise = struct.pack("!B32sQHBBH", 0, key_id(self.ct), time, 0, 4, 3, len(signature)) + signature
        listed = struct.pack("!H", len(promise)) + promise
        return _der(0x04, struct.pack("!H", len(listed)) + listed)

    def _bundle(self, signer: Signer, body: Json) -> Json:
        logged = rfc8785.dumps(body)  # type: ignore[arg-type]  # JSON
        index, time = 0, int(signer.at.timestamp())
        promised = {"body": b64(logged), "integratedTime": time, "logID": key_id(self.log).hex(), "logIndex": index}
        top = hashlib.sha256(b"\0" + logged).digest()  # the log holds nothing else
        note = f"log.test - 1\n1\n{b64(top)}\n"
        signed_note = f"{note}\n\u2014 log.test {b64(key_id(self.log)[:4] + sign(self.log, note.encode()))}\n"
        entry = {
            "logIndex": str(index),
            "logId": {"keyId": b64(key_id(self.log))},
            "kindVersion": {"kind": body["kind"], "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(self.log, rfc8785.dumps(promised)))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(top),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": signed_note},
            },
            "canonicalizedBody": b64(logged),
        }
        certificate = {"rawBytes": b64(signer.certificate.public_bytes(Encoding.DER))}
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"certificate": certificate, "tlogEntries": [entry]},
        }


def publish(name: str, data: bytes) -> Json:
    """What an index is told of a distribution (PEP 740)."""
    return _statement({name: data}, PUBLISH, None)


def provenance(name: str, data: bytes, *, builder: str = BUILDER, source: str = SOURCE) -> Json:
    """SLSA provenance 1 as GitHub's runner writes it."""
    predicate = {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {"ref": "refs/tags/v1", "repository": source}},
            "resolvedDependencies": [{"uri": f"git+{source}@refs/tags/v1"}],
        },
        "runDetails": {"builder": {"id": builder}},
    }
    return _statement({name: data}, SLSA, predicate)


def as_pep740(bundle: Json) -> Json:
    """The attestation object of an index that says the same as a bundle."""
    material: Json = bundle["verificationMaterial"]  # type: ignore[assignment]  # JSON
    envelope: Json = bundle["dsseEnvelope"]  # type: ignore[assignment]  # JSON
    return {
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],  # type: ignore[index]  # JSON
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},  # type: ignore[index]  # JSON
    }


def _statement(subjects: Mapping[str, bytes], kind: str, predicate: object) -> Json:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}} for name, data in subjects.items()
        ],
        "predicateType": kind,
        "predicate": predicate,
    }


def _log(url: str, private: ec.EllipticCurvePrivateKey, valid: Json) -> Json:
    public = {"rawBytes": b64(spki(private)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": public,
        "logId": {"keyId": b64(key_id(private))},
    }


def _hash(data: bytes) -> Json:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _pem(signer: Signer) -> str:
    return b64(signer.certificate.public_bytes(Encoding.PEM))


def _der(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else struct.pack("!BH", 0x82, size)
    return bytes([tag]) + length + value
