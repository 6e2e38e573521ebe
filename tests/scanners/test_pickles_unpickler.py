"""Against CPython's own unpicklers, whose imports give harmless stand-ins: what they would import, the walk tells."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.model import Finding, Skip
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_reader import Reader
from customhouse.scanners.pickles_walk import Machine, Report
from tests.scanners.test_pickles import CALL, TOKENS, facts

if TYPE_CHECKING:
    from collections.abc import Iterator


class Anything:
    """Made, called, filled and changed with whatever a pickle says; does nothing."""

    def __new__(cls, *_arguments: object, **_named: object) -> Self:
        return object.__new__(cls)

    def __init__(self, *_arguments: object, **_named: object) -> None:
        pass

    def __call__(self, *_arguments: object, **_named: object) -> Anything:
        return Anything()

    def append(self, _value: object) -> None:
        """As a list has it."""

    def __setitem__(self, _key: object, _value: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


class Harmless:
    """Notes what an unpickler would import, and gives it a stand-in."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, fix_imports=False)
        self.imported: list[tuple[str, str]] = []

    def find_class(self, module: str, attribute: str, /) -> type:
        self.imported.append((module, attribute))
        return type("StandIn", (Anything,), {})

    def persistent_load(self, _name: object, /) -> None:
        return None


class InC(Harmless, pickle.Unpickler):
    """What everybody uses."""


class InPython(Harmless, pickle._Unpickler):
    """What torch derives its own from."""


def imported(data: bytes) -> Iterator[tuple[set[tuple[str, str]], bool]]:
    """What each unpickler imports up to where it stops, and whether it stopped at the end."""
    for kind in (InC, InPython):
        unpickler, whole = kind(io.BytesIO(data)), True
        try:
            unpickler.load()
        except Exception:  # noqa: BLE001 -- a stream of this kind may raise anything
            whole = False
        yield set(unpickler.imported), whole


def walked(data: bytes) -> Report:
    return Machine(Reader(io.BytesIO(data).read), 0, TABLE).run()


MORE = [
    *(b"I0x1\n", b"I\n", b"I01\n", b"I010\n", b"I 1\n", b"I1_0\n", b"L0x10L\n", b"L\n", b"L-5\n", b"Fnan\n"),
    *(b"p1\n", b"p5\n", b"g5\n", b"q\x01", b"q\x05", b"h\x01", b"h\x05", b"r\x05\0\0\0", b"j\x05\0\0\0", b"p1_0\n"),
    *(b"U\x02os", b"T\x02\0\0\0os", b"\x8b\x01\0\0\0a", b"\x8e\x02" + bytes(7) + b"ab", b"\x96\x02" + bytes(7) + b"ab"),
    *(b"\x91", b"\x88", b"\x89", b"\x80\x02", b"\x80\x00", b"\x8c\x00", b"P\n", b"cos\r\nsystem\n", b"(", b"1"),
]
SOUP = st.lists(st.sampled_from(TOKENS + MORE), max_size=14).map(b"".join)


@settings(max_examples=400)
@given(SOUP, SOUP)
def test_whatever_cpython_would_import_is_told(before: bytes, after: bytes) -> None:
    data = before + b"cacme\nNet\n" + after + b"."
    report = walked(data)
    told = {(name.module, name.name) for name in report.names}
    for names, whole in imported(data):
        hidden = names - told
        assert not hidden or report.problems, (data, hidden)
        assert not whole or report.whole or report.problems, (data, report.broken)


READ = {
    "a hexadecimal number": b"I0x1\n0",
    "an octal number": b"I010\n0",
    "a number with blanks": b"I 1\n0",
    "a binary long": b"L0b11L\n0",
    "a number under which nothing was": b"Nq\x050",
    "counting from one": b"]q\x010h\x010",
    "counting in two ways": b"Nq\x050N\x940",
    "text numbers out of order": b"Np7\n0Np3\n0g7\n0",
    "the same number twice": b"Nq\x020Nq\x020h\x020",
    "a key that is a frozenset": b"}(K\x01\x91K\x02s0",
    "an empty frozenset": b"(\x910",
    "a byte array": b"\x96\x01" + bytes(7) + b"x0",
    "a set": b"\x8f(K\x01\x900",
    "a protocol in the middle": b"\x80\x03",
    "a mark dropped": b"(NN1",
    "a mark popped": b"(0",
    "a persistent name": b"Pid\n0",
    "a persistent value": b"NQ0",
    "an empty persistent name": b"P\n0",
}


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("file", ["data", "notes.txt", "model.pkl"])
def test_what_cpython_reads_stops_nobody_who_looks_behind_it(read: str, file: str) -> None:
    """One of its unpicklers gets as far as the call; so a file of any name does not pass for no pickle."""
    data = READ[read] + CALL
    assert {("os", "system")} in [names for names, _ in imported(data)]
    assert "os.system" in str([fact for fact in facts(data, file) if isinstance(fact, Finding)])


@pytest.mark.parametrize("read", READ)
def test_what_cpython_reads_is_no_skip(read: str) -> None:
    if "persistent" not in read:
        assert facts(b"\x80\x04" + READ[read] + b"N.") == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"Nq\x050h\x01.", b"Ix y\n.", b"L1 2L\n.", b"Np-1\n.", b"Np\n.", b"Ng\n.", b"\x80\x06N.", b"\x80\xffN."),
        *(b"Nt.", b"N\x94h\x01.", b"N00.", b"]K\x01b", b"\x80\x04\x81.", b"\x80\x04\x93.", b"NNe."),
    ],
)
def test_what_no_unpickler_reads_is_a_skip_in_a_file_that_is_a_pickle(data: bytes) -> None:
    assert [whole for _, whole in imported(data)] == [False, False]
    assert [type(fact) for fact in facts(data)] == [Skip]


def test_numbers_that_python_2_counts_from_one_are_followed() -> None:
    """As its cPickle wrote them; a value fetched is the one that was remembered."""
    data = b"\x80\x02]q\x01(}q\x02(U\x01aq\x03h\x03U\x01bq\x04h\x02ue."
    assert facts(data) == []
    names = b"\x80\x02]q\x01(X\x02\0\0\0osq\x02X\x06\0\0\0systemq\x030h\x02h\x03\x93e."
    assert "os.system" in str(facts(names))


def test_a_number_given_away_twice_is_the_last_value() -> None:
    """Also where it was first one beyond the next, later the next."""
    decoy = b"X\x0b\0\0\0collectionsq\x010" + b"Nq\x000" + b"X\x02\0\0\0osq\x010"
    assert "os.system" in str(facts(b"\x80\x02" + decoy + b"h\x01X\x06\0\0\0system\x93."))
