"""The bridge: what a client whose Python has no pyzmq sees of a server, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from server import protocol
from server.client import wires
from server.client.bridge_wire import BridgeWire
from server.client.client import Cancelled, Client, Disconnected, Finished, PictureArrived, Progress, ServerError
from server.client.pipe_frames import LOST, MESSAGE, OPEN, READY, Pipe, json_frames, read_json
from server.discovery import server_lives
from server.frames import encode
from server.protocol import CLIENT_MESSAGES, Message, Picture
from tests.server.conftest import ENDLESS, ROOT, Server, finishes, picture, quick, submit, until, wait_for


@pytest.fixture(autouse=True)
def over_the_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(wires.VARIABLE, wires.BRIDGE)


def process_of(client: Client) -> psutil.Process:
    """The bridge of a client."""
    wire = client._channel._wire
    assert isinstance(wire, BridgeWire)
    return psutil.Process(wire._process.pid)


def ended(process: psutil.Process) -> bool:
    """Whether it has ended; perhaps nobody has asked after it yet."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def ours() -> list[psutil.Process]:
    """The bridges that this process has started and that live."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and "server.bridge" in process.cmdline():
                found.append(process)
    return found


def test_a_job_with_previews(client: Client) -> None:
    job = submit(client, content=picture(256), preview_every=0.05)
    kinds = []
    while not kinds or kinds[-1] != "final":
        kinds.append(wait_for(client, PictureArrived, job=job).kind)
    assert kinds.count("preview") >= 2  # the second is sent only when the first has been seen
    wait_for(client, Finished, job=job)
    assert client.welcome["version"] == protocol.VERSION


def test_a_job_is_cancelled(client: Client) -> None:
    job = submit(client, settings=ENDLESS)
    wait_for(client, Progress, job=job)
    client.cancel(job)
    wait_for(client, Cancelled, 5, job=job)
    finishes(client, quick(client))


def test_48_megabytes_there_and_back_whole(client: Client) -> None:
    values = np.random.default_rng(0).integers(0, 256, (3000, 4000, 4), dtype=np.uint8)
    values[..., 3] = 255  # else colours that do not show could change
    content = Picture(4000, 3000, 4, "u8", values.tobytes())
    assert content.size == 48_000_000
    # With no strength the engine gives a picture back as it came.
    job = submit(client, content=content, settings={"strength": 0.0}, previews=False)
    arrived = wait_for(client, PictureArrived, 120, job=job)
    assert arrived.kind == "final" and bytes(arrived.picture.data) == content.data
    wait_for(client, Finished, job=job)


def test_a_server_is_started_on_demand_and_outlives_the_bridge(folder: Path) -> None:
    with pytest.raises(ServerError) as caught:
        Client.connect(folder, start=False)
    assert caught.value.code == "server-absent" and caught.value.remedy
    with Client.connect(folder) as client:
        first = client.welcome["pid"]
    assert server_lives(folder)
    with Client.connect(folder, start=False) as client:
        assert client.welcome["pid"] == first


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with pytest.raises(ServerError, match="no_such_module") as caught:
        Client.connect(folder, server_command=[sys.executable, "-c", "import no_such_module"])
    assert caught.value.code == "server-start-failed" and caught.value.details["detail"]
    assert not ours()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/python"], "No such file"),
        ([sys.executable, "-c", "import no_such_module"], "no_such_module"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "status 3"),
        ([sys.executable, "-c", "print('Hello, I am another program.' * 99)"], "understood"),
    ],
)
def test_a_bridge_that_cannot_start_says_why(folder: Path, command: list[str], said: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ServerError, match=said) as caught:
        Client.connect(folder, bridge_command=command)
    assert caught.value.code == "bridge-failed" and caught.value.remedy
    assert time.monotonic() - begin < 30


def test_a_bridge_of_another_version_says_so() -> None:
    with piped() as (process, pipe):
        pipe.write(OPEN, json_frames({"bridge": protocol.PROTOCOL + 1}))
        kind, frames = pipe.read()
        assert kind == LOST and read_json(frames)["code"] == "version-mismatch"
        assert process.wait(30) == 0


def test_closing_ends_the_bridge(shared: Server) -> None:
    client = shared.connect()
    bridge = process_of(client)
    begin = time.monotonic()
    client.close()
    assert not bridge.is_running() and time.monotonic() - begin < 10
    with shared.connect() as other:
        until(
            lambda: other.status()["clients"] == 1, protocol.LEASE_SECONDS - 1
        )  # it said goodbye, so that no lease had to end


CLIENT_THAT_WAITS = """
import sys, time
from pathlib import Path
from server.client.client import Client
client = Client.connect(Path(sys.argv[1]), start=False)
print(client._channel._wire._process.pid, flush=True)
time.sleep(60)
"""


def test_the_end_of_the_client_ends_the_bridge(shared: Server) -> None:
    command = [sys.executable, "-c", CLIENT_THAT_WAITS, str(shared.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        bridge = psutil.Process(int(child.stdout.readline()))
        assert bridge.ppid() == child.pid
        child.kill()  # as GIMP does with a plug-in that is cancelled
        child.wait()
    until(lambda: ended(bridge), 30)


def test_the_end_of_the_client_ends_a_bridge_that_still_looks_for_a_server(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    wanted = wires.Wanted(folder, None, ("sleep", "3"), True, 60.0)
    with piped() as (process, pipe):
        pipe.write(OPEN, json_frames({"bridge": protocol.PROTOCOL, **wanted.as_json()}))
        pipe.write(MESSAGE, encode(Message("hello", {"client": "test", "version": "1"}), CLIENT_MESSAGES))
        until(lambda: (folder / "server-start.log").exists(), 60)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_end_of_the_server_ends_the_bridge_and_is_told(server: Server) -> None:
    with server.connect() as client:
        bridge = process_of(client)
        job = submit(client, settings=ENDLESS)
        wait_for(client, Progress, job=job)
        server.process.kill()
        begin = time.monotonic()
        event = wait_for(client, Disconnected, job=job)
        assert event.code == "connection-lost" and event.remedy
        assert time.monotonic() - begin < protocol.SILENT_SECONDS
        until(lambda: ended(bridge), 30)
    assert not bridge.is_running()


def test_the_server_s_last_words_are_passed_on(server: Server) -> None:
    with server.connect() as client:
        server.process.send_signal(signal.SIGTERM)
        event = wait_for(client, Disconnected)
        assert event.code == "server-stopping"


def test_a_killed_bridge_is_told_in_mid_job_and_the_next_run_works(shared: Server) -> None:
    with shared.connect() as client:
        job = submit(client, settings=ENDLESS)
        wait_for(client, Progress, job=job)
        process_of(client).kill()
        begin = time.monotonic()
        event = wait_for(client, Disconnected, job=job)
        assert event.code == "bridge-died" and "bridge" in event.sentence and event.remedy
        assert time.monotonic() - begin < protocol.SILENT_SECONDS
        with pytest.raises(ServerError) as caught:
            submit(client)
        assert caught.value.code == "bridge-died"
    with shared.connect() as again:
        finishes(again, quick(again))
        until(lambda: not again.status()["jobs"], 60)  # the killed one's ends when the server notices that nobody is there


def test_a_bridge_that_hangs_is_told_and_ended(shared: Server) -> None:
    client = shared.connect()
    bridge = process_of(client)
    bridge.suspend()
    # Too much for the pipe: what writes must not be what listens.
    job = submit(client, content=picture(1500), previews=False)
    event = wait_for(client, Disconnected, job=job)
    assert event.code == "server-silent" and event.remedy
    until(lambda: not bridge.is_running(), 60)
    client.close()


def test_a_bridge_that_fails_says_why(shared: Server, tmp_path: Path) -> None:
    # A real failure of a bridge: a module that it needs raises while it is at work.
    script = tmp_path / "failing.py"
    script.write_text(
        "import server.client.socket_wire\nfrom server.bridge import __main__ as bridge\n"
        "def fail(self, frames): raise RuntimeError('no sockets today')\n"
        "server.client.socket_wire.SocketWire.send = fail\nbridge.main()\n"
    )
    with pytest.raises(ServerError, match="no sockets today") as caught:
        command = ["env", f"PYTHONPATH={ROOT}", sys.executable, str(script)]
        Client.connect(shared.folder, start=False, bridge_command=command)
    assert caught.value.code == "internal-error"


@contextlib.contextmanager
def piped(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], Pipe]]:
    """A bridge, started and ready, and the pipe to it."""
    process = subprocess.Popen(
        [sys.executable, *options, "-m", "server.bridge"],
        bufsize=0,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert isinstance(process.stdout, io.RawIOBase) and isinstance(process.stdin, io.RawIOBase)
        pipe = Pipe(process.stdout, process.stdin)
        assert pipe.read() == (READY, [])
        yield process, pipe
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_it_imports_all_that_it_needs_before_it_reads(folder: Path) -> None:
    """On Windows an import hangs while a thread reads the standard input."""
    with piped("-X", "importtime") as (process, pipe):
        assert process.stderr is not None
        before = os.read(process.stderr.fileno(), 1 << 20)
        os.set_blocking(process.stderr.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while more := os.read(process.stderr.fileno(), 1 << 20):
                before += more
        assert b"import time:" in before and b"| server.bridge.__main__" not in before  # it is __main__ itself
        command = [sys.executable, "-m", "server"]
        wanted = wires.Wanted(folder, None, ("env", f"PYTHONPATH={ROOT}", *command), True, 20.0)
        pipe.write(OPEN, json_frames({"bridge": protocol.PROTOCOL, **wanted.as_json()}))
        pipe.write(MESSAGE, encode(Message("hello", {"client": "test", "version": "1"}), CLIENT_MESSAGES))
        kind, frames = pipe.read()
        assert kind == MESSAGE and json.loads(frames[1])["type"] == "welcome"
        pipe.write(MESSAGE, encode(Message("shutdown"), CLIENT_MESSAGES))
        while kind == MESSAGE:
            kind, frames = pipe.read()
        assert kind == LOST and process.wait(60) == 0
        with contextlib.suppress(BlockingIOError):
            while late := os.read(process.stderr.fileno(), 1 << 20):
                assert late == b""


def test_what_is_printed_does_not_get_between_the_messages(shared: Server) -> None:
    code = (
        "import os\nfrom server.bridge import __main__ as bridge\nreach = bridge.reach\n"
        "def loud(*given):\n    print('a word', flush=True)\n    os.write(1, b'another')\n    return reach(*given)\n"
        "bridge.reach = loud\nbridge.main()\n"
    )
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-c", code]
    with Client.connect(shared.folder, start=False, bridge_command=command) as client:
        assert client.status()["version"] == protocol.VERSION


NO_PYZMQ = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "zmq":
            raise ImportError("wrong ABI, as in GIMP for Windows")
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from server.client.client import Client
with Client.connect(Path(sys.argv[1]), start=False, bridge_command=sys.argv[2:]) as client:
    print(client.status()["clients"])
assert not [name for name in sys.modules if name.startswith("zmq")]
"""


def test_without_pyzmq_the_bridge_is_taken_by_itself(shared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(wires.VARIABLE)
    bridge = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "server.bridge"]
    command = [sys.executable, "-c", NO_PYZMQ, str(shared.folder), *bridge]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_the_variable_forces_a_wire(shared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with shared.connect() as client:
        assert isinstance(client._channel._wire, BridgeWire)
    for value in ("zeromq", ""):
        monkeypatch.setenv(wires.VARIABLE, value)
        with shared.connect() as client:
            assert not isinstance(client._channel._wire, BridgeWire)
    monkeypatch.setenv(wires.VARIABLE, "carrier-pigeon")
    with pytest.raises(ServerError, match="carrier-pigeon") as caught:
        shared.connect()
    assert caught.value.code == "bad-wire" and "zeromq" in caught.value.remedy
