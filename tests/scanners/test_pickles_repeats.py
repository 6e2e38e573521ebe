"""Objects of one shape are followed once: what the machine says must not depend on it."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import io
import pickle
import pickletools
import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.model import Finding, Skip
from customhouse.scanners import pickles
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_reader import Reader
from customhouse.scanners.pickles_repeats import Unsure
from customhouse.scanners.pickles_walk import OPERATIONS, Machine
from tests.scanners.support import member
from tests.scanners.test_pickles import TOKENS, joblib_array, name, text

SCANNER = pickles.build({})


def walked(data: bytes, *, repeats: bool, operations: int = OPERATIONS) -> tuple[object, ...]:
    """Everything that a walk tells; that of a stream which is unsure is the walk without repeats, as in the scanner."""
    machine = Machine(Reader(io.BytesIO(data).read), 0, TABLE, operations, repeats=repeats)
    try:
        report = machine.run()
    except Unsure:
        return walked(data, repeats=False)
    end = machine.reader.base + machine.at if report.whole else 0
    said = (sorted(map(str, report.names)), sorted(report.problems), report.whole, report.broken, end)
    return (*said, report.calls, machine.echoes, len(machine.memo)) if report.whole else said


class Point:
    """An object with a state."""

    def __init__(self, number: int) -> None:
        self.place, self.label = number, f"label {number:>8}"


MADE = {
    "dates": lambda n: {"id": n, "at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=n)},
    "states": Point,
    "calls": decimal.Decimal,
    "calls and states": lambda n: uuid.UUID(int=n),
    "mappings": lambda n: collections.OrderedDict(a=n, b=str(n)),
    "nested": lambda n: [Point(n), (n, [n / 7, None, True]), {str(n): Point(n)}],
}


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_objects_in_a_row_are_told_as_if_each_were_followed(made: str, protocol: int) -> None:
    data = pickle.dumps([MADE[made](number) for number in range(700)], protocol)
    assert walked(data, repeats=True) == walked(data, repeats=False)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_most_objects_of_one_shape_are_not_followed(protocol: int) -> None:
    data = pickle.dumps([MADE["dates"](number) for number in range(3000)], protocol)
    half = sum(1 for _ in pickletools.genops(data)) // 2
    for repeats in (True, False):
        report = Machine(Reader(io.BytesIO(data).read), 0, TABLE, half, repeats=repeats).run()
        assert (report.whole, report.limited) == (repeats, not repeats)


OBJECT = name("collections", "OrderedDict") + b"\x94"
VALUES = st.recursive(
    st.sampled_from(
        [b"K\x01", b"M\x01\x02", b"N", b"h\x00", b"h\x01", text("os"), text("system") + b"\x94", b")", b"]\x94"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: b"](" + b"".join(parts) + b"e"),
        st.lists(inner, max_size=3).map(lambda parts: b"}\x94(" + b"".join(text("k") + part for part in parts) + b"u"),
        inner.map(lambda part: b"h\x00" + part + b"\x85R\x94"),
        inner.map(lambda part: b"h\x00)\x81\x94" + part + b"b"),
    ),
    max_leaves=4,
).map(lambda value: value + b"h\x00)R\x94")


@settings(max_examples=200)
@given(VALUES, st.integers(100, 200), st.sampled_from(TOKENS), st.floats(0.2, 1), st.sampled_from([0, 1]))
def test_any_repetition_is_told_as_if_it_were_followed(
    value: bytes, times: int, token: bytes, place: float, replaced: int
) -> None:
    data = b"\x80\x04" + OBJECT + text("list") + b"\x94](" + value * times + b"e"
    at = int(place * len(data))
    for odd in (data, data[:at] + token + data[at + len(token) * replaced :]):
        assert walked(odd + b".", repeats=True) == walked(odd + b".", repeats=False)


WARM = b"(" + b"h\x00)R\x94" * 400
HIDING = {
    "a name after them": name("os", "system") + b")R",
    "a name that is a text of theirs": (b"h\x00(" + text("posix") + b"\x94tR\x94") * 400
    + b"h\x41"
    + text("system")
    + b"\x93)R",
    "a call of what one of them made": b"h\x41)R",
    "another thing under the same number": name("os", "system") + b"p0\n0" + b"h\x00)R\x94" * 400,
    "the registry of extensions": b"\x82\x01",
}


@pytest.mark.parametrize("hiding", HIDING)
def test_nothing_hides_behind_repetitions(hiding: str) -> None:
    data = b"\x80\x04" + OBJECT + b"0" + WARM + HIDING[hiding] + b"."
    facts = list(SCANNER.scan(member(data, "model.pkl")))
    assert any(isinstance(fact, Finding) for fact in facts)
    assert walked(data, repeats=True) == walked(data, repeats=False)


def test_an_array_among_repetitions_is_stepped_over_by_its_own_size() -> None:
    """Whose element type and extents differ where only a text and a number do."""
    hidden = b"cos\nsystem\n)R0"
    types = b"".join(b"h\x00(" + text(code) + b"\x94\x89\x88tR\x94" for code in ["f4"] * 400 + ["f8"])
    array = joblib_array("f8", (1,), b"", padded=False).replace(
        name("numpy", "dtype") + text("f8") + b"\x89\x88\x87R", b"j" + struct.pack("<I", 802)
    )
    head = b"\x80\x04" + name("numpy", "dtype") + b"\x940("
    assert facts_of(head + types + array + b"8bytes..t.") == []
    assert "os.system" in str(facts_of(head + types + array + b"8bytes.." + hidden + b"t."))


def facts_of(data: bytes) -> list[object]:
    return list(SCANNER.scan(member(data, "model.pkl")))


def test_texts_that_are_keys_of_arrays_are_followed() -> None:
    """A state with the key `allow_mmap` is an array's, wherever its text stands."""
    state = b"}(" + b"".join(text(key) + b"N" for key in ("xllow_mmap", "b", "c", "d", "e")) + b"u"
    shape = b"h\x00)\x81" + state + b"b"
    data = b"\x80\x04" + name("joblib.numpy_pickle", "NumpyArrayWrapper") + b"\x940(" + shape * 300
    end = shape.replace(b"xllow", b"allow") + b"t."
    assert [type(fact) for fact in facts_of(data + end)] == [Skip]
    assert walked(data + end, repeats=True) == walked(data + end, repeats=False)


def test_numbers_that_are_out_of_order_are_followed() -> None:
    def objects(first: int) -> bytes:
        return b"".join(b"h\x00)Rr" + struct.pack("<I", first + number) for number in range(400))

    for second in (401, 500, 1):
        data = b"\x80\x02ccollections\nOrderedDict\nq\x000(" + objects(1) + objects(second) + b"t."
        assert walked(data, repeats=True) == walked(data, repeats=False)


def test_more_repetitions_than_are_followed_are_a_skip() -> None:
    data = b"\x80\x04" + OBJECT + b"0" + WARM + b"t."
    assert [type(fact) for fact in pickles.build({"operations": 300}).scan(member(data, "data"))] == [Skip]
