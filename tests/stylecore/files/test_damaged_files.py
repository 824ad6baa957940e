"""Damaged files of every format; benchmarks/fuzz_files.py makes as many as wanted."""

from __future__ import annotations

from pathlib import Path

from benchmarks import file_samples, fuzz_files


def test_damage_ends_in_a_picture_or_in_words(tmp_path: Path) -> None:
    tallies = fuzz_files.run(250, seed=3, workers=1, keep=tmp_path / "harmful")
    harm = {name: dict(each.harm) for name, each in tallies.items() if set(each.harm) - {"slow"}}  # a machine may be busy
    assert not harm
    assert sum(each.files for each in tallies.values()) == 250
    assert sum(each.pictures for each in tallies.values()) > 30
    assert sum(each.refused.total() for each in tallies.values()) > 60


def test_what_the_reader_of_damaged_files_would_tell(tmp_path: Path) -> None:
    """A process that is lost is harm, and the next file is read all the same."""
    reader = fuzz_files.Reader()
    path = tmp_path / "a.png"
    path.write_bytes(file_samples.png(file_samples.PIXELS))
    assert "refused" not in reader.read(path, 0) and "harm" not in reader.read(path, 8)
    reader._process.kill()
    assert "crash" in reader.read(path, 0)["harm"]
    assert "harm" not in reader.read(path, 0)
    path.write_bytes(b"no picture")
    assert reader.read(path, 0)["refused"] == "not-a-picture"
    reader.close()


def test_the_same_seed_makes_the_same_files() -> None:
    first, again, other = (list(fuzz_files.files(40, seed)) for seed in (1, 1, 2))
    assert first == again != other
