"""Lets a plug-in inside a root file system start the server, whose Python and torch live outside of it.

The plug-in's ``server_command`` is a little script (standard library only) that asks this helper over loopback to run
``python -m server`` with the same arguments, prints what the server prints, and lives and ends as the server does.
Outside a root file system the same way is gone, so that both are tested alike.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from tests.gimp.common import REPOSITORY

SCRIPT = '''\
"""Ask the tests' helper to run the server; see tests/gimp/servers.py."""
import json, os, socket, sys
connection = socket.create_connection(("127.0.0.1", {port}))
variables = {{name: value for name, value in os.environ.items() if name.startswith("NEURAL_STYLE_")}}
request = {{"token": "{token}", "arguments": sys.argv[1:], "variables": variables}}
connection.sendall(json.dumps(request).encode() + b"\\n")
while data := connection.recv(65536):
    words, end, status = data.partition(b"\\0")
    os.write(1, words)
    if end:
        sys.exit(int(status or b"1"))
sys.exit(1)
'''


class ServerStarter:
    """Starts servers for the plug-ins of one GIMP, and ends those it started."""

    def __init__(self, folder: Path) -> None:
        self.command = ["/usr/bin/env", "python3", str(folder / "start_server.py")]  # for installation.json
        self.variables: dict[str, str] = {}  # given to the servers that are started from now on
        self.processes: list[subprocess.Popen[bytes]] = []
        self._token = secrets.token_hex(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        script = SCRIPT.format(port=self._listener.getsockname()[1], token=self._token)
        (folder / "start_server.py").write_text(script)
        threading.Thread(target=self._accept, name="server starter", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), name="server", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            request = json.loads(connection.makefile("rb").readline() or b"{}")
            if request.get("token") != self._token:
                return
            path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
            environment = {**os.environ, "PYTHONPATH": path, **request["variables"], **self.variables}
            # One thread: on two, with a test on the other core, every step of a job would wait for the slower of them.
            process = subprocess.Popen(
                [sys.executable, "-m", "server", *request["arguments"], "--threads", "1"],
                stdin=subprocess.DEVNULL,
                stdout=connection.fileno(),
                stderr=connection.fileno(),
                env=environment,
                start_new_session=True,
            )
            self.processes.append(process)
            status = process.wait()
            try:
                connection.sendall(b"\0%d" % (status if status >= 0 else 128 - status))
            except OSError:
                return  # the script was ended before its server

    def end_servers(self, but: int = 0) -> None:
        """End every server started so far, with its engine processes; but those that were started first."""
        for process in self.processes[but:]:
            try:
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            process.terminate()
            _, alive = psutil.wait_procs(family, timeout=5)
            for member in alive:
                member.kill()
            psutil.wait_procs(alive, timeout=5)
        del self.processes[but:]

    def close(self) -> None:
        """End the servers and take no more requests."""
        self._listener.close()
        self.end_servers()
