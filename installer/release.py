"""Make the release archive: all that somebody needs to install, besides what pip downloads.

    python3 -m installer.release [FOLDER]

The archive is the same, byte for byte, whenever it is made from the same files.
"""

from __future__ import annotations

import stat
import sys
import zipfile
from pathlib import Path

from installer.environment.environment import read_checkout

REPOSITORY = Path(__file__).resolve().parent.parent
#: Files and folders of the release; tests and benchmarks are for those who have the repository.
CONTENTS = (
    "install.sh", "install.command", "install.cmd", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "setup.py",
    "docs", "installer", "stylecore", "server", "gimp_plugin", "samples",
)  # fmt: skip
_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".DS_Store"}


def files(repository: Path) -> list[Path]:
    """Return the release's files, relative to ``repository``, in order."""
    found: list[Path] = []
    for name in CONTENTS:
        path = repository / name
        found += [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    relative = (path.relative_to(repository) for path in found)
    return sorted(path for path in relative if not _LEFT_OUT & set(path.parts) and path.suffix != ".pyc")


def make(folder: Path, repository: Path = REPOSITORY) -> Path:
    """Write ``gimp-neural-style-VERSION.zip`` into ``folder`` and return its path.

    Raises:
        InstallError: ``repository`` is incomplete.
        OSError: it cannot be written.
    """
    top = f"gimp-neural-style-{read_checkout(repository).version}"
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{top}.zip"
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(repository):
            entry = zipfile.ZipInfo(f"{top}/{path.as_posix()}", (1980, 1, 1, 0, 0, 0))
            executable = (repository / path).stat().st_mode & stat.S_IXUSR
            entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (repository / path).read_bytes())
    return new.rename(folder / f"{top}.zip")


if __name__ == "__main__":
    made = make(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "dist")
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
