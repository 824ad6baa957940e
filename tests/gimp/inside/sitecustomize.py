"""Answers the tests' questions about the plug-in's dialog from inside its process (standard library and gi only).

Python imports this at its start where the folder is in PYTHONPATH. In the plug-in's process, and only there, a thread
then listens on a socket in the folder that NEURAL_STYLE_LOOK names, and executes what it is sent in GTK's main loop;
`tests.gimp.looking` asks. Keyboard and mouse stay the tests' only way to do something.
"""

import json
import os
import socket
import sys
import threading
import traceback


def _listen(folder):
    listener = socket.socket(socket.AF_UNIX)
    place = os.path.join(folder, str(os.getpid()))
    if os.path.exists(place):  # of one that was killed, and had this number
        os.unlink(place)
    listener.bind(place)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            answer = _answer(json.loads(stream.readline()))
            stream.write(json.dumps(answer) + "\n")


def _answer(code):
    import gi

    gi.require_version("Gtk", "3.0")
    from gi.repository import GLib, Gtk

    answer, done = {}, threading.Event()

    def execute():
        found = {"Gtk": Gtk, "result": None}
        try:
            exec(compile(code, "<test>", "exec"), found)
            answer["result"] = found["result"]
        except BaseException:  # whatever it is, the test must hear of it
            answer["error"] = traceback.format_exc()
        done.set()
        return GLib.SOURCE_REMOVE

    GLib.idle_add(execute)
    done.wait()
    return answer


folder = os.environ.get("NEURAL_STYLE_LOOK")
if folder and any(word.endswith("/neural-style.py") for word in sys.orig_argv):
    threading.Thread(target=_listen, args=(folder,), name="tests look", daemon=True).start()
