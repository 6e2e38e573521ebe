"""Secrets in the files in which tools keep them."""

from __future__ import annotations

import base64
import json
import random

import pytest

from customhouse.scanners import secrets
from tests.scanners.secret_samples import SHAPES, fill
from tests.scanners.support import findings, member, rules

SOURCE = random.Random(31)
WORD, HEX, UUID = fill("{20n}7x7x", SOURCE), fill("{40h}", SOURCE), fill("{u}", SOURCE)
KEY = fill(SHAPES["private-key"], SOURCE)
PAIR = fill(SHAPES["aws-access-key-pair"], SOURCE).replace("\n", " ").split()
AUTH = base64.b64encode(f"bob:{WORD}".encode()).decode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def account(key: str) -> str:
    return json.dumps({"type": "service_account", "private_key_id": HEX, "private_key": key}, indent=2)


FILES = {
    ".npmrc": ("npm-registry-token", f"//npm.acme.io/:_authToken={WORD}\n"),
    ".npmrc of Nexus": ("npm-registry-token", f"//npm.acme.io/:_authToken=NpmToken.{UUID}\n"),
    ".npmrc with a quoted token": ("npm-registry-token", f'//npm.acme.io/:_authToken="{WORD}"\n'),
    ".npmrc with a password": ("npm-auth", f"//npm.acme.io/:_password={encoded(WORD)}\n"),
    ".yarnrc.yml": ("yarn-auth-ident", f'npmAuthIdent: "bob:{WORD}"\n'),
    ".yarnrc.yml with a token": ("assigned-secret", f'npmAuthToken: "{WORD}"\n'),
    ".netrc": ("netrc-password", f"machine api.acme.io\n  login bob\n  password {WORD}\n"),
    ".netrc for all hosts": ("netrc-password", f"default login bob password {WORD}\n"),
    ".netrc with an account": ("netrc-password", f"machine api.acme.io login bob account x password {WORD}\n"),
    ".netrc without a login": ("netrc-password", f"machine api.acme.io password {WORD}\n"),
    ".pypirc": ("pypirc-password", "[acme]\nrepository: https://pypi.acme.io\nusername: bob\npassword: k7Qx2vLp9z\n"),
    "pip.conf": ("url-with-password", f"[global]\nindex-url = https://bob:{WORD}@pypi.acme.io/simple\n"),
    ".git-credentials": ("url-with-password", f"https://bob:{WORD}@git.acme.io\n"),
    ".git/config": ("git-url-token", f"url = https://{WORD}{WORD}@github.com/acme/app.git\n"),
    ".git/config, the old way": ("git-url-token", f"url = https://{HEX}:x-oauth-basic@github.com/acme/app.git\n"),
    ".pgpass": ("pgpass-password", f"db.acme.io:5432:app:bob:{WORD}\n"),
    "Docker's config.json": ("docker-auth", json.dumps({"auths": {"r.acme.io": {"auth": AUTH}}})),
    "a pull secret": (
        "docker-auth",
        "data:\n  .dockerconfigjson: " + encoded(json.dumps({"auths": {"r.acme.io": {"auth": AUTH}}})),
    ),
    "a Kubernetes secret": ("configured-secret", f"kind: Secret\ndata:\n  password: {encoded(WORD)}\n"),
    "a Kubernetes secret as JSON": (
        "assigned-secret",
        json.dumps({"kind": "Secret", "data": {"password": encoded(WORD)}}),
    ),
    "a Kubernetes deployment": ("named-secret", f"    - name: DB_PASSWORD\n      value: {WORD}\n"),
    "a quoted one": ("named-secret", f'    - name: "DB_PASSWORD"\n      value: "{WORD}"\n'),
    "an ECS task": ("named-secret", json.dumps([{"name": "DB_PASSWORD", "value": WORD}], indent=2)),
    "kubeconfig": ("private-key", f"    client-key-data: {encoded(KEY)}\n"),
    "a service account": ("private-key", account(KEY)),
    "a service account in base64": ("private-key", f"credentials: {encoded(account(KEY))}\n"),
    "terraform.tfstate": ("assigned-secret", json.dumps({"attributes": {"master_password": WORD}}, indent=2)),
    "a key in it": ("private-key", json.dumps({"attributes": {"private_key_pem": KEY}}, indent=2)),
    "a generated password in it": (
        "terraform-random-password",
        json.dumps({"attributes": {"bcrypt_hash": "$2a$10$x", "length": 16, "result": "k7Q:x2(vL)p9z"}}, indent=2),
    ),
    "AWS credentials": ("aws-access-key-pair", f"[default]\n{PAIR[0]} = {PAIR[2]}\n{PAIR[3]} = {PAIR[5]}\n"),
    "cargo's credentials.toml": ("assigned-secret", f'[registries.acme]\ntoken = "Bearer {WORD}"\n'),
    "settings.xml": ("xml-secret", f"<server><username>bob</username><password>{WORD}</password></server>"),
    "wp-config.php": ("php-defined-secret", f"define( 'AUTH_SALT', '{WORD}|;_' );\n"),
    "an Ansible inventory": ("configured-secret", f"ansible_ssh_pass: {WORD}\n"),
    "a .env": ("environment-secret", f"SMTP_PASS={WORD}\n"),
}


@pytest.fixture(scope="module")
def scanner() -> secrets.SecretsScanner:
    return secrets.build({"salt": "pepper"})


@pytest.mark.parametrize("file", FILES)
def test_what_tools_keep_in_their_files_is_found(scanner: secrets.SecretsScanner, file: str) -> None:
    rule, text = FILES[file]

    assert rules(scanner, member(text.encode(), "settings")) >= {rule}


@pytest.mark.parametrize("file", FILES)
def test_a_secret_in_a_file_is_told_once(scanner: secrets.SecretsScanner, file: str) -> None:
    found = findings(scanner, member(FILES[file][1].encode(), "settings"))

    assert len({one.evidence for one in found}) == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "//npm.acme.io/:_authToken=${NPM_TOKEN}\n",
        "npmAuthIdent: ${NPM_USER}:${NPM_PASSWORD}\n",
        "machine api.acme.io login bob password ${PASSWORD}\n",
        "the machine that you log in with by default has a password of some sixteen letters\n",
        "[acme]\nusername = bob\npassword = %(password)s\n",
        "url = https://github.com/acme/app.git\n",
        "dsn = https://0123456789abcdef0123456789abcd7a@o1234.ingest.acme.io/42\n",
        "10:22:41:5432:done:in 17 seconds\n",
        "    - name: DB_PASSWORD\n      valueFrom:\n        secretKeyRef: {name: db-7x, key: password-1a2b}\n",
        "    - name: DB_PASSWORD_FILE\n      value: /run/secrets/db-password-1a2b3c\n",
        "    - name: PASSWORD_MIN_LENGTH\n      value: 12\n",
        json.dumps({"attributes": {"bcrypt_hash": None, "length": 16, "result": ""}}, indent=2),
        "define('AUTH_KEY', 'put your unique phrase here');\n",
        "define('DB_PASSWORD', getenv('DB_PASSWORD_1a2b3c'));\n",
        'token = "Bearer "\n',
        "SMTP_PASS=${SMTP_PASS_1A2B3C4D}\n",
        "bypass: 1a2b3c4d5e6f7g8h9i0j\n",
    ],
)
def test_files_that_only_refer_to_a_secret_are_left_alone(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(f"first\n{text}last\n".encode(), "settings"))
