"""What came together is processed one by one: what fails costs none of the others, and is told at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import CustomhouseError, Malformed, Rejected, Transient
from customhouse.events import Part, each
from customhouse.model import Event, Location

TROUBLES: dict[str, CustomhouseError] = {
    "malformed": Malformed("its record does not read"),
    "rejected": Rejected("the store refuses"),
    "transient": Transient("the store does not answer"),
}
WHAT = st.sampled_from(["fine", *TROUBLES])


def event(key: str) -> Event:
    return Event(Location("memory://in", key), "test")


def process(one: Event) -> str:
    word = one.location.key.partition(" ")[0]
    if word in TROUBLES:
        raise TROUBLES[word]
    return f"did {one.location.key}"


@given(st.lists(st.tuples(st.lists(WHAT, max_size=4), st.booleans()), max_size=4))
def test_everything_that_can_be_done_is_done_and_the_worst_that_failed_is_raised(
    wanted: list[tuple[list[str], bool]],
) -> None:
    parts = [
        Part(
            events=tuple(event(f"{word} {at}.{number}") for number, word in enumerate(words)),
            error=Malformed("no record") if bad else None,
        )
        for at, (words, bad) in enumerate(wanted)
    ]
    everything = [one for part in parts for one in part.events]
    done: list[str] = []
    raised: CustomhouseError | None = None

    try:
        for one, said in each(parts, process):
            assert said == f"did {one.location.key}"
            done.append(one.location.key)
    except CustomhouseError as error:
        raised = error

    assert done == [one.location.key for one in everything if one.location.key.startswith("fine")]
    words = {word for words, _ in wanted for word in words} - {"fine"}
    assert (raised is None) == (not words and not any(bad for _, bad in wanted))
    assert isinstance(raised, Transient) == ("transient" in words)


def test_a_fault_of_ours_is_raised_at_once() -> None:
    def broken(_: Event) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(each([Part(events=(event("a"), event("b")))], broken))
