"""What an engine does between two steps of its work, and when: the class that decides, by a clock of the test's own."""

from __future__ import annotations

import random

import pytest

from server.engine.ahead import Ahead
from server.protocol import Message


class Clock:
    """Stands still but when it is told to go on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked(kind: str, job: str, **fields: object) -> Message:
    return Message(kind, {"job": job, **fields})


@pytest.mark.parametrize("seed", range(10))
def test_short_work_has_half_of_the_time_and_no_more(seed: int) -> None:
    lengths = random.Random(seed)
    clock = Clock()
    ahead = Ahead(clock)
    for number in range(1000):  # more than there is time for
        ahead.add(asked("submit", str(number)))
    long = short = since = last = 0.0
    order = []
    for _step in range(500):
        step = lengths.uniform(0.01, 1.0)
        clock.now += step
        long, since = long + step, since + step
        if (message := ahead.next()) is None:
            assert since < last + 1e-9  # what was done last is not made up for yet
            continue
        assert since > last - 1e-9
        assert short <= long + 1e-9
        order.append(message.fields["job"])
        last, since = lengths.choice((0.05, 0.5, 5.0)), 0.0
        clock.now += last
        short += last
        ahead.has_taken(last)
    assert order == [str(number) for number in range(len(order))] and len(order) > 50
    assert short > 0.4 * (long + short)


def test_the_first_is_done_at_once() -> None:
    ahead = Ahead(Clock())
    assert ahead.next() is None
    first = asked("submit", "one")
    ahead.add(first)
    assert ahead.next() is first and ahead.next() is None


def test_of_several_changes_the_last_is_seen_in_the_first_ones_place() -> None:
    ahead = Ahead(Clock())
    ahead.add(asked("update", "one", settings={"strength": 20.0, "palette": 1.0}))
    ahead.add(asked("submit", "two"))
    ahead.add(asked("update", "other", settings={"strength": 30.0}))
    ahead.add(asked("update", "one", settings={"strength": 40.0}))
    order = [message for message in iter(ahead.next, None)]
    assert [message.fields["job"] for message in order] == ["one", "two", "other"]
    assert order[0].fields["settings"] == {"strength": 40.0, "palette": 1.0}


def test_what_is_given_up_is_not_done() -> None:
    ahead = Ahead(Clock())
    kept = asked("submit", "kept")
    given_up = [asked("submit", "gone"), asked("update", "gone", settings={})]
    for message in (given_up[0], kept, given_up[1]):
        ahead.add(message)
    assert ahead.take("gone") == given_up
    assert ahead.next() is kept and ahead.next() is None
