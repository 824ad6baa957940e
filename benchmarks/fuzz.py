"""Feed the parser of messages with what a hostile program could send, for as long as wanted.

    python benchmarks/fuzz.py --messages 1000000 --output benchmarks/results/fuzz.json
    python benchmarks/fuzz.py --with atheris --messages 5000000

Whatever comes, :func:`server.frames.decode` must return a message or raise :class:`stylecore.errors.ProtocolError`,
quickly and without allocating what the header claims. Hypothesis makes messages from the shape that they should have;
atheris, where it installs (``pip install atheris``), mutates bytes towards lines of the parser that no input has
reached yet.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

#: A message that takes longer than this to refuse is a weapon.
SLOW_SECONDS = 1.0
#: Between two frames, in the byte strings that are mutated.
_BETWEEN = b"\x00\xff"


class Tally:
    """Counts what the parser made of the messages."""

    def __init__(self) -> None:
        from server import frames, protocol
        from stylecore.errors import ERRORS, ProtocolError

        self._frames, self._protocol, self._error, self._codes = frames, protocol, ProtocolError, ERRORS
        self.messages = self.accepted = 0
        self.slowest = 0.0
        self.refused: dict[str, int] = {}
        self.begin = time.monotonic()

    def feed(self, frames: list[bytes]) -> None:
        """Parse one message as the server and as the client would; raises whatever is not a refusal."""
        began = time.monotonic()
        for messages in (self._protocol.CLIENT_MESSAGES, self._protocol.SERVER_MESSAGES):
            try:
                self._frames.decode(frames, messages)
                self.accepted += 1
            except self._error as error:
                if error.code not in self._codes or not error.sentence or not error.remedy:
                    raise AssertionError(f"refused without words: {error!r}") from error
                self.refused[error.code] = self.refused.get(error.code, 0) + 1
        self._frames.job_of(frames)
        self.messages += 1
        taken = time.monotonic() - began
        self.slowest = max(self.slowest, taken)
        if taken > SLOW_SECONDS:
            raise AssertionError(f"took {taken:.1f} s: {frames!r:.500}")

    def report(self, engine: str) -> dict[str, Any]:
        """Return the figures."""
        return {
            "engine": engine,
            "messages": self.messages,
            "accepted": self.accepted,
            "refused": self.refused,
            "seconds": round(time.monotonic() - self.begin),
            "slowest_ms": round(self.slowest * 1000, 1),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def with_hypothesis(count: int, tally: Tally) -> None:
    """Feed ``count`` messages: garbage, damaged submissions, right headers with any values."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    from server.frames import encode
    from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, TAG, Message, Picture

    small = Picture(2, 2, 3, "u8", bytes(12))
    submission = [
        bytes(frame)
        for frame in encode(
            Message(
                "submit",
                {
                    "job": "a",
                    "weights": [1.0],
                    "guided": False,
                    "settings": {},
                    "until": "full",
                    "previews": True,
                    "preview_every": 1.0,
                },
                (small, small),
            ),
            CLIENT_MESSAGES,
        )
    ]
    declared = {**CLIENT_MESSAGES, **SERVER_MESSAGES}
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    value = st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    )
    garbage = st.lists(st.binary(max_size=64), max_size=5)
    damage = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4)
    headers = st.sampled_from(sorted(declared)).flatmap(
        lambda kind: st.fixed_dictionaries(
            {
                "type": st.just(kind),
                "pictures": value
                | st.lists(
                    st.tuples(
                        st.integers(-2, 5),
                        st.integers(-2, 5),
                        st.integers(0, 5),
                        st.sampled_from(["u8", "u16", "f32", "x"]),
                    )
                ),
            },
            optional=dict.fromkeys(declared[kind], value),
        )
    )

    def damaged(changes: list[tuple[int, int, int]]) -> list[bytes]:
        frames = [bytearray(frame) for frame in submission]
        for part, place, byte in changes:
            if place < len(frames[part]):
                frames[part][place] = byte
            else:
                del frames[part][place % max(1, len(frames[part])) :]
        return [bytes(frame) for frame in frames]

    inputs = (
        garbage
        | st.builds(lambda rest: [TAG, *rest], garbage)
        | damage.map(damaged)
        | st.builds(lambda header, rest: [TAG, json.dumps(header).encode(), *rest], headers, garbage)
    )
    batch = 20_000  # one run remembers all that it has tried
    while tally.messages < count:
        limits = settings(
            max_examples=min(batch, count - tally.messages),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        limits(given(inputs)(tally.feed))()
        print(tally.messages, tally.slowest, file=sys.stderr, flush=True)


def with_atheris(count: int, tally: Tally, output: Path | None) -> None:
    """Feed ``count`` byte strings, cut into frames, steered by coverage; ends the process."""
    import atheris

    def one(data: bytes) -> None:
        tally.feed(data.split(_BETWEEN))
        if tally.messages >= count:
            write(tally.report("atheris"), output)
            os._exit(0)

    with tempfile.TemporaryDirectory() as corpus:
        for number, frames in enumerate(examples()):
            (Path(corpus) / str(number)).write_bytes(_BETWEEN.join(frames))
        atheris.Setup([sys.argv[0], "-max_len=6000", "-verbosity=0", corpus], one)
        atheris.Fuzz()


def examples() -> list[list[bytes]]:
    """Return a right message of every type, for mutating."""
    from server.frames import encode
    from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, TAG, Message, Picture

    small = Picture(2, 2, 3, "u8", bytes(range(12)))
    submission = encode(
        Message(
            "submit",
            {
                "job": "a",
                "weights": [1.0],
                "guided": False,
                "settings": {"strength": 40.0, "quality": "draft"},
                "until": "full",
                "previews": True,
                "preview_every": 1.0,
            },
            (small, small),
        ),
        CLIENT_MESSAGES,
    )
    found = [[bytes(frame) for frame in submission]]
    plausible = ("a", 1, 0.5, True, {}, [1.0], "full", "preview", "0.1", {"a": 1})
    for kind, fields in {**CLIENT_MESSAGES, **SERVER_MESSAGES}.items():
        header: dict[str, Any] = {"type": kind, "pictures": []}
        for name, check in fields.items():
            for value in plausible:
                try:
                    check(value)
                except Exception:  # whatever the check says: the next value
                    continue
                header[name] = value
                break
        found.append([TAG, json.dumps(header).encode()])
    return found


def write(report: dict[str, Any], output: Path | None) -> None:
    """Print the figures, and add them to the file."""
    text = json.dumps(report, indent=1)
    print(text, flush=True)
    if output:
        output.write_text(text + "\n")


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--with", dest="engine", choices=["hypothesis", "atheris"], default="hypothesis")
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    if options.engine == "atheris":
        import atheris

        with atheris.instrument_imports(include=["server", "json"]):
            tally = Tally()
        with_atheris(options.messages, tally, options.output)
    tally = Tally()
    with_hypothesis(options.messages, tally)
    write(tally.report("hypothesis"), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
