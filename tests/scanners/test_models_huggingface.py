"""What a loader of Hugging Face's would fetch, import or call because a configuration says so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity, Skip, SkipReason
from tests.scanners.support import findings, member, rules
from tests.scanners.test_models import SCANNER, reasons, safetensors, tensor


def configured(**entries: object) -> bytes:
    return json.dumps({"architectures": ["X"], "model_type": "x"} | entries).encode()


CONFIGURATIONS = ["config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"]


@pytest.mark.parametrize("name", [*CONFIGURATIONS, "sub/generation_config.json", "Config.JSON"])
@pytest.mark.parametrize(
    ("entries", "severity"),
    [
        ({"auto_map": {"AutoModel": "someone/else--modeling_x.X"}}, Severity.MEDIUM),
        ({"auto_map": {"AutoTokenizer": [None, "someone/else--tokenization_x.X"]}}, Severity.MEDIUM),
        ({"auto_map": "someone/else--modeling_x.X"}, Severity.MEDIUM),
        ({"custom_pipelines": {"x": {"impl": "someone/else--pipe.X", "pt": ["AutoModel"]}}}, Severity.MEDIUM),
        ({"nested": {"auto_map": {"AutoModel": "someone/else--modeling_x.X"}}}, Severity.MEDIUM),
        ({"auto_map": {"AutoModel": "modeling_x.X"}}, Severity.LOW),
        ({"custom_pipelines": {"x": {"impl": "pipe.X"}}}, Severity.LOW),
    ],
)
def test_code_that_a_model_brings_or_has_fetched_is_told(
    name: str, entries: dict[str, object], severity: Severity
) -> None:
    """The model's own is looked at as any other member; nobody has seen that of another repository."""
    [found] = findings(SCANNER, member(configured(**entries), name))
    rule = "remote-code" if severity is Severity.MEDIUM else "own-code"
    assert (found.rule, found.severity) == (rule, severity)
    assert ("someone/else" in found.message) is (severity is Severity.MEDIUM)


@pytest.mark.parametrize("first", [True, False])
def test_of_two_maps_of_one_name_each_counts(first: bool) -> None:  # noqa: FBT001 -- a case
    maps = ['"auto_map": {}', '"auto_map": {"AutoModel": "a/b--c.D"}']
    text = "{" + ", ".join(maps if first else maps[::-1]) + "}"
    assert rules(SCANNER, member(text.encode(), "config.json")) == {"remote-code"}


@pytest.mark.parametrize("entries", [{}, {"auto_map": {}}, {"auto_map": None}, {"auto_map": {"A": 5}}, {"a": "x--y.Z"}])
def test_a_model_without_code_is_clean(entries: dict[str, object]) -> None:
    for name in CONFIGURATIONS:
        assert rules(SCANNER, member(configured(**entries), name)) == set()


@pytest.mark.parametrize(
    "called",
    [
        *(
            "os.system",
            "builtins.exec",
            "builtins.eval",
            "subprocess.run",
            "shutil.rmtree",
            "pickle.loads",
            "posix.system",
        ),
        *("importlib.import_module", "operator.attrgetter", "ctypes.CDLL", "runpy.run_path", "__builtin__.eval"),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "model_config.yaml", "hparams.yaml", "dir/config.yml"])
def test_a_target_of_the_standard_library_is_critical(called: str, name: str) -> None:
    """hydra.utils.instantiate imports and calls what a configuration names, whichever model it is of."""
    forms = [f'{{"a": {{"_target_": "{called}", "_args_": ["id"]}}}}']
    if not name.endswith("json"):
        forms += [f"a:\n  _target_: {called}\n", f"a: {{_target_: '{called}'}}", f'"_target_"  :  "{called}"']
    for text in forms:
        found = findings(SCANNER, member(text.encode(), name))
        assert [(hit.rule, hit.severity) for hit in found] == [("config-target", Severity.CRITICAL)]


def test_a_target_hides_behind_no_escape() -> None:
    for text in (
        rb'{"_target_": "\u006fs.system"}',
        rb'{"_t\u0061rget_": "os.system"}',
        rb'"_target_": "\x6fs.system"',
    ):
        assert rules(SCANNER, member(text, "config.yaml")) == {"config-target"}


@pytest.mark.parametrize(
    "called",
    [
        *(
            "torch.nn.Linear",
            "nemo.collections.asr.models.X",
            "datetime.timedelta",
            "pathlib.Path",
            "collections.OrderedDict",
        ),
        *(
            "builtins.dict",
            "functools.partial",
            "logging.Formatter",
            "math.sqrt",
            "my_os.system",
            "osmium.system",
            "system",
        ),
    ],
)
def test_a_target_that_makes_an_object_is_clean(called: str) -> None:
    assert rules(SCANNER, member(f"a:\n  _target_: {called}\n".encode(), "config.yaml")) == set()


@pytest.mark.parametrize(
    ("place", "leads"),
    [
        ("model-00001-of-00002.safetensors", False),
        ("sub/model.bin", False),
        ("../other/model.bin", True),
        ("/etc/model.bin", True),
        ("..\\model.bin", True),
        ("C:\\model.bin", True),
    ],
)
@pytest.mark.parametrize("name", ["model.safetensors.index.json", "pytorch_model.bin.index.json"])
def test_weights_outside_the_models_folder_are_a_finding(place: str, name: str, *, leads: bool) -> None:
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": "x.safetensors", "b": place, "c": place}}
    found = findings(SCANNER, member(json.dumps(index).encode(), name))
    assert [(hit.rule, hit.severity) for hit in found] == ([("index-external-path", Severity.HIGH)] if leads else [])


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"5", b"{", b"\xff", b'{"weight_map": []}', b'{"weight_map": {"a": 5}}', b"[" * 99_999]
)
def test_what_is_no_configuration_is_left_alone(document: bytes) -> None:
    for name in ("model.safetensors.index.json", "config.json", "config.yaml"):
        assert list(SCANNER.scan(member(document, name))) == []


def test_a_configuration_too_large_to_read_is_a_skip() -> None:
    many = b'{"a": [' + b"1," * 2_100_000 + b"1]}"
    assert reasons(many, "preprocessor_config.json") == [SkipReason.LIMIT]
    assert reasons(many, "model.safetensors.index.json") == [SkipReason.LIMIT]
    assert reasons(b" " * ((32 << 20) + 1), "hparams.yaml") == [SkipReason.LIMIT]


@pytest.mark.parametrize("part", [b"[],", b"{},", b"1,"])
def test_a_safetensors_header_of_more_parts_than_fit_into_memory_is_a_skip(part: bytes) -> None:
    header = b'{"__metadata__": {}, "a": [' + part * 2_000_001 + b"1]}"
    assert reasons(safetensors(header), "m.safetensors") == [SkipReason.LIMIT]


def test_a_header_of_as_many_tensors_as_large_models_have_is_read() -> None:
    header = {f"model.layers.{at}.weight": tensor(4 * at, 4 * at + 4, (1,)) for at in range(20_000)}
    assert list(SCANNER.scan(member(safetensors(header, bytes(80_000)), "m.safetensors"))) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["a--b.C", "../x", "os.system"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["auto_map", "weight_map", "_target_", "custom_pipelines", "x"]), inner)
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["config.json", "model.safetensors.index.json", "config.yaml", "tokenizer_config.json"]))
def test_any_document_ends_in_facts(document: object, name: str) -> None:
    data = json.dumps(document).encode()
    assert all(isinstance(fact, Finding | Skip) for fact in SCANNER.scan(member(data, name)))
