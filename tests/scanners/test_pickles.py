"""Pickles are written here, by opcode or by `pickle.dumps`; none is ever loaded."""

from __future__ import annotations

import collections
import datetime as dt
import io
import os
import pickle
import pickletools
import random
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.model import Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member, pickles
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_plain import SMALL, Plain
from customhouse.scanners.pickles_reader import CHUNK, Reader
from customhouse.scanners.pickles_walk import Machine
from tests.scanners.support import findings, member, rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from customhouse.model import Fact

SCANNER = pickles.build({})
CALL = b"cos\nsystem\n(S'id'\ntR."


class Runs:
    """Pickles to a call of `function`."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.plan = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.plan


def facts(data: bytes, name: str = "model.pkl") -> list[Fact]:
    one = member(data, name)
    return list(SCANNER.scan(one)) if SCANNER.wants(one) else []


def messages(data: bytes, name: str = "model.pkl") -> str:
    return " | ".join(fact.message for fact in facts(data, name) if isinstance(fact, Finding))


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


DATA = {
    "numbers": [0, 1, -5, 70_000, 2**40, 2**400, 1.5, True, None],
    "texts": ["", "é" * 300, "x" * 70_000, b"bytes" * 20_000, bytearray(b"ab")],
    "nested": [{"a": (1, 2, 3, 4)}, {1, 2}, frozenset({3}), collections.OrderedDict(a=1)],
    "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol_is_clean(protocol: int) -> None:
    data = pickle.dumps(DATA, protocol)
    assert facts(data) == []
    assert facts(pickletools.optimize(data)) == []


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, subprocess.run, getattr, pickle.loads], ids=lambda f: f.__name__)
def test_a_call_of_every_protocol_is_critical(protocol: int, function: Callable[..., object]) -> None:
    data = pickle.dumps({"weights": [Runs(function, "id")]}, protocol)
    for name_of_file in ("model.pkl", "weights", "readme.txt"):
        found = findings(SCANNER, member(data, name_of_file))
        assert [(hit.rule, hit.severity) for hit in found] == [("pickle-runs-code", Severity.CRITICAL)]


def test_a_name_outside_the_standard_library_is_high() -> None:
    found = findings(SCANNER, member(b"\x80\x04" + name("acme.models", "Net") + b")\x81.", "model.pkl"))
    assert [(hit.rule, hit.severity) for hit in found] == [("pickle-name-not-allowed", Severity.HIGH)]


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("numpy", "load"),
        ("numpy.f2py.crackfortran", "getlincoef"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("torch.utils.bottleneck.__main__", "run_cprofile"),
        ("pandas", "read_pickle"),
        ("sklearn.datasets", "fetch_openml"),
        ("sklearn.tree", "__builtins__"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("builtins", "getattr"),
        ("dill._dill", "_create_function"),
        ("cloudpickle.cloudpickle", "_make_function"),
        ("joblib.numpy_pickle", "load"),
        ("types", "FunctionType"),
        ("operator", "attrgetter"),
        ("functools", "partial"),
        ("sklearn.externals.joblib.externals.loky.backend.popen_loky_posix", "Popen"),
        ("sklearn.externals.joblib.externals.cloudpickle.cloudpickle", "CloudPickler"),
        ("sklearn.utils._joblib", "Memory"),
        ("", "x"),
    ],
)
def test_names_that_live_next_to_allowed_ones_are_denied(module: str, attribute: str) -> None:
    assert messages(b"\x80\x04" + name(module, attribute) + b".") == f"pickle imports {module}.{attribute}"


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.nn.modules.linear", "Linear"),
        ("sklearn.ensemble._forest", "RandomForestClassifier"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("pandas.core.frame", "DataFrame"),
        ("scipy.sparse._csr", "csr_matrix"),
    ],
)
def test_names_that_models_are_made_of_are_allowed(module: str, attribute: str) -> None:
    assert facts(b"\x80\x04" + name(module, attribute) + b")R.") == []


DETOURS = {
    "through the memo": b"\x80\x04"
    + text("os")
    + b"\x940"
    + text("system")
    + b"\x940h\x00h\x01\x93"
    + b"("
    + text("id")
    + b"tR.",
    "with decoys popped": b"\x80\x04"
    + text("os")
    + text("system")
    + text("collections")
    + text("OrderedDict")
    + b"00\x93.",
    "past a mark": b"\x80\x04" + text("os") + text("system") + b"(" + text("x") + text("y") + b"1\x93.",
    "twice from DUP": b"\x80\x04" + text("os") + b"20" + text("system") + b"\x93.",
    "memo overwritten": b"\x80\x02"
    + text("collections")
    + b"q\x000"
    + text("os")
    + b"q\x000h\x00"
    + text("system")
    + b"\x93.",
    "INST": b"(S'id'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'id'\no.",
    "NEWOBJ_EX": b"\x80\x04cos\nsystem\n" + text("id") + b"\x85}\x92.",
    "UNICODE names": b"\x80\x04Vos\nVsystem\n\x93.",
    "in a frame": b"\x80\x04\x95" + struct.pack("<Q", 12) + text("os")[:4] + text("system") + b"\x93.",
    "no newline at the end": b"cos\nsystem",
    "nothing after": b"cos\nsystem\n(S'id'\ntR",
    "garbage after": b"cos\nsystem\n(S'id'\ntR\xff\xff",
    "a bad name after": b"cos\nsystem\n(S'id'\ntRc!!\n!!\n",
    "second stream": pickle.dumps([1]) + CALL,
    "after fifty streams": pickle.dumps([1]) * 50 + CALL,
    "second stream that begins oddly": pickle.dumps([1]) + b"N0" + CALL,
}


@pytest.mark.parametrize("detour", DETOURS)
@pytest.mark.parametrize("file", ["model.pkl", "data"])
def test_no_detour_hides_a_name(detour: str, file: str) -> None:
    assert "pickle imports os.system" in messages(DETOURS[detour], file)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x80\x04K\x01" + text("system") + b"\x93.", "a name that it computes"),
        (b"\x80\x04" + b"X\xc8\0\0\0" + b"a" * 200 + text("b") + b"\x93.", "a name that it computes"),
        (b"\x80\x04" + name("builtins", "list") + b")R)R.", "calls something that it computes"),
        (b"\x80\x04" + name("collections", "OrderedDict") + b"N}\x86b.", "changes a class"),
        (b"\x80\x02\x82\x01.", "extension registry"),
        (b"\x80\x02}r\xff\xff\xff\x7fN\x94.", "uses up memory"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "extension registry"),
        (b"\x80\x04]\x94" + b"h\x00a" * 200 + b".", "use up memory"),
        (b"\x80\x04]" + b"2a" * 200 + b".", "use up memory"),
        (b"\x80\x04\x95\x05" + bytes(7) + b"B\x14\0\0\0" + b"A" * 20 + b".", "crosses the end of its frame"),
        (b"\x80\x04\x95\x20" + bytes(7) + b"\x95\x02" + bytes(7) + b"N.", "a frame inside a frame"),
    ],
)
def test_a_stream_that_cheats_is_a_finding(data: bytes, said: str) -> None:
    assert said in messages(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04t.",
        b"\x80\x04K\x01",
        b"\x80\x04\x8c\xff" + b"short",
        b"\x80\x04X\xff\xff\xff\x7f" + b"short",
        b"\x80\x09N.",
        b"\x80\x04h\x07.",
        b"\x80\x04\xff.",
        b"\x80\x04]\x94g0\n" + text("v") + b"s.",
        b"I" + b"9" * 30,
        b"(lp0\nI1\naI",
    ],
)
def test_a_pickle_that_breaks_off_is_a_skip(data: bytes) -> None:
    assert [fact.reason for fact in facts(data) if isinstance(fact, Skip)] == [SkipReason.CORRUPT]


@pytest.mark.parametrize(
    "data",
    [
        b"config\nvalue\nrest of a text file\n",
        b"class Point:\n    x: int\n",
        b"import os\nos.system('ls')\n",
        b"cat\ndog\n",
        b"I am a text.\n",
        b"(defun f (x) x)\n",
        b"Makefile\n",
        b"\x80\x02\xff\xfe binary that only looks alike",
        b"x = 1\n" * 100,
        b"",
    ],
)
def test_what_is_no_pickle_is_left_alone(data: bytes) -> None:
    assert facts(data, "file.txt") == []


def test_a_pickle_behind_a_prefix_is_found_where_the_name_allows_one() -> None:
    hidden = b"\0" * 64 + pickle.dumps(Runs(os.system, "id"), 4)
    assert "posix.system" in messages(hidden, "model.bin")
    assert facts(b"\0" * 64 + pickle.dumps(DATA, 4), "model.bin") == []


def test_a_compressed_pickle_is_found() -> None:
    assert "posix.system" in messages(zlib.compress(pickle.dumps(Runs(os.system, "id"))), "model.joblib")
    assert facts(zlib.compress(pickle.dumps(DATA)), "model.joblib") == []
    old = b"ZF" + b"0x1f".ljust(19) + zlib.compress(pickle.dumps(Runs(os.system, "id"), 2))
    assert "posix.system" in messages(old, "model.pkl")


def numpy_file(descr: str, body: bytes, version: int = 1) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + body


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_numpy_array_of_objects_is_a_pickle(version: int) -> None:
    assert "posix.system" in messages(numpy_file("'|O'", pickle.dumps(Runs(os.system, "id")), version), "a.npy")
    assert "posix.system" in messages(numpy_file("[('a', 'O')]", pickle.dumps(Runs(os.system, "id"))), "a.npy")
    assert facts(numpy_file("'|O'", pickle.dumps([1], 4), version), "a.npy") == []
    assert facts(numpy_file("'<f8'", CALL, version), "a.npy") == []


@pytest.mark.parametrize("descr", ["'O8'", "'<O'", '"O"', "'object'", "'i4,O'", r"'\x4f'", "('O', (2,))", "'?' 'O'"])
def test_objects_are_told_however_numpy_may_write_them(descr: str) -> None:
    assert "posix.system" in messages(numpy_file(descr, pickle.dumps(Runs(os.system, "id"))), "a.npy")


@pytest.mark.parametrize(
    "descr",
    [
        *("'<f8'", "'|S5'", "'<M8[ns]'", "'float64'", "'i4,f4'", "'3i4, 2f8'", "[('a', '<i4'), ('b', '<f4', (2,))]"),
        *("'|u1'", "'<u8'", "'|b1'", "'|i1'", "'<c16'", "'<f2'", "'<U7'", "'|V3'", "'<m8[s]'", "'uint8'", "'u1,u2'"),
    ],
)
def test_an_array_of_plain_values_is_not_looked_into(descr: str) -> None:
    assert facts(numpy_file(descr, CALL), "a.npy") == []


def test_an_array_of_objects_hides_neither_behind_a_long_header_nor_behind_another_array() -> None:
    bad = pickle.dumps(Runs(os.system, "id"))
    for blanks in (5_000, 60_000, 200_000):
        assert "posix.system" in messages(numpy_file(" " * blanks + "'|O'", bad, 2), "a.npy")
    plain = numpy_file("'<f8'", bytes(2 * CHUNK))
    assert "posix.system" in messages(plain + numpy_file("'|O'", bad), "a.npy")
    assert facts(plain + numpy_file("'|O'", pickle.dumps([1], 4)), "a.npy") == []


SIGNATURE = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("before", [100, CHUNK - 3, 2 * CHUNK])
def test_a_pickle_in_an_hdf5_file_is_found(protocol: int, before: int) -> None:
    """As PyTables keeps attributes."""
    filler = SIGNATURE + bytes(before)
    bad = pickle.dumps({"a": Runs(os.system, "id")}, protocol)
    for data in (filler + bad + bytes(100), bytes(512) + filler + bad):
        assert "posix.system" in messages(data, "weights.h5")
    assert facts(filler + pickle.dumps(DATA, protocol) + bytes(100), "weights.h5") == []
    for odd in (b"\x80\x04F1\n0" + name("os", "system") + b")R.", name("os", "system") + b")R.", CALL):
        assert "os.system" in messages(filler + odd, "weights.h5")


def test_an_hdf5_file_of_text_and_noise_is_clean() -> None:
    texts = b"".join(b"cat\ncast\ncode\nthe (i)\nlist (i%d\nclass A:\n.net\n" % number for number in range(200))
    noise = random.Random(1).randbytes(CHUNK)
    assert facts(SIGNATURE + texts + noise, "weights.h5") == []


def test_an_hdf5_file_full_of_what_looks_like_pickles_is_a_skip() -> None:
    data = SIGNATURE + b"\x80\x04N" * 2000
    assert [fact.reason for fact in pickles.build({"operations": 20_000}).scan(member(data, "a.h5"))] == [
        SkipReason.LIMIT
    ]


def joblib_array(code: str, shape: tuple[int, ...], body: bytes, *, padded: bool) -> bytes:
    """What joblib.numpy_pickle writes: the wrapper's state, then the array's bytes, in the middle of the stream."""
    dtype = name("numpy", "dtype") + text(code) + b"\x89\x88\x87R"
    extents = b"".join(b"J" + struct.pack("<i", extent) for extent in shape)
    fields = {
        "subclass": name("numpy", "ndarray"),
        "shape": b"(" + extents + b"t",
        "order": text("C"),
        "dtype": dtype,
        "allow_mmap": b"\x88",
    } | ({"numpy_array_alignment_bytes": b"K\x10"} if padded else {})
    state = b"}(" + b"".join(text(key) + value for key, value in fields.items()) + b"u"
    return name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + state + b"b" + body


@pytest.mark.parametrize(("code", "width"), [("f8", 8), ("U3", 12), ("M8", 8), ("V5", 5), ("b1", 1)])
@pytest.mark.parametrize("padded", [False, True])
def test_joblib_arrays_are_stepped_over(code: str, width: int, padded: bool) -> None:  # noqa: FBT001 -- a case
    body = (b"\x03" + b"\xff" * 3 if padded else b"") + CALL[:1] * (width * 6)
    array = joblib_array(code, (2, 3), body, padded=padded)
    assert facts(b"\x80\x04](" + array + array + b"e.") == []
    assert "os.system" in messages(b"\x80\x04](" + array + CALL[:-1] + b"e.")


def test_joblib_arrays_of_objects_are_pickles() -> None:
    inner = joblib_array("O8", (1,), pickle.dumps(Runs(os.system, "id")), padded=True)
    assert "posix.system" in messages(b"\x80\x04" + inner + b".")
    assert facts(b"\x80\x04" + joblib_array("O8", (1,), pickle.dumps([1]), padded=True) + b".") == []


@pytest.mark.parametrize("shape", [(-1,), (2**31 - 1, 2**31 - 1)])
def test_joblib_arrays_of_impossible_size_are_skips(shape: tuple[int, ...]) -> None:
    array = joblib_array("f8", shape, b"12345678", padded=False)
    assert [type(fact) for fact in facts(b"\x80\x04" + array + b".")] == [Skip]


def test_a_legacy_torch_file_is_several_pickles_and_raw_storage() -> None:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    storage = b"\x80\x02\xff" + bytes(range(256)) * 10
    tensor = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + b"X\x01\0\0\0aQK\x00)t)tR."
    assert facts(magic + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + tensor + storage, "model.pt") == []
    assert "os.system" in messages(magic + pickle.dumps(1001, 2) + CALL + storage, "model.pt")


def streamed(data: bytes, file: str = "model.pkl") -> list[Fact]:
    head = data[: 4 << 20]
    return list(SCANNER.scan(Member(file, file, "unknown", len(data), head, last=False, stream=io.BytesIO(data))))


def test_a_large_member_is_read_to_its_end() -> None:
    filler = pickle.dumps([f"{number:300}" for number in range(17_000)], 2)[:-1] + b"0"
    assert len(filler) > 4 * CHUNK
    hits = [fact.message for fact in streamed(filler + CALL) if isinstance(fact, Finding)]
    assert hits == ["pickle imports os.system"]
    big = b"\x80\x04B" + struct.pack("<I", 40 << 20) + bytes(40 << 20) + b"0" + CALL
    assert [fact.message for fact in streamed(big) if isinstance(fact, Finding)] == ["pickle imports os.system"]


def test_what_never_ends_is_a_skip() -> None:
    endless = member(b"\x80\x04" + b"N0" * 1000 + CALL, "data")
    assert [fact.reason for fact in pickles.build({"operations": 1000}).scan(endless)] == [SkipReason.LIMIT]
    assert rules(SCANNER, endless) == {"pickle-runs-code"}
    many = pickle.dumps(1, 4) * (pickles.STREAMS + 1)
    assert [fact.reason for fact in facts(many, "data") if isinstance(fact, Skip)] == [SkipReason.LIMIT]


def test_a_hostile_name_cannot_disturb_a_terminal() -> None:
    said = messages(b"\x80\x04" + name("os\x1b[2J", "x\ny") + b".")
    assert said.isprintable()


def test_users_may_allow_more() -> None:
    data = b"\x80\x04" + name("acme.models.nets", "Net") + b")\x81."
    assert rules(pickles.build({"allow": ["acme.*: Class"]}), member(data, "a.pkl")) == set()
    with pytest.raises(ConfigError, match="allow"):
        pickles.build({"allow": 1})


SIMPLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.frozensets(st.text())
    ),
    max_leaves=30,
)


@given(SIMPLE, st.integers(0, 5))
def test_whatever_plain_data_is_pickled_is_followed_to_its_end(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    machine = Machine(Reader(io.BytesIO(data).read), 0, TABLE)
    report = machine.run()
    assert (report.whole, report.broken, machine.reader.base + machine.at) == (True, "", len(data))


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x80\x04", b"("]))
def test_any_bytes_end_in_a_report(data: bytes, head: bytes) -> None:
    report = Machine(Reader(io.BytesIO(head + data).read), 0, TABLE).run()
    assert report.whole or report.broken


@given(SIMPLE, st.integers(2, 5), st.data())
def test_a_call_is_found_wherever_it_is_put(value: object, protocol: int, draw: st.DataObject) -> None:
    data = pickle.dumps([value, value], protocol)
    places = [at for opcode, _, at in pickletools.genops(data) if opcode.name not in {"PROTO", "FRAME"} and at]
    at = draw.draw(st.sampled_from(places))
    report = Machine(Reader(io.BytesIO(data[:at] + CALL[:-1] + b"0" + data[at:]).read), 0, TABLE).run()
    assert any(str(found) == "os.system" for found in report.names)


def plain_end(data: bytes) -> int | None:
    reader = Reader(io.BytesIO(data).read)
    end = Plain(reader, 1 << 30).end()
    return None if end is None else reader.base + end


SHORT = st.text(max_size=100)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SHORT,
    lambda inner: st.lists(inner) | st.dictionaries(SHORT, inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(PLAIN, st.integers(0, 5), st.booleans())
def test_plain_data_is_told_apart_without_following_it(value: object, protocol: int, optimised: bool) -> None:  # noqa: FBT001 -- drawn
    data = pickle.dumps(value, protocol)
    data = pickletools.optimize(data) if optimised else data
    assert plain_end(data) == len(data)
    assert plain_end(data + CALL) == len(data)


TOKENS = [
    *(bytes([code]) for code in b"(]})NeuasltdRbo0127.\x81\x85\x86\x87\x88\x8f\x90\x91\x92\x93\x94\x97\x98"),
    *(b"K\x01", b"M\x01\x02", b"J\x01\x02\x03\x04", b"Gabcdefgh", b"h\x00", b"j\0\0\0\0", b"q\x00", b"r\0\0\0\0"),
    *(b"I1\n", b"Vx\n", b"S'x'\n", b"p0\n", b"g0\n", b"L1L\n", b"F1.5\n", b"Pid\n", b"Q", b"\x82\x01"),
    *(b"cos\nsystem\n", b"ios\nsystem\n", b"\x8c\x02os", b"\x8c\x06system", b"X\x02\0\0\0os", b"U\x01.", b"C\x01c"),
    *(b"B\x01\0\0\0.", b"\x8d\x01" + bytes(7) + b".", b"\x8a\x01\x05", b"\x95\x02" + bytes(7), b"\x80\x04"),
]
ACTIVE = {
    "GLOBAL",
    "STACK_GLOBAL",
    "INST",
    "OBJ",
    "REDUCE",
    "NEWOBJ",
    "NEWOBJ_EX",
    "BUILD",
    "PERSID",
    "BINPERSID",
    "EXT1",
}


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
def test_what_passes_for_plain_holds_no_opcode_that_acts(soup: bytes) -> None:
    end = plain_end(soup + b".")
    if end is not None:
        opcodes = [(opcode.name, at) for opcode, _, at in pickletools.genops(soup + b".")]
        assert not ACTIVE & {name for name, _ in opcodes}
        assert opcodes[-1] == ("STOP", end - 1)


LARGE = [{"id": number, "name": f"record number {number:>20}", "tags": ["a", (1.5, None)]} for number in range(25_000)]


@pytest.mark.parametrize("protocol", range(6))
def test_large_plain_data_is_plain_across_chunks(protocol: int) -> None:
    data = pickle.dumps(LARGE, protocol)
    assert len(data) > CHUNK
    assert plain_end(data) == len(data)
    assert streamed(data) == []
    assert "os.system" in str(streamed(data + CALL))
    assert "os.system" in str(streamed(data[:-1] + b"0" + CALL))


PADDING = b"X" + struct.pack("<I", SMALL) + bytes(SMALL) + b"0"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x80\x04" + PADDING + b"]\x94" + b"h\x00a" * 200 + b".", "use up memory"),
        (b"\x80\x04" + PADDING + b"]q\x00" + b"j\0\0\0\0\x8c\x02\x94\x940a" * 200 + b".", "use up memory"),
        (b"\x80\x04" + PADDING + b"\x95\x20" + bytes(7) + b"\x95\x02" + bytes(7) + b"N.", "a frame inside a frame"),
        (b"\x80\x04" + PADDING + b"\x95\x05" + bytes(7) + b"B\x14\0\0\0" + b"A" * 20 + b".", "end of its frame"),
    ],
)
def test_padding_hides_no_cheating(data: bytes, said: str) -> None:
    assert said in messages(data)


def test_plain_data_is_followed_only_so_far() -> None:
    endless = member(b"\x80\x04" + b"N0" * SMALL + b"N.", "data")
    assert list(SCANNER.scan(endless)) == []
    assert [type(fact) for fact in pickles.build({"operations": 1000}).scan(endless)] == [Skip]
    frames = member(b"\x80\x04" + (b"\x95" + bytes(8)) * SMALL + b"N.", "data")
    assert [type(fact) for fact in pickles.build({"operations": 1000}).scan(frames)] == [Skip]


def test_a_pickle_inside_a_string_of_a_pickle_is_none() -> None:
    inner = pickle.dumps(Runs(os.system, "id"), 4)
    assert facts(pickle.dumps([inner], 4), "model.pkl") == []
    assert "posix.system" in messages(pickle.dumps([1], 4) + b"\0" + inner, "model.pkl")


HEADS = [
    b"",
    b"\x93NUMPY\x01\0\x20\0",
    b"\x93NUMPY\x02\0\x20\0\0\0",
    SIGNATURE,
    b"x\x9c",
    b"ZF0x10 ",
    b"\x80\x04",
    b"\0",
]


@given(st.binary(max_size=300), st.sampled_from(HEADS), st.sampled_from(["a.npy", "a.h5", "model.pkl", "data.bin"]))
def test_any_member_ends_in_facts(data: bytes, head: bytes, file: str) -> None:
    assert all(isinstance(fact, Finding | Skip) for fact in facts(head + data, file))
