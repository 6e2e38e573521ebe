"""Files as libraries write them, put together here by opcode: what is in them, and what a hand has put in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.inspect import Limits, inspect
from customhouse.model import Finding, Skip
from customhouse.scanners import pickles
from tests.scanners.support import member
from tests.scanners.test_pickles import CALL, facts, messages, name, numpy_file, text
from tests.scanners.test_pickles_joblib import array, dtype, state, tuple_of
from tests.scanners.test_pickles_repeats import walked

EVIL = b"0" + CALL


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def storage(key: str, kind: str = "FloatStorage") -> bytes:
    """A storage of torch's, by a persistent name."""
    return b"(" + text("storage") + name("torch", kind) + text(key) + text("cpu") + number(4) + b"tQ"


def tensor(key: str) -> bytes:
    shape, stride = b"(" + number(2) + number(2) + b"t", b"(" + number(2) + number(1) + b"t"
    hooks = name("collections", "OrderedDict") + b")R"
    return (
        name("torch._utils", "_rebuild_tensor_v2")
        + b"("
        + storage(key)
        + number(0)
        + shape
        + stride
        + b"\x89"
        + hooks
        + b"tR"
    )


def state_dict(*keys: str, more: bytes = b"") -> bytes:
    items = b"".join(text(f"layer.{key}.weight") + tensor(key) for key in keys)
    return (
        b"\x80\x02" + name("collections", "OrderedDict") + b")R(" + items + more + b"u}" + text("_metadata") + b"Nsb."
    )


def torch_zip(data: bytes, root: str = "archive") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{root}/data.pkl", data)
        archive.writestr(f"{root}/data/0", bytes(range(256)))
        archive.writestr(f"{root}/version", "3\n")
        archive.writestr(f"{root}/byteorder", "little")
    return out.getvalue()


def found(file: str, data: bytes) -> tuple[set[str], bool]:
    inspection = inspect(file, iter([data]), [pickles.build({})], Limits())
    return {finding.message for finding in inspection.findings}, inspection.coverage.complete


@pytest.mark.parametrize("count", [1, 3, 300])
def test_weights_of_torch_are_clean(count: int) -> None:
    data = state_dict(*map(str, range(count)))
    assert facts(data) == []
    assert found("pytorch_model.bin", torch_zip(data)) == (set(), True)


@pytest.mark.parametrize("root", ["archive", "model", "a b", "data.pkl"])
def test_a_call_in_weights_of_torch_is_found_whatever_the_archive_is_called(root: str) -> None:
    data = state_dict("0", "1", more=text("layer.2.weight") + CALL[:-1])
    assert found("pytorch_model.bin", torch_zip(data, root)) == ({"pickle imports os.system"}, True)


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (text("x") + name("torch.hub", "load") + text("a/b") + b"\x85R", "torch.hub.load"),
        (text("x") + b"(" + name("os", "system") + text("id") + b"tQ", "os.system"),
        (text("x") + name("torch._utils", "_rebuild_parameter") + name("os", "system") + b"\x85R", "os.system"),
        (name("os", "system") + b"N", "os.system"),
    ],
)
def test_what_is_passed_on_in_weights_is_found(hidden: bytes, said: str) -> None:
    assert messages(state_dict("0", more=hidden)) == f"pickle imports {said}"


def scripted(module: str, *, code: bytes = b"") -> bytes:
    """The data of a TorchScript archive."""
    return b"\x80\x02c__torch__" + module.encode() + b"\nNet\n)\x81}(" + text("training") + b"\x89" + code + b"ub."


@pytest.mark.parametrize("module", ["", ".nets", ".nets.___torch_mangle_12"])
def test_a_torchscript_archive_is_clean(module: str) -> None:
    assert found("net.pt", torch_zip(scripted(module), "net")) == (set(), True)
    evil = scripted(module, code=text("x") + CALL[:-1])
    assert found("net.pt", torch_zip(evil, "net")) == ({"pickle imports os.system"}, True)


def estimator(*attributes: tuple[str, bytes]) -> bytes:
    """An object of scikit-learn's with a state."""
    items = b"".join(text(key) + value for key, value in attributes)
    return name("sklearn.svm._classes", "SVC") + b")\x81}(" + items + b"ub"


@pytest.mark.parametrize("arrays", [1, 3])
def test_an_estimator_that_joblib_wrote_is_clean_and_hides_no_call(arrays: int) -> None:
    values = array(dtype("f8", state()), tuple_of(4), numpy_array_alignment_bytes=b"K\x10")[2:]
    body = values + b"\x03" + b"\xff" * 3 + bytes(32)
    one = b"\x80\x03" + estimator(*((f"a{at}_", body) for at in range(arrays)), ("C", b"K\x01"))
    assert facts(one + b".", "model.joblib") == []
    for evil in (one[:-2] + text("x") + CALL[:-1] + b"ub.", one + EVIL):
        assert "os.system" in messages(evil, "model.joblib")


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "a.joblib.z": zlib.compress,
    "a.joblib.gz": gzip.compress,
    "a.joblib.bz2": bz2.compress,
    "a.joblib.xz": lzma.compress,
    "a.joblib.lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "a.joblib.lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("file", COMPRESSED)
def test_what_joblib_compresses_is_judged(file: str) -> None:
    good = b"\x80\x04" + estimator(("C", b"K\x01")) + b"."
    assert found(file, COMPRESSED[file](good)) == (set(), True)
    assert "pickle imports os.system" in found(file, COMPRESSED[file](good[:-1] + EVIL))[0]


def npz(**arrays: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in arrays.items():
            archive.writestr(f"{key}.npy", data)
    return out.getvalue()


def test_arrays_in_an_archive_of_numpy_are_judged() -> None:
    plain = numpy_file("'|u1'", CALL)
    assert found("data.npz", npz(a=plain, b=numpy_file("'|O'", pickle.dumps([None, "a"])))) == (set(), True)
    assert found("data.npz", npz(a=plain, b=numpy_file("'|O'", CALL))) == ({"pickle imports os.system"}, True)


PYTHON_2 = {
    "a list of dictionaries": b"(lp1\n(dp2\nS'a'\np3\nI1\nsa(dp4\ng3\nI2\nsa.",
    "numbers": b"(I1\nL10L\nF1.5\nI01\nNtp1\n.",
    "an array": (
        b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\ntp5\nRp6\n"
        b"(I1\n(I2\ntp7\ncnumpy\ndtype\np8\n(S'f8'\np9\nI0\nI1\ntp10\nRp11\n"
        b"(I3\nS'<'\np12\nNNNI-1\nI-1\nI0\ntp13\nbI00\nS'\\x00\\x00'\np14\ntp15\nb."
    ),
    "an object": (
        b"ccopy_reg\n_reconstructor\np1\n(csklearn.svm.classes\nSVC\np2\nc__builtin__\nobject\np3\n"
        b"Ntp4\nRp5\n(dp6\nS'C'\np7\nF1.0\nsb."
    ),
    "a set": b"c__builtin__\nset\nq\x01]q\x02(K\x01K\x02e\x85q\x03Rq\x04.",
    "unicode": b"\x80\x02X\x03\0\0\0\xc3\xa9aq\x01U\x01bq\x02\x86q\x03.",
}


@pytest.mark.parametrize("written", PYTHON_2)
def test_what_python_2_wrote_is_clean(written: str) -> None:
    assert facts(PYTHON_2[written]) == []
    assert "os.system" in messages(PYTHON_2[written][:-1] + EVIL)


TAKEN_ALONG = {
    "dill's function": name("dill._dill", "_create_function") + b"(" + name("dill._dill", "_create_code") + b")RtR",
    "dill's type": name("dill._dill", "_load_type") + text("CodeType") + b"\x85R",
    "cloudpickle's function": name("cloudpickle.cloudpickle", "_make_function") + b"(NtR",
    "cloudpickle's class": name("cloudpickle.cloudpickle", "_make_skeleton_class") + b"(NtR",
    "a method": name("builtins", "getattr") + name("collections", "OrderedDict") + text("update") + b"\x86R",
    "a partial": name("functools", "partial") + name("os", "system") + b"\x85R",
    "an attribute": name("operator", "attrgetter") + text("system") + b"\x85R",
    "a training argument": name("transformers.training_args", "TrainingArguments") + b")\x81",
}


@pytest.mark.parametrize("what", TAKEN_ALONG)
def test_code_that_was_taken_along_is_denied(what: str) -> None:
    data = b"\x80\x04" + text("metadata") + TAKEN_ALONG[what] + b"\x86."
    told = facts(data, "model.dill")
    assert told
    assert all(isinstance(fact, Finding) for fact in told)
    assert [type(fact) for fact in facts(data, "weights")] == [type(fact) for fact in told]


def test_a_type_changed_again_and_again_is_followed_each_time() -> None:
    """Repetitions are followed once, but the last state of a type decides how long its arrays are."""
    head = b"\x80\x04" + dtype("V99") + b"\x94(" + name("numpy", "ndarray") + b"\x940"
    changes = b"".join(b"h\x00" + state(size=size) for size in [99] * 300 + [1])
    body = array(b"h\x00")[2:] + (b"N" + EVIL).ljust(99, b"N") + b"t."
    assert facts(head + changes + body)
    assert walked(head + changes + body, repeats=True) == walked(head + changes + body, repeats=False)


@pytest.mark.parametrize("times", [100, 700])
def test_wrappers_in_a_row_are_stepped_over_each(times: int) -> None:
    one = array(dtype("f8"))[2:] + CALL[:1] * 8
    data = b"\x80\x04(" + one * times + b"t."
    assert facts(data) == []
    assert "os.system" in messages(data[:-2] + EVIL[1:-1] + b"t.")
    assert walked(data, repeats=True) == walked(data, repeats=False)


def test_a_file_named_as_a_pickle_that_is_none_at_all_is_left_alone() -> None:
    for data in (b"\x7fELF" + bytes(100), b"GIF89a", b"\0" * 5000, b"<html>", b"hello", b"\xff\xd8\xff\xe0"):
        assert not [fact for fact in facts(data, "model.pkl") if isinstance(fact, Finding)]


def test_the_whole_of_a_large_file_counts() -> None:
    weights = b"\x80\x04" + b"B" + struct.pack("<I", 5 << 20) + bytes(5 << 20) + b"0"
    one = member(weights * 3 + CALL, "model.pkl")
    assert [fact.message for fact in pickles.build({}).scan(one) if isinstance(fact, Finding)] == [
        "pickle imports os.system"
    ]
    assert not [
        fact for fact in pickles.build({}).scan(member(weights * 3 + b"N.", "model.pkl")) if isinstance(fact, Skip)
    ]


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(["tensor", "array", "estimator", "plain"]), min_size=1, max_size=6),
    st.integers(0, 6),
    st.sampled_from([CALL[:-1], name("acme", "Net"), name("os", "system") + b")R"]),
)
def test_wherever_a_hand_puts_it_among_what_libraries_write_it_is_found(
    parts: list[str], place: int, evil: bytes
) -> None:
    made = {
        "tensor": tensor("0"),
        "array": array(dtype("f4", state()), tuple_of(3))[2:] + bytes(12),
        "estimator": estimator(("C", b"K\x01")),
        "plain": b"](" + text("a") + b"K\x01}e",
    }
    values = [made[part] for part in parts]
    good = b"\x80\x04(" + b"".join(values) + b"t."
    assert facts(good) == []
    values.insert(min(place, len(values)), evil)
    bad = b"\x80\x04(" + b"".join(values) + b"t."
    for file in ("model.pkl", "model.joblib", "weights"):
        assert [type(fact) for fact in facts(bad, file)] == [Finding]
