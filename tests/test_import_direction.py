"""Arrows point one way: gimp_plugin → server.client → server.protocol → stylecore.settings, and server → stylecore."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"stylecore", "server", "gimp_plugin"}
#: Modules that the plug-in takes with it into GIMP, and what else than the standard library they may import.
LIGHT = {
    "stylecore/settings.py": set(),
    "stylecore/errors.py": set(),
    "stylecore/axes.py": {"stylecore.errors", "stylecore.settings"},
    "server/errors.py": set(),
    "server/fields.py": {"server.errors", "stylecore.settings"},
    "server/protocol.py": {"server.errors", "server.fields"},
    "server/events.py": {"server.protocol"},
    "server/finding.py": {"server.errors", "zmq"},
    "server/client.py": {"server.errors", "server.events", "server.finding", "server.protocol", "zmq"},
}


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, anywhere in it; ``from a import b`` counts as ``a.b`` if that is a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = ROOT / f"{node.module}/{alias.name}".replace(".", "/")
                yield f"{node.module}.{alias.name}" if inner.with_suffix(".py").exists() else str(node.module)


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["stylecore", "server"])
def test_no_package_imports_what_is_above_it(package: str) -> None:
    allowed = {"stylecore": {"stylecore"}, "server": {"server", "stylecore"}}[package]
    for path in sources(package):
        ours = {name.split(".")[0] for name in imports(path)} & PACKAGES
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {ours - allowed}"


def test_stylecore_knows_no_network_and_no_terminal() -> None:
    for path in sources("stylecore"):
        assert not {name.split(".")[0] for name in imports(path)} & {"zmq", "rich", "socket", "gi", "argparse"}, path


@pytest.mark.parametrize("name", LIGHT)
def test_what_the_plug_in_shares_is_light(name: str) -> None:
    for module in imports(ROOT / name):
        if module.split(".")[0] in sys.stdlib_module_names:
            continue
        assert any(module == allowed or module.startswith(f"{allowed}.") for allowed in LIGHT[name]), module


def test_the_plug_in_reaches_the_rest_by_the_client_alone() -> None:
    allowed = {
        "server.client",
        "server.errors",
        "server.events",
        "server.protocol",
        "server.finding",
        "stylecore.settings",
        "stylecore.errors",
        "stylecore.axes",
    }
    for path in sources("gimp_plugin/neural-style"):
        for module in imports(path):
            top = module.split(".")[0]
            assert top != "gimp_plugin" and top not in ("torch", "numpy", "PIL"), f"{path}: {module}"
            if top in ("server", "stylecore"):
                assert module in allowed, f"{path}: {module}"


@pytest.mark.parametrize(
    "module", ["stylecore.settings", "server.protocol", "server.client", "server.broker", "server.cli"]
)
def test_importing_it_imports_neither_torch_nor_numpy(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'PIL'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
