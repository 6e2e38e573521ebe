"""Who may call the HTTP entry: secrets in every form, and tokens of an issuer on loopback."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from customhouse.callers import Stranger, Vouched, read
from customhouse.errors import ConfigError, Transient

TOKEN = "correct horse battery"
SECRET = read({"CUSTOMHOUSE_CALLERS": "token", "CUSTOMHOUSE_CALLERS_TOKEN": TOKEN})
WHO = "push@project.iam.gserviceaccount.com"
AUDIENCE = "https://customhouse.example"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("header", "query"),
    [
        (f"Bearer {TOKEN}", ""),
        (f"bearer  {TOKEN}", ""),
        (basic(TOKEN), ""),
        ("", "token=correct%20horse+battery"),
        ("Bearer of something else", "a=b&token=correct+horse+battery"),
    ],
    ids=["bearer", "lower case", "basic", "query", "query beside a header"],
)
def test_the_secret_is_taken_as_every_sender_can_send_it(header: str, query: str) -> None:
    SECRET({"AUTHORIZATION": header}, query)


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ("", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        (f"Bearer {TOKEN}x", ""),
        (f"Bearer {TOKEN[:-1]}", ""),
        (TOKEN, ""),
        (basic(TOKEN.upper()), ""),
        ("Basic !!!", ""),
        ("Basic /w==", ""),
        (f"Digest {TOKEN}", ""),
        ("", "token="),
        ("", f"Token={TOKEN}"),
        ("", "token=%ff"),
    ],
)
def test_nothing_else_is_the_secret(header: str, query: str) -> None:
    with pytest.raises(Stranger):
        SECRET({"AUTHORIZATION": header}, query)


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_whatever_is_sent_is_refused_in_words_without_the_secret(header: str, query: str) -> None:
    with pytest.raises(Stranger) as refused:
        SECRET({"AUTHORIZATION": header}, query)
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(SECRET)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "is ''; write ingress, token or the https:// URL"),
        ({"": "everyone"}, "is 'everyone'; write"),
        ({"": "http://issuer.example"}, "write ingress, token or the https:// URL"),
        ({"": "token"}, "_TOKEN: set a random secret of 16 characters or more"),
        ({"": "token", "_TOKEN": "short"}, "16 characters"),
        ({"": "https://i.example"}, "set CUSTOMHOUSE_CALLERS_AUDIENCE and CUSTOMHOUSE_CALLERS_SUBJECTS"),
        ({"": "https://i.example", "_AUDIENCE": "a"}, "an issuer vouches for everyone"),
        ({"": "https://i.example", "_AUDIENCE": "a", "_SUBJECTS": " , "}, "an issuer vouches for everyone"),
    ],
)
def test_what_would_let_everyone_in_does_not_start(more: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read({f"CUSTOMHOUSE_CALLERS{name}": value for name, value in more.items()})
    assert said in str(error.value)


def test_settings_of_an_issuer_are_read() -> None:
    names = {"": "https://i.example/", "_AUDIENCE": AUDIENCE, "_SUBJECTS": f"{WHO}, other"}
    settings = {f"CUSTOMHOUSE_CALLERS{name}": value for name, value in names.items()}
    assert read(settings) == Vouched("https://i.example", AUDIENCE, frozenset({WHO, "other"}))


class Issuer:
    """An OpenID Connect issuer on loopback: its discovery document, its keys, and the tokens it signs."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.documents: dict[str, object] = {}
        documents = self.documents

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = documents.get(self.path)
                self.send_response(200 if found else 503)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.documents["/keys"] = {"keys": [public | {"kid": "k", "use": "sig", "alg": "RS256"}]}
        self.documents["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, key: Any = None, algorithm: str = "RS256", kid: str = "k", **changes: object) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "123", "email": WHO, "email_verified": True}
        claims |= {"iat": now, "exp": now + 600} | changes
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, key or self.key, algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


def admit(issuer: Issuer, token: str, *subjects: str) -> None:
    Vouched(issuer.url, AUDIENCE, frozenset(subjects or {WHO}))({"AUTHORIZATION": f"Bearer {token}"}, "")


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("claims", "subject"),
    [
        ({}, WHO),
        ({}, "123"),
        ({"azp": "4962773b-9cdb-44cf-a8bf-237846a00ab7"}, "4962773b-9cdb-44cf-a8bf-237846a00ab7"),
        ({"appid": "app"}, "app"),
        ({"aud": ["other", AUDIENCE]}, WHO),
    ],
    ids=["email", "sub", "azp", "appid", "one of several audiences"],
)
def test_a_token_about_someone_who_may_call_is_taken(issuer: Issuer, claims: dict[str, object], subject: str) -> None:
    admit(issuer, issuer.token(**claims), subject)


@pytest.mark.emulator
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 1 << 40},
        {"email": "other@project.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
    ],
)
def test_a_token_that_proves_something_else_is_refused(issuer: Issuer, claims: dict[str, object]) -> None:
    with pytest.raises(Stranger):
        admit(issuer, issuer.token(**claims))


@pytest.mark.emulator
def test_a_token_that_the_issuer_did_not_sign_is_refused(issuer: Issuer) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, signature = issuer.token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k"}').decode().rstrip("=")
    forged = [
        issuer.token(stranger),
        issuer.token(kid="another"),
        issuer.token("x" * 32, "HS256"),
        f"{none}.{body}.",
        f"{head}.{body}.{signature[::-1]}",
        "a.b.c",
        "",
    ]
    for token in forged:
        with pytest.raises(Stranger):
            admit(issuer, token)


@pytest.mark.emulator
@pytest.mark.parametrize("missing", ["/keys", "/.well-known/openid-configuration"])
def test_an_issuer_that_does_not_answer_is_asked_again_later(missing: str) -> None:
    issuer = Issuer()
    try:
        kept = issuer.documents.pop(missing)
        admitting = Vouched(issuer.url, AUDIENCE, frozenset({WHO}))
        sent = {"AUTHORIZATION": f"Bearer {issuer.token()}"}
        with pytest.raises(Transient):
            admitting(sent, "")
        issuer.documents[missing] = kept
        admitting(sent, "")
    finally:
        issuer.server.shutdown()
        issuer.server.server_close()
