"""Read picture files of every format after damaging them, and see that nothing worse happens than a refusal in words.

    python benchmarks/fuzz_files.py --files 20000 --output benchmarks/results/fuzz_files.json

Each is a small file that this program or a library has written (`file_samples.py`), with bits turned over, numbers in its
header changed, parts cut off, doubled or replaced by another file's. They are read in processes of their own, so that a
crash is caught and a picture that takes too long ends. The same seed makes the same files; those that do harm are kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import queue
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

#: A file that takes longer than this, or more memory (the whole process), is a weapon.
SLOW_SECONDS = 5.0
MOST_MEGABYTES = 1000
# After so long a process is ended.
_PATIENCE = 60.0
# What a process may ask for; more is refused to it as on a small machine.
_ADDRESS_SPACE = 16 << 30
_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HEADER = 128


@dataclass
class Tally:
    """What became of the files of one format."""

    files: int = 0
    pictures: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    harm: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    peak_megabytes: float = 0.0

    def add(self, other: Tally) -> None:
        """Count another's files too."""
        self.files, self.pictures = self.files + other.files, self.pictures + other.pictures
        self.refused, self.harm = self.refused + other.refused, self.harm + other.harm
        self.slowest = max(self.slowest, other.slowest)
        self.peak_megabytes = max(self.peak_megabytes, other.peak_megabytes)


def damaged(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a file with one to four changes of any kind."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not changed:
            break
        _CHANGES[chance.choice(list(_CHANGES))](changed, others, chance)
    # libpng looks at nothing whose check sum is wrong: half of them are made right again.
    if changed.startswith(b"\x89PNG\r\n\x1a\n") and chance.random() < 0.5:
        _mend_png(changed)
    return bytes(changed)


def _place(changed: bytearray, chance: random.Random) -> int:
    """Return a place, in half of all cases near the beginning, where formats keep what they say of the rest."""
    return chance.randrange(min(len(changed), _HEADER) if chance.random() < 0.5 else len(changed))


def _turn_bits(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        changed[_place(changed, chance)] ^= 1 << chance.randrange(8)


def _set_number(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    form = chance.choice((">B", ">H", "<H", ">I", "<I"))
    value = chance.choice((*_NUMBERS, chance.getrandbits(32))) & ((1 << 8 * struct.calcsize(form)) - 1)
    place = _place(changed, chance)
    number = struct.pack(form, value)
    changed[place : place + len(number)] = number


def _cut(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    del changed[chance.randrange(len(changed)) :]


def _splice(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    begin = chance.randrange(len(other))
    place = chance.randrange(len(changed))
    part = other[begin : begin + chance.choice((4, 16, 256, len(other)))]
    changed[place : place + chance.choice((0, len(part)))] = part


def _double(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    begin, place = chance.randrange(len(changed)), chance.randrange(len(changed))
    changed[place:place] = changed[begin : begin + chance.choice((4, 12, 64, 512))]


def _drop(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    begin = _place(changed, chance)
    del changed[begin : begin + chance.choice((1, 2, 4, 12, 100))]


def _fill(changed: bytearray, others: list[bytes], chance: random.Random) -> None:
    begin = _place(changed, chance)
    length = min(chance.choice((1, 4, 32, 256)), len(changed) - begin)
    changed[begin : begin + length] = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))


_CHANGES = {"bits": _turn_bits, "number": _set_number, "number again": _set_number, "cut": _cut, "splice": _splice,
            "double": _double, "drop": _drop, "fill": _fill}  # fmt: skip


def _mend_png(changed: bytearray) -> None:
    place = 8
    while place + 12 <= len(changed):
        (length,) = struct.unpack_from(">I", changed, place)
        if place + 12 + length > len(changed):
            return
        check = zlib.crc32(changed[place + 4 : place + 8 + length])
        struct.pack_into(">I", changed, place + 8 + length, check)
        place += 12 + length


class Reader:
    """A process that reads files as they are named to it."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def read(self, path: Path, longest: int) -> dict[str, Any]:
        """Have a file read; returns what came of it, ``harm`` if the process did not survive."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        began = time.monotonic()
        late = threading.Timer(_PATIENCE, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps([str(path), longest]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late.cancel()
        if line:
            return dict(json.loads(line))
        status = process.wait()
        self._start()
        seconds = time.monotonic() - began
        harm = "no end" if seconds > _PATIENCE else f"crash (status {status})"
        return {"harm": harm, "seconds": seconds, "megabytes": 0.0}

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def read_as_told() -> None:
    """Be the process that reads: a line of JSON in, a line out."""
    import numpy as np

    from stylecore.errors import StyleError
    from stylecore.files import pictures

    with pipes_apart() as answers:
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        for line in sys.stdin:
            path, longest = json.loads(line)
            forget_peak()
            began, answer = time.monotonic(), {}
            try:
                pixels = pictures.load(path, longest).pixels
                sound = pixels.dtype == np.float32 and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1
                if not sound:
                    answer["harm"] = "pixels that are none"
                del pixels
            except StyleError as error:
                answer["refused"] = error.code
                if not error.sentence or not error.remedy:
                    answer["harm"] = "no words"
            except BaseException as error:  # the very thing that is looked for
                answer["harm"] = f"{type(error).__name__}: {error}"[:200]
            answer["seconds"], answer["megabytes"] = time.monotonic() - began, peak_megabytes()
            print(json.dumps(answer), file=answers, flush=True)


def pipes_apart() -> Any:
    """Return a stream to answer on, and turn what libraries print to nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return answers


def forget_peak() -> None:
    """Begin to measure the process's peak anew, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """Return the process's peak of resident memory."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def files(count: int, seed: int) -> Iterator[tuple[str, bytes, int]]:
    """Yield each file's name, its bytes, and the longest side to read it with (0: as it is); every format in turn."""
    from benchmarks import file_samples

    samples = file_samples.all_of_them()
    by_format: dict[str, list[str]] = {}
    for name in samples:
        by_format.setdefault(format_of(name), []).append(name)
    every = list(samples.values())
    chance = random.Random(seed)
    order = sorted(by_format)
    for number in range(count):
        name = chance.choice(by_format[order[number % len(order)]])
        yield name, damaged(samples[name], every, chance), chance.choice((0, 0, 0, 8))


def format_of(name: str) -> str:
    """Return the format that a sample's name begins with."""
    words = name.split(" ")
    return " ".join(words[:2]) if words[:2] in (["JPEG", "XL"], ["JPEG", "2000"]) else words[0]


def run(count: int, seed: int, workers: int, keep: Path) -> dict[str, Tally]:
    """Have so many files read by so many processes; returns what became of them, by format."""
    tallies: dict[str, Tally] = {}
    waiting: queue.Queue[tuple[int, str, bytes, int] | None] = queue.Queue(4 * workers)
    lock = threading.Lock()

    def work(folder: Path) -> None:
        reader = Reader()
        while (given := waiting.get()) is not None:
            number, name, data, longest = given
            path = folder / "picture"
            path.write_bytes(data)
            answer = reader.read(path, longest)
            with lock:
                if _count(answer, tallies.setdefault(format_of(name), Tally())):
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}-{name.replace(' ', '-')}").write_bytes(data)
                    print(number, name, longest, answer, file=sys.stderr, flush=True)
        reader.close()

    with tempfile.TemporaryDirectory(prefix="neural-style-fuzz-") as folder:
        threads = []
        for number in range(workers):
            own = Path(folder) / str(number)
            own.mkdir()
            threads.append(threading.Thread(target=work, args=(own,)))
            threads[-1].start()
        for number, (name, data, longest) in enumerate(files(count, seed)):
            waiting.put((number, name, data, longest))
        for _ in threads:
            waiting.put(None)
        for thread in threads:
            thread.join()
    return tallies


def _count(answer: dict[str, Any], tally: Tally) -> bool:
    """Count a file; returns whether it did harm."""
    harm = [answer["harm"]] if "harm" in answer else []
    if answer["seconds"] > SLOW_SECONDS:
        harm.append("slow")
    if answer["megabytes"] > MOST_MEGABYTES:
        harm.append("memory")
    refused = [answer["refused"]] if "refused" in answer else []
    tally.add(
        Tally(1, int(not refused and not harm), Counter(refused), Counter(harm), answer["seconds"], answer["megabytes"])
    )
    return bool(harm)


def table(tallies: dict[str, Tally]) -> list[str]:
    """Return the figures as lines of Markdown."""
    lines = [
        "| format | files | still a picture | refused in words | harm | slowest, s | peak, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    whole = Tally()
    for each in tallies.values():
        whole.add(each)
    for name, each in [*sorted(tallies.items()), ("all", whole)]:
        lines.append(
            f"| {name} | {each.files:,} | {each.pictures:,} | {each.refused.total():,} | {each.harm.total():,} "
            f"| {each.slowest:.2f} | {each.peak_megabytes:,.0f} |"
        )
    return lines


def rounded(tally: Tally) -> dict[str, Any]:
    """Return the figures as they are kept."""
    return {**vars(tally), "slowest": round(tally.slowest, 3), "peak_megabytes": round(tally.peak_megabytes)}


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that read at the same time")
    parser.add_argument("--keep", type=Path, default=ROOT / "benchmarks/output/harmful", help="where harmful files go")
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    parser.add_argument("--reader", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        read_as_told()
        return 0
    began = time.monotonic()
    tallies = run(options.files, options.seed, options.workers, options.keep)
    report = {"files": options.files, "seed": options.seed, "seconds": round(time.monotonic() - began),
              "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
              "formats": {name: rounded(each) for name, each in sorted(tallies.items())}}  # fmt: skip
    print("\n".join(table(tallies)))
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return int(any(each.harm for each in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
