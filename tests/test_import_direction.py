"""Arrows point one way: gimp_plugin → server.client → server.protocol → stylecore.settings, and server → stylecore.

A package's root is light and travels to GIMP, with ``server/client``; it imports none of its own folders. Folders, like
modules, go round in no circle.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gimp_plugin.assemble import SHARED_FOLDERS

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "gimp_plugin" / "neural-style"
PACKAGES = {"stylecore", "server", "gimp_plugin"}
#: What no module of the first folder may import from.
FORBIDDEN = {
    "server/engine": {"server.cli", "server.broker", "server.cluster"},
    "server/cluster": {"server.cli", "server.broker"},
    "server/broker": {"server.cli", "server.cluster"},
}


def imports(path: Path, base: Path = ROOT) -> Iterator[str]:
    """Every module that the file imports, anywhere in it; ``from a import b`` counts as ``a.b`` if that is a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = base / f"{node.module}/{alias.name}".replace(".", "/")
                yield f"{node.module}.{alias.name}" if inner.with_suffix(".py").exists() else str(node.module)


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def arrows(base: Path, tops: set[str]) -> dict[str, set[str]]:
    """Each module below ``base`` in these packages, and which of the others it imports."""
    modules = {
        ".".join(path.relative_to(base).with_suffix("").parts): path
        for path in base.rglob("*.py")
        if path.relative_to(base).parts[0].removesuffix(".py") in tops and path.name not in ("__init__.py", "__main__.py")
    }
    return {name: set(imports(path, base)) & set(modules) - {name} for name, path in modules.items()}


def folders(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same between folders; a folder's module may import the modules beside it."""

    def folder(name: str) -> str:
        return name.rpartition(".")[0]

    between: dict[str, set[str]] = {}
    for name, needed in graph.items():
        between.setdefault(folder(name), set()).update({folder(each) for each in needed} - {folder(name)})
    return between


def plugin_modules() -> set[str]:
    return {path.stem for path in PLUGIN.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def shown_modules() -> dict[str, str]:
    """What the tree of docs/architecture.md says of each folder."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    said: dict[str, str] = {}
    package = folder = shown = ""
    for line in text[text.index("```\nstylecore/") : text.index("## Why so")].splitlines():
        first, indent = line[:26].split()[:1], len(line) - len(line.lstrip())
        if first and indent < 26:
            name = first[0].rstrip("/")
            if indent == 0:
                package = shown = name
            else:
                folder, shown = (name, f"{package}/{name}") if indent == 2 else (folder, f"{package}/{folder}/{name}")
        said[shown] = f"{said.get(shown, '')} {line[26:]}"
    return said


def test_the_map_shows_every_module_where_it_is() -> None:
    """File formats and their metadata, with a module for each kind, go without saying."""
    said, missing = shown_modules(), []
    for base in (ROOT / "stylecore", ROOT / "server", ROOT / "installer", PLUGIN):
        for path in base.rglob("*.py"):
            folder = path.parent.relative_to(ROOT).as_posix()
            if path.name.startswith("__") or folder.startswith("stylecore/files/"):
                continue
            if not re.search(rf"(?<![\w-]){re.escape(path.stem)}(?![\w-])", said.get(folder, "")):
                missing.append(f"{folder}: {path.stem}")
    assert not missing, "tell newcomers in docs/architecture.md where to look"


@pytest.mark.parametrize(
    ("base", "tops"),
    [(ROOT, {"stylecore"}), (ROOT, {"server"}), (ROOT, {"installer"}), (PLUGIN, plugin_modules())],
    ids=["stylecore", "server", "installer", "plug-in"],
)
def test_nothing_goes_round_in_a_circle(base: Path, tops: set[str]) -> None:
    graph = arrows(base, tops)
    assert len(graph) > 15
    list(graphlib.TopologicalSorter(graph).static_order())  # CycleError names the circle
    list(graphlib.TopologicalSorter(folders(graph)).static_order())


@pytest.mark.parametrize("package", ["stylecore", "server"])
def test_no_package_imports_what_is_above_it(package: str) -> None:
    allowed = {"stylecore": {"stylecore"}, "server": {"server", "stylecore"}}[package]
    for path in sources(package):
        ours = {name.split(".")[0] for name in imports(path)} & PACKAGES
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {ours - allowed}"


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_does_not_import_what_uses_it(folder: str) -> None:
    for path in sources(folder):
        wrong = {name for name in imports(path) if any(name.startswith(each) for each in FORBIDDEN[folder])}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_stylecore_knows_no_network_and_no_terminal() -> None:
    for path in sources("stylecore"):
        assert not {name.split(".")[0] for name in imports(path)} & {"zmq", "rich", "socket", "gi", "argparse"}, path


def test_the_command_line_ends_at_its_folder() -> None:
    """Outside of it only a program's own ``main`` reads arguments, and hands on what they say, not the namespace."""
    for path in (path for path in sources("server") if path.relative_to(ROOT).parts[1] != "cli"):
        tree = ast.parse(path.read_text("utf-8"))
        mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
        assert _names(tree, "argparse") == sum(_names(main, "argparse") for main in mains), path
        assert not any(isinstance(node, ast.Attribute) and node.attr == "Namespace" for node in ast.walk(tree)), path


def _names(tree: ast.AST, wanted: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == wanted for node in ast.walk(tree))


@pytest.mark.parametrize(
    "path",
    [path for folder in SHARED_FOLDERS for path in sorted((ROOT / folder).glob("[!_]*.py"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_what_travels_is_light_and_imports_only_what_travels(path: Path) -> None:
    for module in set(imports(path)) - _only_for_types(path):
        top = module.split(".")[0]
        assert _travels(module) or top in sys.stdlib_module_names or top == "zmq", f"{path}: {module}"


def _travels(module: str) -> bool:
    folder, _, name = module.replace(".", "/").rpartition("/")
    return folder in SHARED_FOLDERS and (ROOT / folder / f"{name}.py").is_file()


def _only_for_types(path: Path) -> set[str]:
    """What is imported under ``if TYPE_CHECKING``, and so never in GIMP."""
    return {
        str(inner.module)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in node.body
        if isinstance(inner, ast.ImportFrom)
    }


def test_the_plug_in_reaches_the_rest_by_what_travels_with_it() -> None:
    for path in sources("gimp_plugin/neural-style"):
        for module in imports(path):
            top = module.split(".")[0]
            assert top != "gimp_plugin" and top not in ("torch", "numpy", "PIL"), f"{path}: {module}"
            assert top not in ("server", "stylecore") or _travels(module), f"{path}: {module}"


def test_the_installer_has_one_module_of_the_program() -> None:
    for path in sources("installer"):
        wanted = {name for name in imports(path) if name.split(".")[0] in PACKAGES}
        assert wanted <= ({"stylecore.system"} if path.name == "system.py" else set()), path


@pytest.mark.parametrize(
    "module", ["stylecore.settings", "server.protocol", "server.client.client", "server.broker.broker", "server.cli.main"]
)
def test_importing_it_imports_neither_torch_nor_numpy(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'PIL'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
