"""What painting would take, asked before it is begun: nothing on a new machine, then what it has learned."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from server.client.client import Client, Finished, Progress
from stylecore.errors import ProtocolError
from tests.server.conftest import ENDLESS, Server, picture, submit, until, wait_for


def ask(client: Client, *contents: tuple[int, int], **settings: object) -> tuple[float, bool]:
    name = client.ask_estimate(list(contents), [(64, 64)], {"precision": "float32", **settings})
    answers: list[tuple[float, bool]] = []

    def answered() -> bool:
        answer = client.estimate(name)
        answers.extend([answer] if answer is not None else [])
        return bool(answers)

    until(answered, 60)
    return answers[0]


def test_the_time_is_known_once_something_was_painted_and_about_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))  # where an engine keeps what it has learned
    server = Server(tmp_path / "state")
    try:
        with server.connect() as client:
            assert ask(client, (256, 192)) == (0.0, False)  # there is no engine yet
            client.prepare()
            until(lambda: client.welcome["device"], 60)
            assert ask(client, (256, 192)) == (0.0, False)
            settings = {"iterations": 12}
            content = picture(256, height=192)
            ratios = []
            for _ in range(6):  # what else this computer does begins and ends at any time
                begin = time.monotonic()
                wait_for(client, Finished, job=submit(client, content=content, settings=settings))
                took = time.monotonic() - begin
                expected, known = ask(client, (256, 192), quality="draft", **settings)
                assert known
                ratios.append(expected / took)
                if len(ratios) > 1 and 0.4 < ratios[-1] < 1.6:
                    break
            assert 0.4 < ratios[-1] < 1.6, ratios
            longer, known = ask(client, (256, 192), quality="best")
            assert known and longer > 2 * expected
            twice, known = ask(client, (256, 192), (256, 192), quality="draft", **settings)
            assert known and twice == pytest.approx(2 * expected)
            assert ask(client, (4, 4)) == (0.0, False)  # which cannot be painted
            # While it paints, it answers between two steps.
            wait_for(client, Progress, job=submit(client, settings=ENDLESS))
            assert ask(client, (256, 192))[1]
    finally:
        server.end()


@pytest.mark.parametrize("contents", [[], [(0, 5)], [(5,)], [(3, 10**6)], [(9, 9)] * 65])
def test_impossible_sizes_are_refused(client: Client, contents: list[tuple[int, int]]) -> None:
    with pytest.raises(ProtocolError):
        client.ask_estimate(contents, [(64, 64)], {})
