"""Arrays as joblib writes them, raw bytes in the middle of a pickle: of how many there is one opinion only.

Each of the streams here that ends in a finding or a skip runs its command when joblib (or pickle) loads it.
"""

from __future__ import annotations

import os
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Skip
from customhouse.scanners import pickles
from tests.scanners.support import member
from tests.scanners.test_pickles import CALL, Runs, facts, messages, name, text

WRAPPER = name("joblib.numpy_pickle", "NumpyArrayWrapper")
EVIL = b"0" + CALL
"""Takes the array off the stack and calls os.system."""


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def state(
    *, subarray: bytes = b"N", names: bytes = b"N", fields: bytes = b"N", size: int = -1, flags: int = 0
) -> bytes:
    """What a type of NumPy is BUILD with: version, order, subarray, names, fields, size, alignment, flags."""
    values = (b"K\x03", text("|"), subarray, names, fields, number(size), number(-1), b"K" + bytes([flags]))
    return b"(" + b"".join(values) + b"tb"


def dtype(code: str, built: bytes = b"") -> bytes:
    return name("numpy", "dtype") + text(code) + b"\x89\x88\x87R" + built


def tuple_of(*extents: int) -> bytes:
    return b"(" + b"".join(map(number, extents)) + b"t"


def fields(kind: bytes, shape: bytes = tuple_of(1), **more: bytes) -> dict[str, bytes]:
    return {
        "subclass": name("numpy", "ndarray"),
        "shape": shape,
        "order": text("C"),
        "dtype": kind,
        "allow_mmap": b"\x88",
    } | more


def array(kind: bytes, shape: bytes = tuple_of(1), made: bytes = WRAPPER + b")\x81", **more: bytes) -> bytes:
    """The wrapper and its state, up to the first byte of the array."""
    items = b"".join(text(key) + value for key, value in fields(kind, shape, **more).items())
    return b"\x80\x04" + made + b"}(" + items + b"ub"


def hiding(width: int) -> bytes:
    """An item of so many bytes, then a call; as opcodes, the item is the head of a string that holds the call."""
    return (b"B" + struct.pack("<I", len(EVIL))).rjust(width, b"N") + EVIL + b"."


def judged(data: bytes) -> bool:
    """Whether the stream is anything but clean, whatever its file is called."""
    return all(facts(data, file) for file in ("model.pkl", "model.joblib", "data"))


@pytest.mark.parametrize(
    ("code", "width"),
    [("f8", 8), ("f4", 4), ("u1", 1), ("b1", 1), ("c16", 16), ("M8", 8), ("m8", 8), ("S7", 7), ("U3", 12), ("V9", 9)],
)
@pytest.mark.parametrize("built", [b"", state(), state(flags=8)])
def test_an_array_is_as_long_as_its_type_says(code: str, width: int, built: bytes) -> None:
    data = array(dtype(code, built), tuple_of(2, 3)) + b"\xff" * (6 * width)
    assert facts(data + b".") == []
    assert "os.system" in messages(data + EVIL)
    assert judged(data[:-1] + EVIL)


@pytest.mark.parametrize(
    "code", ["d", "f", "?", "l", "L", "q", "i", "e", "F", "D", "c", "M", "U", "a8", "f08", ">f8", "8f", ""]
)
def test_a_type_that_joblib_does_not_write_is_a_skip(code: str) -> None:
    """NumPy knows these too, with sizes that are not written in them."""
    assert [type(fact) for fact in facts(array(dtype(code)) + hiding(8))] == [Skip]
    assert judged(array(dtype(code)) + hiding(8))


@pytest.mark.parametrize(
    "kind",
    [
        name("numpy", "float64"),
        b"N",
        text("f8"),
        name("numpy", "dtype") + b")R",
        name("numpy", "dtype") + name("numpy", "float64") + b"\x85R",
        name("numpy", "dtype") + b"]\x85R",
        name("numpy.dtypes", "Float64DType") + text("f8") + b"\x85R",
    ],
)
def test_a_type_that_is_not_made_of_its_code_is_a_skip(kind: bytes) -> None:
    assert [type(fact) for fact in facts(array(kind) + hiding(8))] == [Skip]


@pytest.mark.parametrize(
    "kind",
    [
        dtype("V99", state(size=1)),
        dtype("S99", state(size=2)),
        dtype("U9", state(size=4)),
        dtype("V1", state(size=99)),
        dtype("f8", state(size=4)),
        dtype("f8", b"(K\x03" + text("<") + b"NNNtb"),
        dtype("V8", b"(K\x02" + text("|") + b"NNNK\x08K\x01tb"),
        dtype("f8", b"Nb"),
        dtype("f8", b"}b"),
        dtype("f8", b"(" + b"N" * 8 + b"tb"),
        dtype("O8", state(flags=0)),
    ],
)
def test_a_type_that_says_two_things_of_its_size_is_a_skip(kind: bytes) -> None:
    """Its state counts for NumPy where it holds a size or flags, its code else."""
    data = array(kind) + (b"N" + EVIL).ljust(99, b"N") + b"."
    assert Skip in [type(fact) for fact in facts(data)]
    assert judged(data)


def test_the_last_state_of_a_type_counts() -> None:
    honest = dtype("V99", state(size=1) + state(size=99))
    assert facts(array(honest) + bytes(99) + b".") == []
    assert judged(array(dtype("V99", state(size=99) + state(size=1))) + (b"N" + EVIL).ljust(99, b"N") + b".")


def test_a_type_changed_through_the_memo_is_changed() -> None:
    kind = b"\x80\x04" + dtype("V99") + b"\x94" + state(size=1)[:-1] + b"b0"
    data = kind + array(b"h\x00")[2:] + (b"N" + EVIL).ljust(99, b"N") + b"."
    assert judged(data)


@pytest.mark.parametrize("flags", [1, 63])
@pytest.mark.parametrize("code", ["V8", "f8", "O8"])
def test_items_that_are_objects_are_a_pickle_whatever_the_code(code: str, flags: int) -> None:
    """A structure with a field of objects is `V8`, and its state has the flag."""
    structure = state(names=text("a") + b"\x85", fields=b"}" + text("a") + dtype("O8") + b"K\x00\x86s", flags=flags)
    bad, good = (pickle.dumps(value, 4) for value in (Runs(os.system, "id"), [1, 2]))
    assert "posix.system" in messages(array(dtype(code, structure)) + bad.ljust(800) + b".")
    assert facts(array(dtype(code, structure)) + good + b".") == []


@pytest.mark.parametrize(
    "extra",
    [
        {"more": b"N", "yet_more": b"N"},
        {"numpy_array_alignment_bytes": b"K\x10", "more": b"N"},
        {"numpy_array_alignment_bytes": b"\x88"},
        {"numpy_array_alignment_bytes": b"N"},
        {"numpy_array_alignment_bytes": b"]"},
        {"shape": text("11")},
        {"shape": b"N"},
        {"shape": b"]"},
        {"shape": text("1") + b"\x85"},
        {"shape": b"\x88\x85"},
    ],
)
def test_a_state_that_joblib_does_not_write_is_a_skip(extra: dict[str, bytes]) -> None:
    items = fields(dtype("f8")) | extra
    written = b"\x80\x04" + WRAPPER + b")\x81}(" + b"".join(text(key) + value for key, value in items.items()) + b"ub"
    assert [type(fact) for fact in facts(written + hiding(8))] == [Skip]
    assert judged(written + hiding(8))


@pytest.mark.parametrize("key", ["dtype", "numpy_array_alignment_bytes"])
def test_a_key_of_bytes_is_none(key: str) -> None:
    """It is no attribute, so the one of text counts, or none."""
    as_bytes = b"C" + bytes([len(key)]) + key.encode()
    for pair in (as_bytes + dtype("V99"), text("dtype") + dtype("V99")):
        items = b"".join(text(name_) + value for name_, value in fields(dtype("f8")).items())
        data = b"\x80\x04" + WRAPPER + b")\x81}(" + items + pair + b"ub" + hiding(8)
        assert judged(data)


@pytest.mark.parametrize("close", ["SETITEM", "DICT", "SETITEMS in two"])
def test_a_state_put_together_otherwise_is_a_skip(close: str) -> None:
    pairs = [text(key) + value for key, value in fields(dtype("f8")).items()]
    made = {
        "SETITEM": b"}" + b"".join(pair + b"s" for pair in pairs),
        "DICT": b"(" + b"".join(pairs) + b"d",
        "SETITEMS in two": b"}(" + b"".join(pairs[:2]) + b"u(" + b"".join(pairs[2:]) + b"u",
    }
    data = b"\x80\x04" + WRAPPER + b")\x81" + made[close] + b"b" + hiding(8)
    assert [type(fact) for fact in facts(data)] == [Skip]
    assert judged(data)


@pytest.mark.parametrize(
    "made",
    [
        WRAPPER + b")R",
        WRAPPER + b")}\x92",
        b"(" + WRAPPER + b"o",
        b"(ijoblib.numpy_pickle\nNumpyArrayWrapper\n",
        name("copyreg", "__newobj__") + WRAPPER + b"\x85R",
        name("copy_reg", "_reconstructor") + WRAPPER + name("builtins", "object") + b"N\x87R",
        name("copyreg", "__newobj_ex__") + WRAPPER + b")}\x87R",
        name("sklearn.neighbors._kd_tree", "newObj") + WRAPPER + b"\x85R",
        name("pandas.core.indexes.base", "_new_Index") + WRAPPER + b"}\x86R",
        name("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81",
    ],
)
def test_however_a_wrapper_is_made_its_array_is_stepped_over(made: bytes) -> None:
    assert facts(array(dtype("f8"), made=made) + CALL[:1] * 8 + b".") == []
    assert "os.system" in messages(array(dtype("f8"), made=made) + hiding(8))


@pytest.mark.parametrize(
    "given_back",
    [
        name("builtins", "max") + b"](" + WRAPPER + b")\x81e\x85R",
        name("builtins", "sum") + b"]" + WRAPPER + b")\x81\x86R",
        name("numpy.core.multiarray", "scalar") + dtype("O8") + WRAPPER + b")\x81\x86R",
    ],
)
def test_a_wrapper_that_a_function_gives_back_is_not_lost(given_back: bytes) -> None:
    assert judged(array(dtype("f8"), made=given_back) + hiding(8))


def test_to_pickle_itself_the_bytes_of_an_array_are_opcodes() -> None:
    """So what they do counts too: who knows which of the two loads the file."""
    body = b"0" + CALL
    data = array(dtype(f"V{len(body)}")) + body + b"."
    for file in ("model.pkl", "model.joblib", "weights"):
        assert "os.system" in messages(data, file)


def test_an_array_inside_an_array_of_objects_is_followed_by_nothing() -> None:
    """joblib gives the inner pickle to pickle, to which a wrapper is an object like any other."""
    body = b"0" + CALL
    inner = array(dtype(f"V{len(body)}")) + body + b"."
    assert "os.system" in messages(array(dtype("O8")) + inner + b".")


def test_what_a_wrapper_hides_in_an_attribute_of_hdf5_is_found() -> None:
    body = b"0" + CALL
    inside = array(dtype(f"V{len(body)}")) + body
    assert "os.system" in messages(b"\x89HDF\r\n\x1a\n" + bytes(100) + inside + bytes(100), "weights.h5")


def test_a_stream_that_breaks_off_after_a_call_is_a_skip_in_every_file() -> None:
    """It may be no more than what this walk does not understand; a reader has called by then."""
    broken = b"\x80\x04" + name("collections", "OrderedDict") + b")R\xff"
    assert [type(fact) for fact in facts(broken, "data")] == [Skip]
    assert facts(b"\x80\x04" + name("collections", "OrderedDict") + b"\xff", "data") == []


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.sampled_from([("f8", 8), ("i2", 2), ("U2", 8), ("S3", 3), ("b1", 1)]),
    st.integers(0, 40),
    st.data(),
)
def test_whatever_the_shape_the_stream_goes_on_behind_the_array(
    extents: list[int], kind: tuple[str, int], padding: int, draw: st.DataObject
) -> None:
    code, size = kind
    for extent in extents:
        size *= extent
    body = bytes([padding]) + b"\xff" * padding + draw.draw(st.binary(min_size=size, max_size=size))
    shape = tuple_of(*extents)
    data = array(dtype(code), shape, numpy_array_alignment_bytes=b"K\x10") + body
    found = list(pickles.build({}).scan(member(data + EVIL, "model.pkl")))
    assert any(isinstance(fact, Finding) and "os.system" in fact.message for fact in found)
    assert not [fact for fact in pickles.build({}).scan(member(data + b".", "model.pkl")) if isinstance(fact, Skip)]
