"""What this machine's apt knows that a root file system needs too: mirror, proxies, certificates, passwords."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.gimp.common import GimpUnavailable

APT_HELPER = "/usr/lib/apt/apt-helper"
CARRIED = ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d", "/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs")


@dataclass(frozen=True)
class Source:
    """A Debian mirror, and the keyring its release files are checked with ("" for debootstrap's own)."""

    mirror: str
    keyring: str = ""


def debian_source(suite: str) -> Source:
    """The first of this machine's mirrors that has this suite of Debian.

    Raises GimpUnavailable when none does.
    """
    named = os.environ.get("NEURAL_STYLE_DEBIAN_MIRROR")
    candidates = [Source(named.rstrip("/"))] if named else list(dict.fromkeys(_sources(Path("/etc/apt"))))
    for source in candidates:
        if _has_suite(source.mirror, suite):
            return source
    tried = ", ".join(source.mirror for source in candidates) or "none is named there"
    raise GimpUnavailable(
        f"None of the mirrors in this machine's apt sources ({tried}) offers Debian {suite}. "
        "Set NEURAL_STYLE_DEBIAN_MIRROR to a Debian mirror, or install a GIMP 3."
    )


def _sources(folder: Path) -> Iterator[Source]:
    """The http(s) and file sources that apt's two formats of sources name, in apt's order."""
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if path.suffix == ".list":
            yield from _one_line_sources(text)
        elif path.suffix == ".sources":
            yield from _deb822_sources(text)


def _one_line_sources(text: str) -> Iterator[Source]:
    """``deb [options] URI suite component...`` lines."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+\S+", line)
        if found:
            keyring = re.search(r"signed-by=(/\S+)", found.group(1) or "")
            yield from _expand(found.group(2), keyring.group(1) if keyring else "")


def _deb822_sources(text: str) -> Iterator[Source]:
    """``Types: deb`` paragraphs."""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {
            key.lower(): re.sub(r"\s+", " ", value).strip()
            for key, value in re.findall(r"(?m)^([\w-]+):((?:.*)(?:\n[ \t].*)*)", paragraph)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        keyring = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield from _expand(uri, keyring if keyring.startswith("/") else "")


def _expand(uri: str, keyring: str) -> Iterator[Source]:
    """A source's mirrors: itself, or those a ``mirror+file:`` list names (as Debian's cloud images have it)."""
    if uri.startswith("mirror+file:"):
        listing = Path(uri.removeprefix("mirror+file:"))
        for line in listing.read_text().splitlines() if listing.is_file() else []:
            if line.strip() and not line.startswith("#"):
                yield from _expand(line.split()[0], keyring)
    elif uri.startswith(("http://", "https://", "file:")):
        yield Source(uri.rstrip("/"), keyring if keyring.endswith(".gpg") and Path(keyring).is_file() else "")


def _has_suite(mirror: str, suite: str) -> bool:
    """Whether a mirror offers that suite of Debian; asked through apt, hence with its proxies and certificates."""
    with tempfile.TemporaryDirectory() as folder:
        release = Path(folder) / "Release"
        command = [APT_HELPER, "download-file", f"{mirror}/dists/{suite}/Release", str(release)]
        try:
            subprocess.run(command, capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return release.is_file() and f"Codename: {suite}" in release.read_text(errors="replace")


def _configuration() -> list[tuple[str, str]]:
    """apt's settings, as (name, value)."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return []
    return re.findall(r'(?m)^(\S+) "(.*)";$', dump)


def proxies() -> dict[str, str]:
    """The proxy variables for programs that do not read apt's settings: the environment's, else apt's."""
    found = {
        f"{kind.lower()}_proxy": value
        for name, value in _configuration()
        for kind in re.findall(r"(?i)^Acquire::(https?|ftp)::Proxy$", name)
        if value and value != "DIRECT"
    }
    for name, value in os.environ.items():
        if name.lower() in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
            found[name] = value
    return found


def carry_configuration(root: Path) -> None:
    """Copy into a root file system what its apt needs to reach the mirror as this machine's apt does."""
    for name in CARRIED:
        _copy(Path(name), root)
    lines = []
    for name, value in _configuration():
        if re.match(r"(?i)^Acquire::(https?::|ftp::|Retries|Force)", name) and value:
            lines.append(f'{name} "{value}";\n')
            if value.startswith("/"):
                _copy(Path(value), root)  # a certificate, a key, a proxy script
    (root / "etc/apt/apt.conf.d/90of-the-host").write_text("".join(lines))


def _copy(path: Path, root: Path) -> None:
    """Copy a file or folder to the same path under ``root``; links become what they point to."""
    target = root / str(path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    elif path.is_file():
        if target.is_symlink():
            target.unlink()
        shutil.copy2(path, target)
