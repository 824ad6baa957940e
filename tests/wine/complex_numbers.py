"""The functions with complex numbers that torch wants of Windows' C library and that Wine's lacks: mingw-w64's instead.

They are reached through the library ``api-ms-win-crt-math-l1-1-0.dll``, which Wine has inside it. What imports that is
given another name of the same length to look for, and a library of that name: it has these functions, and passes the
rest on.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.gimp import rootfs

#: Another one makes the root file system anew.
VERSION = 1
_WANTED, _OURS = b"api-ms-win-crt-math-l1-1-0.dll", b"xpi-ms-win-crt-math-l1-1-0.dll"
#: Functions of one complex number with a complex result, and with a real one.
_PLAIN = {"ccos", "ccosh", "cexp", "csin", "csinh", "ctan", "ctanh", "clog", "csqrt", "conj", "clog10", "cproj"}
_PLAIN |= {"cacos", "casin", "catan", "cacosh", "casinh", "catanh"}
_REAL = {"cabs", "carg", "cimag", "creal"}


def supply(making: Path, folder: str, binaries: Iterable[Path]) -> None:
    """Make that library in a folder of the root file system, and let the binaries look for it, which lies beside Python."""
    importing = [path for path in binaries if _WANTED in path.read_bytes()]
    names: set[str] = set()
    for path in importing:
        table = subprocess.run(
            ["chroot", str(making), "x86_64-w64-mingw32ucrt-objdump", "-p", f"/{path.relative_to(making)}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for part in re.split(r"^\s*DLL Name: ", table, flags=re.MULTILINE)[1:]:
            if part.startswith(_WANTED.decode()):
                found = re.split(r"\n\s*\n", part)[0]
                names.update(re.findall(r"\s([_a-z]\w*)\s*$", found, re.MULTILINE))
    if not names:
        raise RuntimeError("nothing imports the C library's mathematics")
    source, lines = ["#include <complex.h>\n"], []
    for name in sorted(names):
        function = _function(name)
        source.append(function)
        lines.append(f"  {name} = {'our_' if function else 'ucrtbase.'}{name}\n")
    place = making / folder / "complex"
    place.mkdir()
    (place / "complex.c").write_text("".join(source))
    (place / "complex.def").write_text(f"LIBRARY {_OURS.decode().removesuffix('.dll')}\nEXPORTS\n{''.join(lines)}")
    compiler = "x86_64-w64-mingw32ucrt-gcc -O1 -fno-builtin -shared -static-libgcc"
    inner = f"cd /{folder}/complex && {compiler} -o ../python/{_OURS.decode()}"
    rootfs.step(
        ["chroot", str(making), "/bin/sh", "-c", f"{inner} complex.c complex.def"],
        rootfs.inside_environment(),
        "compile the functions with complex numbers",
    )
    for path in importing:
        path.write_bytes(path.read_bytes().replace(_WANTED, _OURS))


def _function(name: str) -> str:
    """Our own definition of a function of the C library, or ``""`` if Wine's will do."""
    for suffix, real in (("", "double"), ("f", "float"), ("l", "double")):
        plain = name.removesuffix(suffix) if suffix else name
        if not name.endswith(suffix) or plain not in _PLAIN | _REAL | {"cpow"}:
            continue
        single = "f" if suffix == "f" else ""  # Microsoft's long double is a double
        kind = f"{real} _Complex"
        if plain == "cpow":
            return f"{kind} our_{name}({kind} a, {kind} b) {{ return cpow{single}(a, b); }}\n"
        if plain == "clog10":
            return f"{kind} our_{name}({kind} a) {{ return clog{single}(a) / 2.302585092994046; }}\n"
        return f"{real if plain in _REAL else kind} our_{name}({kind} a) {{ return {plain}{single}(a); }}\n"
    return ""
