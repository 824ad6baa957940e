"""Jobs on a real engine at small sizes, and what happens to them when something dies."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from server.client.client import (
    Accepted,
    Cancelled,
    Client,
    Disconnected,
    Failed,
    Finished,
    Paused,
    PictureArrived,
    Progress,
    Queued,
    Refused,
    Starting,
)
from server.protocol import Picture
from stylecore.request import Style
from tests.server.conftest import ENDLESS, LAST, PATIENT, ROOT, Server, picture, submit, until, wait_for


@pytest.mark.parametrize(("channels", "kind"), [(3, "u8"), (4, "u8"), (3, "u16"), (4, "f32")])
def test_a_job_from_submission_to_result(client: Client, channels: int, kind: str) -> None:
    content = picture(64, height=48, channels=channels, kind=kind)
    job = submit(client, content=content)
    events = []
    while not events or not isinstance(events[-1], LAST):
        event = client.next_event(60)
        assert event is not None and event.job == job
        events.append(event)
    kinds = [type(event) for event in events]
    assert kinds[0] is Accepted and kinds[-1] is Finished and Starting in kinds
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress and [e.fraction for e in progress] == sorted(e.fraction for e in progress)
    assert all(e.seconds_left >= 0 and e.losses["total"] > 0 for e in progress)
    final = events[-2]
    assert isinstance(final, PictureArrived) and final.kind == "final"
    assert (final.picture.width, final.picture.height, final.picture.channels, final.picture.kind) == (
        64,
        48,
        channels,
        kind,
    )
    assert final.picture.data != content.data
    finished = events[-1]
    assert isinstance(finished, Finished) and not finished.stopped and finished.settings["quality"] == "draft"
    assert "CPU" in finished.device or finished.device


def test_each_half_has_its_style_and_the_map_its_strength(client: Client) -> None:
    """The styles' guides and the strength map arrive at the styles and places that they were sent for."""
    top, bottom = (bytes(64 * 48) + b"\xff" * (64 * 16), b"\xff" * (64 * 16) + bytes(64 * 48))
    band = b"\xff" * (64 * 48) + bytes(64 * 16)
    photo = picture(64)
    red = Picture(64, 64, 3, "u8", bytes([230, 40, 20, 120, 10, 10]) * (64 * 32))
    blue = Picture(64, 64, 3, "u8", bytes([20, 60, 230, 10, 10, 120]) * (64 * 32))
    settings = {"strength": 80.0}
    styles = [
        Style(red, paints_where=Picture(64, 64, 1, "u8", top)),
        Style(blue, paints_where=Picture(64, 64, 1, "u8", bottom)),
    ]
    job = submit(client, content=photo, styles=styles, settings=settings, previews=False)
    painted = wait_for(client, PictureArrived, job=job).picture
    rows = 64 * 3
    upper, lower = painted.data[: 14 * rows], painted.data[50 * rows :]
    assert sum(upper[2::3]) > sum(upper[::3]) and sum(lower[::3]) > sum(lower[2::3])
    assert painted.data[17 * rows : 47 * rows] == photo.data[17 * rows : 47 * rows]
    strengths = Picture(64, 64, 1, "u8", band)
    job = submit(client, content=photo, styles=[Style(red)], settings=settings, strength_map=strengths, previews=False)
    painted = wait_for(client, PictureArrived, job=job).picture
    assert painted.data[48 * rows :] == photo.data[48 * rows :] and painted.data[: 48 * rows] != photo.data[: 48 * rows]
    nowhere = Style(red, paints_where=Picture(64, 64, 1, "u8", bytes(64 * 64)))
    job = submit(client, content=photo, styles=[nowhere], settings=settings)
    assert wait_for(client, Failed, job=job).code == "empty-guide"


def test_a_job_goes_on_from_an_earlier_result(client: Client) -> None:
    first = wait_for(client, PictureArrived, job=submit(client, previews=False)).picture
    job = submit(client, start=first, settings={"strength": 60.0}, previews=False)
    progress = wait_for(client, Progress, job=job)
    assert progress.scales == 1 and progress.steps < 12
    final = wait_for(client, PictureArrived, job=job).picture
    assert final.data != first.data
    mask = Picture(64, 64, 1, "u8", bytes(64 * 64 - 64 * 32) + b"\xff" * (64 * 32))
    job = submit(client, mask=mask, start=first, anew=True, settings={"strength": 90.0}, previews=False)
    part = wait_for(client, PictureArrived, job=job).picture
    half = 64 * 32 * 3
    assert part.data[:half] == first.data[:half] and part.data[half:] != first.data[half:]
    job = submit(client, start=picture(32))
    assert wait_for(client, Failed, job=job).code == "bad-start"


def test_previews_wait_until_the_last_one_was_taken(client: Client) -> None:
    job = submit(client, settings=ENDLESS, preview_every=0.0)
    time.sleep(1.5)  # takes nothing: one preview is on its way, no more
    waiting = list(client._channel._events)
    assert sum(isinstance(event, PictureArrived) for event in waiting) <= 1
    assert sum(isinstance(event, Progress) for event in waiting) <= 2
    first, second = wait_for(client, PictureArrived), wait_for(client, PictureArrived)
    assert first.kind == second.kind == "preview" and first.picture.kind == "u8"
    client.cancel(job)
    wait_for(client, Cancelled)


def test_stop_keeps_what_is_there(client: Client) -> None:
    job = submit(client, settings=ENDLESS, previews=False)
    wait_for(client, Progress)
    client.stop(job)
    assert wait_for(client, PictureArrived).kind == "final"
    assert wait_for(client, Finished).stopped


def test_cancel_leaves_nothing_and_the_next_job_runs(client: Client) -> None:
    job = submit(client, settings=ENDLESS, previews=False)
    wait_for(client, Progress)
    begin = time.monotonic()
    client.cancel(job)
    wait_for(client, Cancelled)
    assert time.monotonic() - begin < 20
    submit(client)
    wait_for(client, Finished)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to give memory back")
@pytest.mark.parametrize("held", [False, True])
def test_a_cancelled_job_gives_its_memory_back(shared: Server, client: Client, held: bool) -> None:
    """Buffers are kept from step to step, but not when there is no next step."""
    submit(client)
    wait_for(client, Finished)
    engine = shared.engine()
    assert engine is not None
    before = engine.memory_info().rss
    content = picture(440)
    if held:
        job = submit(client, content=content, until="preview")
        wait_for(client, Paused)
    else:
        job = submit(client, content=content, settings=ENDLESS, previews=False)
        until(lambda: (now := wait_for(client, Progress, job=job)).scale == now.scales and now.step > 1, 60)
    assert engine.memory_info().rss > before + (20_000_000 if held else 150_000_000)
    client.cancel(job)
    wait_for(client, Cancelled)
    until(lambda: engine.memory_info().rss < before + 60_000_000, 60)


def test_snapshot_and_update_while_it_paints(client: Client) -> None:
    job = submit(client, settings=ENDLESS, previews=False, content=picture(64, channels=4, kind="u16"))
    wait_for(client, Progress)
    client.snapshot(job)
    shot = wait_for(client, PictureArrived)
    assert shot.kind == "snapshot" and (shot.picture.width, shot.picture.channels, shot.picture.kind) == (64, 4, "u16")
    client.update(job, {"strength": 80.0})
    client.update(job, {"seed": 3})
    refused = wait_for(client, Refused)
    assert "seed" in refused.sentence and refused.remedy
    client.stop(job)
    assert wait_for(client, Finished).settings["strength"] == 80.0


def test_a_preview_pauses_and_goes_on(client: Client) -> None:
    job = submit(client, content=picture(600, height=320), until="preview", settings={"iterations": 2})
    wait_for(client, Paused, 90)
    submit(client)  # a paused job keeps nobody waiting
    wait_for(client, Finished)
    client.continue_(job)
    assert wait_for(client, PictureArrived, 90).picture.width == 600
    assert wait_for(client, Finished).job == job


def test_a_paused_preview_shows_what_other_settings_make_of_it(client: Client) -> None:
    content = picture(440, height=440)
    job = submit(client, content=content, until="preview", settings={"iterations": 2, "strength": 30.0})
    wait_for(client, Paused, 90)
    client.update(job, {"strength": 90.0})
    shown = wait_for(client, PictureArrived, 30)
    assert shown.job == job and shown.kind == "preview" and shown.picture.width == 220
    wait_for(client, Paused, 30)
    client.update(job, {"strength": 20.0})
    client.continue_(job)  # asked for while it refines: it goes on all the same
    finished = wait_for(client, Finished, 90)
    assert finished.job == job and finished.settings["strength"] == 20.0
    second = submit(client, content=content, until="preview", settings={"iterations": 2})
    wait_for(client, Paused, 90)
    client.update(second, {"strength": 90.0})
    client.cancel(second)
    assert wait_for(client, Cancelled, 60).job == second


def test_the_engine_can_be_got_ready_before_the_first_job(server: Server) -> None:
    with server.connect() as client:
        assert client.status()["engine"] == "none"
        client.prepare()
        until(lambda: client.status()["engine"] == "idle", 60)
        assert client.status()["device"]


def test_bad_input_fails_with_words(client: Client) -> None:
    submit(client, content=Picture(1, 1, 3, "u8", b"abc"))
    failed = wait_for(client, Failed)
    assert failed.code and failed.sentence.endswith(".") and failed.remedy
    submit(client, content=Picture(64, 64, 4, "u8", bytes(64 * 64 * 4)))
    assert wait_for(client, Failed).code == "fully-transparent"
    submit(client, mask=Picture(64, 64, 1, "u8", bytes(64 * 64)))
    assert wait_for(client, Failed).code == "empty-guide"


def test_clients_take_turns_and_know_their_place(shared: Server, client: Client) -> None:
    with shared.connect("second") as second:
        running = submit(client, settings=ENDLESS, previews=False)
        wait_for(client, Progress)
        own = [submit(client, settings=PATIENT, previews=False) for _ in range(2)]
        wait_for(client, Queued, job=own[1])
        other = submit(second, settings=PATIENT, previews=False)
        assert wait_for(second, Queued).position == 2  # behind the running one and one of the first client's
        assert wait_for(client, Queued, job=own[1]).position == 3
        assert second.status()["engine"] == "busy"
        client.cancel(own[0])
        client.cancel(running)
        assert wait_for(second, Finished).job == other
        assert wait_for(client, Finished, job=own[1]).job == own[1]


CHILD = """
import sys, time
from pathlib import Path
from server.client.client import Client, Progress
from tests.server.conftest import ENDLESS, submit
client = Client.connect(Path(sys.argv[1]), start=False)
submit(client, settings=ENDLESS)
while True:
    if isinstance(client.next_event(1), Progress):
        print("painting", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_job_of_a_dead_or_frozen_client_ends(shared: Server, client: Client, number: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(shared.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and child.stdout.readline() == "painting\n"
        assert client.status()["engine"] == "busy"
        child.send_signal(number)
        until(lambda: client.status()["engine"] != "busy" and not client.status()["jobs"], 30)
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def test_a_dead_engine_is_told_and_replaced(shared: Server, client: Client) -> None:
    job = submit(client, settings=ENDLESS)
    wait_for(client, Progress)
    waiting = submit(client, previews=False)
    engine = shared.engine()
    assert engine is not None
    begin = time.monotonic()
    engine.kill()
    failed = wait_for(client, Failed, job=job)
    assert time.monotonic() - begin < 20
    assert failed.code == "engine-died" and "the system ended it" in failed.sentence and failed.remedy
    assert wait_for(client, Finished, job=waiting).job == waiting


def test_a_frozen_engine_does_not_hold_a_cancelled_job(shared: Server, client: Client) -> None:
    job = submit(client, settings=ENDLESS)
    wait_for(client, Progress)
    engine = shared.engine()
    assert engine is not None
    engine.suspend()
    client.cancel(job)
    wait_for(client, Cancelled, 20)
    assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


def test_a_job_is_one_line_in_the_log_with_what_it_took(shared: Server) -> None:
    with shared.connect("gimp") as client:
        job = submit(client, content=picture(48, height=32), settings={"iterations": 2, "strength": 70.0})
        wait_for(client, Finished)
    lines = [line for line in shared.log().splitlines() if job[:8] in line]
    assert len(lines) == 1
    for part in ("of gimp", "48x32 px u8, 1 style", "quality=draft", "strength=70", "finished on CPU", "took", "peak "):
        assert part in lines[0]
    assert int(re.findall(r"peak (\d+) MB", lines[0])[0]) > 50


def test_when_the_server_is_killed_the_client_is_told_and_the_engine_ends(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / "state"  # too long a path for a Unix socket
    server = Server(deep, "--engine-idle", "0.5")
    try:
        with server.connect() as client:
            submit(client, previews=False)
            wait_for(client, Finished)
            until(lambda: server.engine() is None, 60)  # retired when idle
            job = submit(client, settings=ENDLESS)
            wait_for(client, Progress)
            engine = server.engine()
            assert engine is not None
            begin = time.monotonic()
            os.kill(server.process.pid, signal.SIGKILL)
            gone = wait_for(client, Disconnected, 60)
            assert gone.job == job and gone.remedy and time.monotonic() - begin < 20
            until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 60)
    finally:
        server.end()


def test_an_engine_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = Server(tmp_path / "state", "--weights", str(tmp_path / "none.pth"))
    try:
        with server.connect() as client:
            submit(client)
            failed = wait_for(client, Failed)
            assert "none.pth" in failed.sentence and failed.remedy
            assert client.status()["jobs"] == []
    finally:
        server.end()
