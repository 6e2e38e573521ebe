"""Keras configurations: in a .keras archive, in HDF5, in a SavedModel, and what Keras calls when it reads them."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.models_claims import HDF5, is_hdf5
from tests.scanners.support import findings, member, rules
from tests.scanners.test_models import DENSE, LAMBDA, SCANNER, keras, reasons

LAYERS = "keras.layers"


def layer(name: str, module: object = LAYERS, /, **own: object) -> dict[str, object]:
    return {"module": module, "class_name": name, "config": own, "registered_name": None}


def function(module: str, name: str) -> dict[str, object]:
    """As Keras 3 writes a function: an object with no other in it."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def everywhere(*layers: object) -> list[Member]:
    """The same model as a .keras configuration, in an HDF5 attribute and in a SavedModel's metadata."""
    text = keras(DENSE, *layers)
    return [
        member(text, "config.json", container="zip"),
        member(HDF5 + bytes(3000) + text + bytes(100), "model.h5"),
        member(b"\x0a\x50root" + text, "keras_metadata.pb"),
    ]


@pytest.mark.parametrize(
    ("made", "rule", "severity"),
    [
        (LAMBDA, "keras-lambda", Severity.CRITICAL),
        (layer("Lambda"), "keras-lambda", Severity.CRITICAL),
        (layer("TorchModuleWrapper", module_="AAAA"), "keras-loads-code", Severity.CRITICAL),
        (layer("TFSMLayer", filepath="/x"), "keras-loads-code", Severity.CRITICAL),
        (layer("StringLookup", vocabulary="/etc/passwd"), "keras-reads-file", Severity.HIGH),
        (layer("TextVectorization", idf_weights="/etc/passwd"), "keras-reads-file", Severity.HIGH),
        (layer("BytePairTokenizer", "keras_hub.tokenizers", merges="../m"), "keras-reads-file", Severity.HIGH),
        (layer("WordPieceTokenizer", "keras_nlp.tokenizers", vocabulary="v"), "keras-reads-file", Severity.HIGH),
        (layer("Evil", "acme.layers"), "keras-foreign-module", Severity.HIGH),
        (function("subprocess", "run"), "keras-foreign-module", Severity.HIGH),
        (function("builtins", "exec"), "keras-foreign-module", Severity.HIGH),
        (function("keras.utils", "get_file"), "keras-function", Severity.HIGH),
        (function("keras.saving", "load_model"), "keras-function", Severity.HIGH),
        (function("numpy", "load"), "keras-function", Severity.HIGH),
        (function("tensorflow.io", "write_file"), "keras-function", Severity.HIGH),
        (layer("get_file", "keras.utils"), "keras-function", Severity.HIGH),
        (layer("enable_unsafe_deserialization", "keras.config"), "keras-function", Severity.HIGH),
        (layer("BackupAndRestore", "keras.callbacks"), "keras-function", Severity.HIGH),
        (layer("TFOpLambda", function="io.write_file"), "keras-function", Severity.HIGH),
        (layer("TFOpLambda", function="compat.v1.py_func"), "keras-function", Severity.HIGH),
        (layer("TFOpLambda", function="load_op_library"), "keras-function", Severity.HIGH),
        (layer("SlicingOpLambda", function="saved_model.load"), "keras-function", Severity.HIGH),
        (layer("TFOpLambda", function="keras.models.load_model"), "keras-function", Severity.HIGH),
        (layer("TFOpLambda", function="raw_ops.EagerPyFunc"), "tensorflow-operation", Severity.CRITICAL),
        (layer("TFOpLambda", function="raw_ops.WriteFile"), "tensorflow-operation", Severity.HIGH),
        (layer("TensorFlowOpLayer", node_def={"op": "PyFunc"}), "tensorflow-operation", Severity.CRITICAL),
        (layer("TensorFlowOpLayer", node_def='name: "n"\nop: "WriteFile"'), "tensorflow-operation", Severity.HIGH),
    ],
)
def test_what_keras_would_run_or_read_is_found_wherever_the_configuration_is(
    made: dict[str, object], rule: str, severity: Severity
) -> None:
    for one in everywhere(made):
        worst = max(findings(SCANNER, one), key=lambda found: found.severity.rank)
        assert (worst.severity, rule in rules(SCANNER, one)) == (severity, True), one.name


@pytest.mark.parametrize(
    "made",
    [
        function("keras.activations", "relu"),
        function("keras.src.losses.losses", "mean_squared_error"),
        function("keras.ops", "add"),
        layer("Dense", "keras.src.layers.core.dense", activation="relu"),
        layer("Adam", "keras.optimizers", learning_rate=0.1),
        layer("DTypePolicy", "keras", name="float32"),
        layer("Functional", "keras.src.models.functional"),
        layer("StringLookup", vocabulary=["a", "b"]),
        layer("StringLookup", vocabulary=None),
        layer("BytePairTokenizer", "keras_hub.tokenizers", merges=None),
        layer("TFOpLambda", function="math.multiply"),
        layer("TFOpLambda", function="compat.v1.shape"),
        layer("TFOpLambda", function="__operators__.add"),
        layer("TFOpLambda", function="io.decode_jpeg"),
        layer("TFOpLambda", function="raw_ops.AddV2"),
        layer("TensorFlowOpLayer", node_def={"op": "AddV2", "name": "ReadFile"}),
        layer("__tensor__", None, value=[1]),
        layer("GlorotUniform", "keras.initializers", seed=None),
    ],
)
def test_what_honest_models_are_made_of_is_clean_wherever_the_configuration_is(made: dict[str, object]) -> None:
    for one in everywhere(made):
        assert rules(SCANNER, one) == set(), one.name


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.saving", "load_model"),
        ("numpy", "load"),
        ("tensorflow.io", "write_file"),
        ("keras.models", "clone_model"),
    ],
)
def test_a_function_may_be_written_as_a_class(module: str, name: str) -> None:
    """Keras returns what it finds under the name, where that is a function."""
    assert rules(SCANNER, member(keras(layer(name, module)), "config.json")) == {"keras-function"}
    assert rules(SCANNER, member(keras(layer(name.title(), "keras.layers")), "config.json")) == set()


@pytest.mark.parametrize("block", [0, 512, 1024, 4096, 8192, 1 << 16, 1 << 20])
def test_a_block_of_the_users_hides_no_hdf5_file(block: int) -> None:
    data = bytes(block) + HDF5 + bytes(100) + keras(LAMBDA)
    assert is_hdf5(data)
    for name in ("model.h5", "weights.mat", "data"):
        assert rules(SCANNER, member(data, name)) == {"keras-lambda"}


@pytest.mark.parametrize("at", [1, 511, 513, 1536, 3072])
def test_the_signature_elsewhere_is_no_hdf5_file(at: int) -> None:
    data = bytes(at) + HDF5 + bytes(5000)
    assert not is_hdf5(data)
    assert not SCANNER.wants(member(data, "data"))
    assert SCANNER.wants(member(data, "model.hdf5"))


def test_a_configuration_that_is_hdf5_too_is_judged_as_both() -> None:
    """In UTF-16 the signature is four letters, which a text may hold at byte 512."""
    start = '{"a": "'
    text = start + "a" * (256 - 1 - len(start)) + HDF5.decode("utf-16-le") + '", "b": ' + keras(LAMBDA).decode() + "}"
    data = text.encode("utf-16")
    assert is_hdf5(data)
    assert "keras-lambda" in rules(SCANNER, member(data, "config.json"))


@pytest.mark.parametrize("edge", range(-40, 41, 8))
def test_no_edge_of_a_chunk_hides_a_layer(edge: int) -> None:
    text = b'{"class_name" : "Lambda"}'
    data = HDF5.ljust((4 << 20) + edge, b"\0") + text + bytes(1000)
    one = Member("m.h5", "m.h5", "hdf5", len(data), data[:1000], last=False, stream=io.BytesIO(data))
    assert rules(SCANNER, one) == {"keras-lambda"}


@pytest.mark.parametrize("blanks", [100, 70_000, 300_000])
def test_no_blanks_hide_a_layer(blanks: int) -> None:
    for before in (100, (4 << 20) - 50, (4 << 20) - blanks // 2):
        data = HDF5.ljust(before, b"\0") + b'{"class_name":' + b" " * blanks + b'"Lambda"}'
        assert rules(SCANNER, member(data, "m.h5")) == {"keras-lambda"}


@pytest.mark.parametrize(
    "name", ["config.json", "model_config.json", "model.json", "architecture.json", "a.keras.json"]
)
def test_a_configuration_has_several_names(name: str) -> None:
    assert rules(SCANNER, member(keras(LAMBDA), name)) == {"keras-lambda"}
    assert rules(SCANNER, member(json.dumps({"modelTopology": {"model_config": LAMBDA}}).encode(), name)) == {
        "keras-lambda"
    }


def test_a_configuration_too_large_to_parse_is_a_skip() -> None:
    assert set(reasons(b"[" + b"{}," * 1_100_000 + b"{}]", "model.json")) == {SkipReason.LIMIT}
    assert set(reasons(b'"' + b"a" * (32 << 20) + b'"', "model.json")) == {SkipReason.LIMIT}


def test_what_a_configuration_says_cannot_disturb_a_terminal() -> None:
    for one in everywhere(layer("StringLookup", vocabulary="/x\x1b[2J\u202e"), function("os\x1b[2J", "sys\ntem")):
        assert all(found.message.isprintable() for found in findings(SCANNER, one))


NAMES = st.sampled_from(["Dense", "function", "Lambda", "get_file", "TFOpLambda", "StringLookup", "", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | NAMES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["class_name", "module", "config", "function", "vocabulary", "a"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_configuration_ends_in_findings(document: object) -> None:
    for one in everywhere(document):
        assert all(isinstance(fact, Finding) for fact in SCANNER.scan(one))


@given(JSON, JSON)
def test_whatever_stands_around_a_lambda_it_is_found(before: object, after: object) -> None:
    for one in everywhere(before, LAMBDA, after):
        assert "keras-lambda" in rules(SCANNER, one)
