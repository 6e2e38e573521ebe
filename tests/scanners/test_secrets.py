from __future__ import annotations

import base64
import concurrent.futures
import json
import random
import re
import sys
from typing import TYPE_CHECKING

import hyperscan
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Severity, SkipReason
from customhouse.scanners import secrets, secrets_matcher, secrets_rules
from customhouse.scanners.secrets_encoded import decoded
from customhouse.scanners.secrets_judge import fixture
from tests.scanners.secret_samples import LOOKALIKES, SHAPES, blanked, fill, misspelt, shortened
from tests.scanners.support import WINDOW, findings, member, rules, skips, windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from customhouse.model import Finding

TOKEN = fill("ghp_{36n}", random.Random(7))


@pytest.fixture(scope="module")
def scanner() -> secrets.SecretsScanner:
    return secrets.build({"salt": "pepper"})


def test_there_are_rules_for_at_least_eighty_families() -> None:
    curated = secrets_rules.load([secrets_rules.CURATED])
    assert len({rule.id for rule in curated}) == len(curated)
    assert len({rule.id.partition("-")[0] for rule in curated if not rule.text}) >= 80
    assert set(SHAPES) == {rule.id for rule in curated if not rule.encoded}


@pytest.mark.parametrize("rule", SHAPES)
def test_a_secret_in_its_providers_shape_is_found(scanner: secrets.SecretsScanner, rule: str) -> None:
    text = fill(SHAPES[rule], random.Random(rule))
    for before, after in (("", ""), ("first line\n", "\nlast line\n"), ("first\r\n", "\r\nlast"), ("\ufeff", "")):
        assert rule in rules(scanner, member(f"{before}{text}{after}".encode()))


@pytest.mark.parametrize("rule", SHAPES)
def test_what_is_too_short_or_blank_for_its_provider_is_left_alone(scanner: secrets.SecretsScanner, rule: str) -> None:
    for text in (shortened(SHAPES[rule], random.Random(rule)), blanked(SHAPES[rule])):
        assert rule not in rules(scanner, member(f"first line\n{text}\nlast line\n".encode()))


TOKENS = [rule.id for rule in secrets_rules.load([secrets_rules.CURATED]) if rule.token]


@pytest.mark.parametrize("rule", [rule for rule in TOKENS if misspelt(SHAPES[rule]) != SHAPES[rule]])
def test_what_lacks_its_providers_mark_is_left_alone(scanner: secrets.SecretsScanner, rule: str) -> None:
    assert rule not in rules(scanner, member(fill(misspelt(SHAPES[rule]), random.Random(rule)).encode()))


AROUND: dict[str, Callable[[str], bytes]] = {
    "quotes": lambda token: f"key = '{token}';".encode(),
    "JSON": lambda token: json.dumps({"value": token}).encode(),
    "JSON in JSON": lambda token: json.dumps({"value": json.dumps({"value": token})}).encode(),
    "a line in JSON": lambda token: json.dumps(f"first\n{token}\nlast").encode(),
    "JSON for HTML": lambda token: f"<b>{token}</b>".replace("<", "\\u003c").replace(">", "\\u003e").encode(),
    "a string of bytes": lambda token: repr(b"\x07" + token.encode() + b"\x1f").encode(),
    "XML": lambda token: f"<value>{token}</value>".encode(),
    "YAML": lambda token: f"list:\n  - {token} # comment\n".encode(),
    "CSV": lambda token: f"1,{token},2".encode(),
    "a URL": lambda token: f"https://api.acme.io/?t={token}&x=1".encode(),
    "a quoted URL": lambda token: f"https://acme.io/?u=https%3A%2F%2Fa%3Ft%3D{token}%26x".encode(),
    "a log in colour": lambda token: f"\x1b[1;32m{token}\x1b[0m".encode(),
    "Latin-1": lambda token: f"\xe9{token}\xe9".encode("latin-1"),
    "a program's bytes": lambda token: b"\x7fELF\0\xff" + token.encode() + b"\xff\0",
    "base64": lambda token: base64.b64encode(b"a line of text: " + token.encode()),
}


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_a_token_does_not_hide_it(scanner: secrets.SecretsScanner, around: str) -> None:
    found = {
        rule: rules(scanner, member(AROUND[around](fill(SHAPES[rule], random.Random(rule))), "file")) for rule in TOKENS
    }
    assert [rule for rule in TOKENS if rule not in found[rule]] == []


@pytest.mark.parametrize("text", ["x{}", "{}x", "_{}", "{}_1", "9{}", "{}-more"])
def test_a_part_of_a_longer_word_is_no_token(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(text.format(TOKEN).encode()))


VALUE = fill("{32n}7x7x", random.Random(11))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("API_TOKEN={}", "environment-secret"),
        ("export API_TOKEN='{}'", "assigned-secret"),
        ("ENV API_TOKEN={} OTHER=1", "environment-secret"),
        ("      - API_TOKEN={}", "environment-secret"),
        ('Environment="API_TOKEN={}"', "environment-secret"),
        ('{{"Env": ["PATH=/bin", "API_TOKEN={}"]}}', "environment-secret"),
        ("password: {}", "configured-secret"),
        ("  - api_key: {}  ", "configured-secret"),
        ("spring.datasource.password={}", "configured-secret"),
        ("secret = {}", "configured-secret"),
        ('clientSecret: "{}"', "assigned-secret"),
        ("$config['api_key'] = '{}'", "assigned-secret"),
        ('"{{\\"password\\": \\"{}\\"}}"', "assigned-secret"),
        ("<server><password>{}</password></server>", "xml-secret"),
        ('<add key="Mail:Password" value="{}" />', "xml-secret"),
        ("redis://:{}@cache.acme.io:6379/0", "connection-string"),
        ("Host=db.acme.io;Username=app;Password={}", "ado-connection-string"),
        ('connectionString="Password={};Server=db.acme.io"', "ado-password-first"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_password_is_found_in_configurations_of_any_form(
    scanner: secrets.SecretsScanner, text: str, rule: str, encoding: str
) -> None:
    data = text.format(VALUE).encode(encoding)
    assert rules(scanner, member(data, "settings")) == {rule}
    assert not findings(scanner, member(text.format("change-me-please").encode(encoding), "settings"))


@pytest.mark.parametrize(
    "text",
    [
        "API_TOKEN=${VAULT_TOKEN_1A2B3C4D}",
        "API_TOKEN=$(get 1a2b3c4d5e6f7g8h)",
        "GITHUB_TOKEN_FILE=/run/secrets/1a2b3c4d5e",
        "password: !vault | $ANSIBLE_VAULT;1.1;AES256",
        "secretName: tls-1a2b3c4d5e6f7g8h",
        "token = self.tokens[x1y2z3].next_a1b2c3",
        "password = rust_openssl.x25519_hkdf_sha256_aes128",
        "<password>${env.REPO_PASSWORD_1A2B3C}</password>",
        '<add key="TokenLifetime" value="00:20:00.1234567" />',
        "redis://:${REDIS_PASSWORD_1A2B}@cache.acme.io/0",
        "Password=;Server=db.acme.io",
        "Host=db.acme.io;Password={0};Pooling=1",
    ],
)
def test_what_only_refers_to_a_password_is_left_alone(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(f"first\n{text}\nlast\n".encode(), "settings"))


@pytest.mark.parametrize(
    "line", ["{}_SECRET={}", "//{}.acme.io/:_auth={}", "machine {}.io login x password {}", "{} {}"]
)
def test_one_secret_does_not_hide_the_next(scanner: secrets.SecretsScanner, line: str) -> None:
    """What follows a secret, as the end of a line does, also begins the next."""
    source, shape = random.Random(12), "ghp_{36n}" if line == "{} {}" else "{40n}5z5z"
    lines = [line.format(name, fill(shape, source)) for name in "ABCDE"]
    assert len(findings(scanner, member("\n".join(lines).encode()))) == len(lines)


@pytest.mark.parametrize("other", ["PUBLIC KEY", "CERTIFICATE", "ENCRYPTED PRIVATE KEY", "CERTIFICATE REQUEST"])
def test_what_is_no_plain_private_key_is_none(scanner: secrets.SecretsScanner, other: str) -> None:
    assert not findings(scanner, member(KEY.replace(b"RSA PRIVATE KEY", other.encode()), "file.pem"))


def test_planted_secrets_are_found_and_lookalikes_are_not(
    scanner: secrets.SecretsScanner, capsys: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(2)
    shapes = list(SHAPES.values())
    true = [fill(shapes[at % len(shapes)], source) for at in range(200)]
    false = [fill(LOOKALIKES[at % len(LOOKALIKES)], source) for at in range(1000)]
    hits = sum(bool(findings(scanner, member(f"x\n{text}\n".encode()))) for text in true)
    alarms = sum(bool(findings(scanner, member(f"x\n{text}\n".encode()))) for text in false)
    recall, precision = hits / len(true), hits / (hits + alarms)
    with capsys.disabled():
        sys.stdout.write(f"\nplanted secrets: recall {recall:.1%}, precision {precision:.1%}, {alarms} false alarms\n")
    assert recall >= 0.95
    assert precision >= 0.95


def test_no_output_holds_a_secret(scanner: secrets.SecretsScanner) -> None:
    source = random.Random(3)
    for shape in SHAPES.values():
        text = fill(shape, source)
        found = findings(scanner, member(text.encode()))
        secret = max(re.findall(r"[A-Za-z0-9]+", text), key=len)
        said = "".join(f"{finding.message}{finding.evidence}{finding.rule}" for finding in found)
        assert not any(secret[at : at + 6] in said for at in range(len(secret) - 5))


def test_evidence_tells_equal_secrets_and_depends_on_the_salt(scanner: secrets.SecretsScanner) -> None:
    def evidence(one: secrets.SecretsScanner, text: str) -> str:
        return findings(one, member(text.encode()))[0].evidence

    assert evidence(scanner, TOKEN) == evidence(scanner, f"again {TOKEN}")
    assert evidence(scanner, TOKEN) != evidence(secrets.build({}), TOKEN)
    assert evidence(scanner, TOKEN).startswith("ghp_… #")


def test_a_finding_says_where_and_how_bad(scanner: secrets.SecretsScanner) -> None:
    found = findings(scanner, member(f"one\ntwo\ntoken {TOKEN}\n".encode(), "app.env"))
    assert [(hit.scanner, hit.rule, hit.severity, hit.member) for hit in found] == [
        ("secrets", "github-personal-token", Severity.HIGH, "artifact!/app.env")
    ]
    assert found[0].message == "GitHub personal access token in line 3"


def test_an_aws_key_with_its_secret_is_critical_and_alone_is_not(scanner: secrets.SecretsScanner) -> None:
    pair = fill(SHAPES["aws-access-key-pair"], random.Random(5))

    def worst(text: str) -> Severity:
        return max((hit.severity for hit in findings(scanner, member(text.encode()))), key=lambda level: level.rank)

    assert worst(pair) is Severity.CRITICAL
    assert worst(pair.partition("\n")[0]) is Severity.MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_" + "x" * 36,
        "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
        "ghp_" + "aB3d" * 9,
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "postgres://postgres:postgres@db.acme.io/main",
        "postgres://app:hunter2hunter2@db/main",
        "postgres://app:hunter2hunter2@db.example.com/main",
        'password = "this-is-a-placeholder-1a2b3c4d"',
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_examples_and_placeholders_are_left_alone(scanner: secrets.SecretsScanner, text: str) -> None:
    assert not findings(scanner, member(text.encode()))


KEY = fill(SHAPES["private-key"], random.Random(9)).encode()


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("pkg.whl!/pkg/tests/server.key", True),
        ("pkg.tgz!/package/README.md", True),
        ("pkg.whl!/pkg-1.0.dist-info/METADATA", True),
        ("pkg.whl!/pkg/test_ssl.py", True),
        ("pkg.whl!/pkg/server.key", False),
        ("tests/pkg.whl!/pkg/server.key", False),
        ("tests/server.key", False),
        ("pkg.whl!/pkg/contest.py", False),
    ],
)
def test_keys_among_tests_and_documents_of_a_package_are_fixtures(path: str, hidden: bool) -> None:  # noqa: FBT001 -- a case's answer
    assert fixture(path) is hidden


def test_a_private_key_is_found_but_not_in_a_packages_tests(scanner: secrets.SecretsScanner) -> None:
    assert rules(scanner, member(KEY, "server.key")) == {"private-key"}
    assert not rules(scanner, member(KEY, "tests/server.key"))
    assert rules(secrets.build({"fixtures": True}), member(KEY, "tests/server.key")) == {"private-key"}


def test_a_providers_token_is_found_in_tests_too(scanner: secrets.SecretsScanner) -> None:
    assert rules(scanner, member(TOKEN.encode(), "tests/conftest.py")) == {"github-personal-token"}


def test_slashes_that_json_escapes_hide_no_secret(scanner: secrets.SecretsScanner) -> None:
    """As PHP writes them."""
    key = "dPq7/Xw2Lk9v+Tz4Rn8s/Bm5Yc3Hj6Fg1Ua0Ke/Z"
    data = json.dumps({"aws_secret_access_key": key}).replace("/", "\\/").encode()
    assert rules(scanner, member(data, "config.php")) == {"aws-secret-access-key"}


def test_an_escaped_private_key_in_json_is_found(scanner: secrets.SecretsScanner) -> None:
    escaped = b'{"private_key": "' + KEY.replace(b"\n", b"\\n") + b'\\n"}'
    assert rules(scanner, member(escaped, "sa.json")) == {"private-key"}


@pytest.mark.parametrize(("layers", "seen"), [(1, True), (2, True), (3, False)])
def test_two_layers_of_base64_hide_nothing(scanner: secrets.SecretsScanner, layers: int, seen: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    text = f"token: {TOKEN}".encode()
    for _ in range(layers):
        text = base64.b64encode(text)

    said = [finding.message for finding in findings(scanner, member(b"data: " + text))]
    assert said == (["GitHub personal access token in base64 text"] if seen else [])


@pytest.mark.parametrize(
    "hide",
    [
        base64.b64encode,
        lambda plain: base64.b64encode(plain).rstrip(b"="),
        base64.encodebytes,
        lambda plain: base64.encodebytes(plain).replace(b"\n", b"\r\n    "),
        lambda plain: b'{"data": "' + base64.b64encode(plain) + b'"}',
        lambda plain: b"data:text/plain;base64," + base64.b64encode(plain),
        base64.urlsafe_b64encode,
        lambda plain: json.dumps(base64.encodebytes(plain).decode()).encode(),
        lambda plain: json.dumps(base64.encodebytes(plain).decode().replace("\n", "\r\n")).encode(),
        lambda plain: b"\xff\xfe" + base64.b64encode(plain).decode().encode("utf-16-le"),
        lambda plain: base64.urlsafe_b64encode(plain + "; \u00ff\u00fe\u00ff\u00fe and on".encode("latin-1")),
        lambda plain: b"first = AAAA\nsecond = " + base64.b64encode(plain) + b"\nthird = word",
        lambda plain: base64.b64encode(b"ascii at first " + plain + "; then \u00fcml\u00e4ut".encode()),
    ],
)
def test_base64_is_read_however_it_is_written(scanner: secrets.SecretsScanner, hide: Callable[[bytes], bytes]) -> None:
    plain = f"a line that is long enough to be wrapped by MIME, and then {TOKEN} at last".encode()
    assert rules(scanner, member(hide(plain))) == {"github-personal-token"}


def test_a_key_id_that_is_all_of_a_kubernetes_secret_is_found(scanner: secrets.SecretsScanner) -> None:
    key = fill(SHAPES["aws-access-key-id"], random.Random(8)).encode()
    assert rules(scanner, member(b"data:\n  id: " + base64.b64encode(key) + b"\n")) == {"aws-access-key-id"}


@given(
    st.text(
        st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")) | st.sampled_from("\t\r\n"), min_size=18
    )
)
def test_base64_of_any_text_is_decoded(plain: str) -> None:
    assert plain.encode() in decoded(b"= " + base64.b64encode(plain.encode()))


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(random.Random(1).randbytes(60_000)),
        b"a sentence of words, a/path/of/some/length/in/a/tree and an identifierThatIsAsLongAsThey12Get",
        b"0123456789abcdef" * 40,
        b"",
    ],
)
def test_what_is_no_base64_of_text_is_not_decoded(data: bytes) -> None:
    assert decoded(data) == b""


def test_much_base64_is_no_reason_to_stop_looking(scanner: secrets.SecretsScanner) -> None:
    lines = (base64.b64encode(b"a harmless line of text %010d" % number) for number in range(101_000))
    data = b",\n".join([*lines, base64.b64encode(TOKEN.encode())])
    assert rules(scanner, member(data)) == {"github-personal-token"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_no_encoding_of_text_hides_a_secret(scanner: secrets.SecretsScanner, encoding: str) -> None:
    for name in ("settings.ini", "export.reg"):
        data = f"[settings]\r\ntoken={TOKEN}\r\n".encode(encoding)
        assert rules(scanner, member(data, name)) == {"github-personal-token"}


def test_one_secret_is_one_finding(scanner: secrets.SecretsScanner) -> None:
    assert len(findings(scanner, member(f"{TOKEN} {TOKEN}\n{TOKEN}".encode()))) == 1


def test_a_secret_across_a_window_edge_is_found_at_one_place(scanner: secrets.SecretsScanner) -> None:
    data = bytearray(b" " * 5 * WINDOW)
    data[WINDOW - 20 : WINDOW - 20 + len(TOKEN)] = TOKEN.encode()
    found: set[Finding] = set(findings(scanner, *windows(bytes(data))))
    assert {hit.message for hit in found} == {f"GitHub personal access token at byte {WINDOW - 20}"}


@pytest.mark.parametrize("at", [0, WINDOW - len(TOKEN), WINDOW - 64 * 1024, WINDOW - 1, 3 * WINDOW - len(TOKEN)])
def test_a_secret_at_any_edge_is_found(scanner: secrets.SecretsScanner, at: int) -> None:
    data = bytearray(b" " * 3 * WINDOW)
    data[at : at + len(TOKEN)] = TOKEN.encode()
    assert {hit.message for hit in findings(scanner, *windows(bytes(data)))} == {
        f"GitHub personal access token at byte {at}"
    }


@pytest.mark.parametrize("cut", [WINDOW - 64 * 1024, WINDOW])
def test_what_a_window_cuts_out_of_a_longer_word_is_no_token(scanner: secrets.SecretsScanner, cut: int) -> None:
    data = bytearray(b" " * 2 * WINDOW)
    word = f"{TOKEN}{TOKEN}".encode()
    data[cut - len(TOKEN) : cut + len(TOKEN)] = word
    assert not findings(scanner, *windows(bytes(data)))


def test_drowning_a_secret_is_a_skip(scanner: secrets.SecretsScanner) -> None:
    flood = b"".join(b"rk_live_%020d " % number for number in range(secrets_matcher.CANDIDATES + 1))
    assert [skip.reason for skip in skips(scanner, member(flood))] == [SkipReason.LIMIT]


@given(st.binary(max_size=4000))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    assert not [fact for fact in SHARED.scan(member(data + b" AKIA")) if fact is None]


SHARED = secrets.build({})


def test_threads_share_one_scanner(scanner: secrets.SecretsScanner) -> None:
    members = [member(fill(shape, random.Random(6)).encode()) for shape in SHAPES.values()]
    expected = [findings(scanner, one) for one in members]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: findings(scanner, one), members)) == expected


def rule_file(folder: Path, text: str) -> dict[str, object]:
    (folder / "own.toml").write_text(text)
    return {"rules": [str(folder)], "curated": False}


def test_user_rules_run(tmp_path: Path) -> None:
    options = rule_file(tmp_path, "[[rule]]\nid='acme'\nname='Acme key'\ntoken='acme_[0-9a-f]{16}'\nallow=['acme_0']\n")
    own = secrets.build(options)
    assert rules(own, member(b"acme_19af3c5d7e2b4068")) == {"acme"}
    assert not rules(own, member(b"acme_09af3c5d7e2b4168 " + TOKEN.encode()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]]\nid='a'\nname='a'\n", "exactly one of"),
        ("[[rule]]\nid='a'\nname='a'\ntoken='x'\nregex='y'\n", "exactly one of"),
        ("[[rule]]\nid='a'\nname='a'\nregex='abc'\n", "group around"),
        ("[[rule]]\nid='a'\nname='a'\nregex='(abc'\n", "a: "),
        ("[[rule]]\nid='a'\nname='a'\ntoken='x'\ncolour='red'\n", "colour"),
        ("[[rule", r"own\.toml"),
    ],
)
def test_a_rule_that_cannot_work_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        secrets.build(rule_file(tmp_path, text))


def test_a_folder_without_rules_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \.toml file"):
        secrets.build({"rules": [str(tmp_path)]})


def test_a_precompiled_database_finds_the_same(tmp_path: Path, scanner: secrets.SecretsScanner) -> None:
    path = secrets_matcher.precompile(tmp_path)
    database = hyperscan.loadb(path.read_bytes(), mode=hyperscan.HS_MODE_BLOCK)
    ends: list[int] = []
    database.scan(TOKEN.encode(), lambda _rule, _from, end, *_: ends.append(end), scratch=hyperscan.Scratch(database))
    assert ends == [len(TOKEN)]
    assert rules(scanner, member(TOKEN.encode())) == {"github-personal-token"}


def test_a_database_is_of_the_expressions_and_not_only_of_what_they_are_made_of() -> None:
    class Other(secrets_rules.Rule, frozen=True):
        @property
        def pattern(self) -> bytes:
            return b"other" + super().pattern

    same = secrets_rules.Rule("a", "a", token="x"), Other("a", "a", token="x")
    assert secrets_matcher.digest(same[:1]) != secrets_matcher.digest(same[1:])


def test_a_database_made_for_another_processor_is_compiled_anew(tmp_path: Path) -> None:
    path = secrets_matcher.precompile(tmp_path)
    path.write_bytes(path.read_bytes()[:64] + b"\0" * 4096)
    rules_of = tuple(secrets_matcher.load([secrets_matcher.CURATED]))
    database = secrets_matcher._database(rules_of, tmp_path)
    ends: list[int] = []
    database.scan(TOKEN.encode(), lambda _rule, _from, end, *_: ends.append(end), scratch=hyperscan.Scratch(database))
    assert ends == [len(TOKEN)]
