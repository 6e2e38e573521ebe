"""TensorFlow graphs in protobuf, as text and in TFLite, and ONNX models: what their operations and tensors reach."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Severity, Skip, SkipReason
from customhouse.scanners.models_claims import listed, outside
from tests.scanners.support import findings, member, rules
from tests.scanners.test_models import SCANNER, field, graph, node, onnx, reasons, saved_model, varint

LISTED = listed("operations.txt")


@pytest.mark.parametrize("level", ["critical", "high", "medium"])
def test_every_operation_that_is_listed_is_found_in_every_form(level: str) -> None:
    for operation in LISTED[level]:
        for data, name in (
            (saved_model("MatMul", operation), "saved_model.pb"),
            (graph(operation, "MatMul"), "frozen.pb"),
            (b'node { op: "%b" }' % operation.encode(), "graph.pbtxt"),
            (b"\x1c\0\0\0TFL3" + bytes(40) + b"Flex" + operation.encode() + b"\0", "model.tflite"),
        ):
            [found] = findings(SCANNER, member(data, name))
            assert (found.rule, found.severity) == ("tensorflow-operation", Severity(level)), (name, operation)


def test_no_operation_is_listed_twice() -> None:
    names = [name for level in LISTED.values() for name in level]
    assert len(names) == len(set(names))
    assert set(LISTED) == {"critical", "high", "medium"}


@pytest.mark.parametrize(
    "operation",
    [
        "MatMul",
        "RestoreV2",
        "SaveV2",
        "InitializeTableFromTextFileV2",
        "VarHandleOp",
        "ParseExampleV2",
        "py_func",
        "Pyfunc",
        "",
    ],
)
def test_an_operation_of_every_model_is_none_of_them(operation: str) -> None:
    for make in (saved_model, graph):
        assert rules(SCANNER, member(make(operation, "AddV2"), "saved_model.pb")) == set()
    assert rules(SCANNER, member(b"TFL3TFL3Flex" + operation.encode() + b"\0", "model.tflite")) == set()


@pytest.mark.parametrize("filler", [0, 100, 5_000, 100_000])
@pytest.mark.parametrize("name", ["Print", "PrintV2"])
def test_no_filler_hides_where_a_graph_prints_to(filler: int, name: str) -> None:
    junk = field(5, field(1, b"junk") + field(2, field(2, b"x" * filler)))
    stream = field(5, field(1, b"output_stream") + field(2, field(2, b"file:///root/.bashrc")))
    for attributes, found in ((junk + stream, {"tensorflow-operation"}), (junk, set())):
        data = field(2, field(2, field(1, field(2, name.encode()) + attributes)))
        assert rules(SCANNER, member(data, "saved_model.pb")) == found


@pytest.mark.parametrize(
    "written",
    [
        rb'op: "PyFunc"',
        rb"op:'PyFunc'",
        rb'op : "Py" "Func"',
        b"op: \"Py\"\n  'Func'",
        rb'op: "\120yFunc"',
        rb'op: "\x50yFunc"',
        rb'op: "\u0050yFunc"',
        rb'op: "\U00000050yFunc"',
        rb'op: "\120\171\106\165\156\143"',
        b'op: # what it does\n "PyFunc"',
        b'op # "MatMul"\n : "Py" # and\n "Func"',
        b'op:\n\t"PyFunc"\r\n',
    ],
)
def test_an_operation_may_be_written_in_many_ways(written: bytes) -> None:
    data = b'meta_graphs { graph_def { node { name: "a" ' + written + b' input: "b" } } }'
    assert rules(SCANNER, member(data, "saved_model.pbtxt")) == {"tensorflow-operation"}


@pytest.mark.parametrize(
    "written", [b'name: "PyFunc"', b'hop: "PyFunc"', b'op: "PyFuncs"', b'op: "Py" name: "Func"', b"op: PyFunc"]
)
def test_other_texts_of_a_graph_are_no_operation(written: bytes) -> None:
    assert rules(SCANNER, member(b"node { " + written + b" }", "graph.pbtxt")) == set()


@pytest.mark.parametrize("target", [b"file:///etc/x", rb"\146ile:///etc/x", rb"file\072///etc/x"])
def test_a_graph_written_as_text_that_prints_to_a_file_is_a_finding(target: bytes) -> None:
    printing = b'node { op: "PrintV2" attr { key: "output_stream" value { s: "%b" } } }'
    assert rules(SCANNER, member(printing % target, "g.pbtxt")) == {"tensorflow-operation"}
    assert rules(SCANNER, member(printing % b"stderr", "g.pbtxt")) == set()
    assert rules(SCANNER, member((printing % target).replace(b"PrintV2", b"Identity"), "g.pbtxt")) == set()


def test_a_graph_in_pieces_is_a_skip() -> None:
    """TensorFlow prefers it to the saved_model.pb beside it."""
    assert reasons(b"anything", "saved_model.cpb") == [SkipReason.UNSUPPORTED]


def test_what_was_found_before_a_graph_breaks_off_is_told() -> None:
    """Whatever a reader makes of the rest."""
    broken = graph("PyFunc", "MatMul") + b"\x0a\xff\xff"
    assert "tensorflow-operation" in {
        fact.rule for fact in SCANNER.scan(member(broken, "frozen.pb")) if isinstance(fact, Finding)
    }


def test_an_edge_of_a_chunk_hides_no_operation_of_tflite() -> None:
    for edge in range(-20, 5, 3):
        data = b"\0\0\0\0TFL3".ljust((4 << 20) + edge, b"\0") + b"FlexReadFile\0" + bytes(100)
        assert rules(SCANNER, member(data, "m")) == {"tensorflow-operation"}


HEAD = b"\x08\x07\x12\x07pytorch"


@pytest.mark.parametrize("name", ["model.onnx", "model", "model.bin", "weights.dat", "m.pb"])
def test_an_onnx_model_is_one_under_every_name(name: str) -> None:
    assert rules(SCANNER, member(HEAD + onnx("/etc/passwd") + field(14, b"") * 9, name)) == {"onnx-external-path"}
    assert rules(SCANNER, member(HEAD + onnx("weights.bin") + field(14, b"") * 9, name)) == set()


@pytest.mark.parametrize("data", [HEAD + b"\xff" * 100, HEAD])
def test_what_only_looks_like_one_is_left_alone(data: bytes) -> None:
    assert list(SCANNER.scan(member(data, "data"))) == []


@pytest.mark.parametrize(
    ("place", "leads"),
    [
        ("weights.bin", False),
        ("data/weights.bin", False),
        ("a..b/c..", False),
        ("./x", False),
        ("", False),
        ("..", True),
        ("a/..", True),
        ("/x", True),
        ("\\x", True),
        ("C:x", True),
        ("file:x", True),
        ("a\0b", True),
        ("x" * 4096, True),
        ("*/_ORT_MEM_ADDR_/*", True),
        ("*/_ORT_MEM_ADDR_/x", True),
    ],
)
def test_a_path_leads_out_of_its_folder_or_into_memory(place: str, *, leads: bool) -> None:
    """ONNX Runtime takes the last ones for an address, so that a model reads the memory of its process."""
    assert outside(place) is leads
    if place:
        assert (rules(SCANNER, member(onnx(place), "model.onnx")) == {"onnx-external-path"}) is leads


def test_the_default_of_a_functions_attribute_hides_no_tensor() -> None:
    tensor = field(13, field(1, b"location") + field(2, b"../../x"))
    assert rules(SCANNER, member(field(25, field(11, field(5, tensor))), "model.onnx")) == {"onnx-external-path"}


def test_each_place_is_told_once_and_only_locations_are_places() -> None:
    tensors = b"".join(
        field(5, field(13, field(1, key) + field(2, b"../x"))) for key in (b"location", b"location", b"checksum")
    )
    assert len(findings(SCANNER, member(field(7, tensors), "model.onnx"))) == 1


@given(
    st.binary(max_size=60),
    st.binary(max_size=60),
    st.sampled_from(["saved_model.pb", "g.meta", "m.onnx", "g.pbtxt", "t.tflite"]),
)
def test_any_graph_ends_in_facts(before: bytes, after: bytes, name: str) -> None:
    data = before + graph("MatMul", "PyFunc") + after
    assert all(isinstance(fact, Finding | Skip) for fact in SCANNER.scan(member(data, name)))


@given(st.lists(st.tuples(st.integers(3, 400), st.binary(max_size=20)), max_size=6))
def test_fields_that_no_graph_has_hide_no_operation(others: list[tuple[int, bytes]]) -> None:
    junk = b"".join(field(number, value) for number, value in others)
    data = junk + field(1, junk + node("PyFunc") + junk) + junk + varint(900 << 3) + b"\x05"
    assert rules(SCANNER, member(data, "saved_model.pb")) == {"tensorflow-operation"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_around_it_an_operation_of_a_text_graph_is_found(before: str, after: str) -> None:
    data = json.dumps(before).encode() + b'\nnode { op: "PyFunc" }\n' + after.encode()
    assert rules(SCANNER, member(data, "g.pbtxt")) == {"tensorflow-operation"}
