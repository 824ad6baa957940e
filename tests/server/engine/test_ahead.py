"""Short work goes ahead of long work, between two of its steps, and takes no more than its share of the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.client.client import Cancelled, Client, Event, Failed, Finished, Paused, PictureArrived, Progress, Queued
from server.protocol import Picture
from tests.server.conftest import ENDLESS, Server, picture, submit, until, wait_for

LONG = {"quality": "best", "iterations": 60, "total_variation": 0.0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


@pytest.fixture
def two(server: Server) -> Iterator[tuple[Client, Client]]:
    with server.connect("the long job's") as first, server.connect("the short job's") as second:
        yield first, second


@pytest.fixture
def long(two: tuple[Client, Client]) -> str:
    """A job of the first client that is being painted, and does not end before the test does."""
    job = submit(two[0], settings=ENDLESS)
    wait_for(two[0], Progress, job=job)
    return job


def final(client: Client, job: str) -> Picture:
    arrived = wait_for(client, PictureArrived, job=job)
    while arrived.kind != "final":
        arrived = wait_for(client, PictureArrived, job=job)
    wait_for(client, Finished, job=job)
    return arrived.picture


def some_seconds(client: Client) -> str:
    """Submit a job that is short, but not over at once."""
    return submit(client, settings={"quality": "normal", "iterations": 40}, content=picture(160))


def preview(client: Client, **settings: Any) -> str:
    return submit(client, content=picture(96, seed=3), settings=settings, until="preview")


def test_a_preview_is_there_while_a_long_job_is_painted_and_follows_its_settings(
    two: tuple[Client, Client], long: str
) -> None:
    first, second = two
    # Larger than what a preview paints, so that it pauses.
    short = submit(second, content=picture(600, seed=3, height=420), until="preview", previews=True)
    wait_for(second, Paused, job=short)
    before = wait_for(first, Progress, job=long)
    for strength in (20.0, 90.0):
        second.update(short, {"strength": strength})
        shown = wait_for(second, PictureArrived, job=short)
        assert shown.kind == "preview"
        wait_for(second, Paused, job=short)
    after = wait_for(first, Progress, job=long)
    assert (after.scale, after.step) > (before.scale, before.step)
    second.cancel(short)
    wait_for(second, Cancelled, job=short)


def test_the_long_job_paints_what_it_would_have_painted(two: tuple[Client, Client]) -> None:
    first, second = two
    alone = final(first, submit(first, content=picture(96), settings=LONG))
    long = submit(first, content=picture(96), settings=LONG)
    wait_for(first, Progress, job=long)
    finished = [final(second, submit(second, settings={"iterations": 5})) for _ in range(3)]
    assert finished[0] == finished[1] == finished[2]
    assert final(first, long) == alone


def test_the_long_job_goes_on_between_short_ones(two: tuple[Client, Client], long: str) -> None:
    first, second = two
    shorts = [submit(second, settings={"iterations": 20}) for _ in range(6)]
    reached = []
    for short in shorts:
        wait_for(second, Finished, job=short)
        while first.next_event() is not None:
            continue  # what came before
        progress = wait_for(first, Progress, job=long)
        reached.append((progress.scale, progress.step))
        if short == shorts[0]:  # the others still wait, or it would have gone on behind them
            assert shorts[-1] in [job["job"] for job in second.status()["jobs"]]
    assert len(set(reached)) == len(reached)


def test_a_long_job_that_waits_for_a_short_one_can_be_given_up(two: tuple[Client, Client], long: str) -> None:
    first, second = two
    short = some_seconds(second)
    wait_for(second, Progress, job=short)
    first.cancel(long)
    until(lambda: isinstance(first.next_event(0.05), Cancelled), 60)
    final(second, short)  # the engine is the same: it had not to be ended for this


def test_a_short_job_that_has_not_begun_can_be_given_up(two: tuple[Client, Client], long: str) -> None:
    first, second = two
    wait_for(second, Finished, job=some_seconds(second))
    # The long one has its share of the time now.
    waiting = submit(second, settings={"iterations": 5})
    second.cancel(waiting)
    wait_for(second, Cancelled, job=waiting)
    assert wait_for(first, Progress, job=long)


def test_a_long_job_waits_its_turn(two: tuple[Client, Client], long: str) -> None:
    _first, second = two
    other = submit(second, content=picture(300), settings=LONG)
    second.stop(other)
    wait_for(second, Cancelled, job=other)  # it had not begun


def test_an_engine_that_dies_takes_the_long_job_alone(server: Server, two: tuple[Client, Client], long: str) -> None:
    first, second = two
    short = some_seconds(second)
    wait_for(second, Progress, job=short)
    engine = server.engine()
    assert engine is not None
    engine.kill()
    assert wait_for(first, Failed, job=long).code == "engine-died"
    final(second, short)


def test_a_preview_that_was_to_go_on_fails_with_the_engine_that_held_it(
    server: Server, two: tuple[Client, Client], long: str
) -> None:
    first, second = two
    short = submit(second, content=picture(600, seed=3, height=420), until="preview")
    wait_for(second, Paused, job=short)
    second.continue_(short)
    wait_for(second, Queued, job=short)  # behind the long one, on the only engine that knows it
    engine = server.engine()
    assert engine is not None
    engine.kill()
    assert wait_for(first, Failed, job=long).code == "engine-died"
    assert wait_for(second, Failed, 60, job=short).code == "engine-died"


def test_a_preview_that_goes_on_while_it_is_changed_goes_on_once(two: tuple[Client, Client], long: str) -> None:
    first, second = two
    settings = {"iterations": 2}
    short = submit(second, content=picture(600, seed=3, height=420), settings=settings, until="preview", previews=False)
    wait_for(second, Paused, job=short)
    second.update(short, {"strength": 20.0})
    second.continue_(short)
    # What the change makes of it is shown while the request to go on waits for its turn, behind the long job.
    assert wait_for(second, PictureArrived, job=short).kind == "preview"
    first.cancel(long)
    wait_for(first, Cancelled, job=long)
    event: Event | None = None
    while not isinstance(event, Finished):
        event = wait_for(second, Event, job=short)
        assert not isinstance(event, Paused)


def test_a_preview_goes_ahead_of_one_that_goes_on_to_full_size(two: tuple[Client, Client]) -> None:
    first, second = two
    long = submit(first, content=picture(600, height=420), settings=ENDLESS | {"iterations": 100}, until="preview")
    wait_for(first, Paused, job=long)
    first.continue_(long)
    wait_for(first, Progress, job=long)
    wait_for(second, Finished, job=preview(second))
    assert wait_for(first, Progress, job=long)
