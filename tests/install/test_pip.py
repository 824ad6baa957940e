"""How pip is asked, and what its failures become."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from installer import offline
from installer.common import processes
from installer.common.errors import InstallError
from installer.environment import torch_build
from tests.install.test_broken import make_wheel


def test_one_index_drops_other_places_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nindex-url = http://mirror.test/simple\nextra-index-url = http://other.test/simple\n"
        f"find-links = {tmp_path}\ntimeout = 77\n"
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    variables = processes.one_index(Path(sys.executable), None)
    assert variables["PIP_INDEX_URL"] == "http://mirror.test/simple"
    assert variables["PIP_TIMEOUT"] == "77"
    assert (variables["PIP_EXTRA_INDEX_URL"], variables["PIP_FIND_LINKS"]) == ("", "")
    assert variables["PIP_CONFIG_FILE"] == os.devnull
    assert processes.one_index(Path(sys.executable), "http://cpu.test")["PIP_INDEX_URL"] == "http://cpu.test"


def test_a_package_that_has_no_build_is_not_called_a_network_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(tmp_path, monkeypatch)
    assert error.reason == "other"
    assert "this Python" in error.sentence


def test_a_version_that_pips_configuration_rules_out_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraints = tmp_path / "of the company.txt"
    constraints.write_text("torch<0.0.1\n")
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nconstraint = {constraints.as_uri()}\n")
    error = refused(tmp_path, monkeypatch, str(configuration))
    assert error.reason == "other"
    assert "torch<0.0.1" in error.sentence and "PIP_CONSTRAINT" in error.remedy


def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: str = os.devnull) -> processes.PipError:
    """Ask for a torch that is nowhere, with no other configuration of pip than this."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", configuration)
    with pytest.raises(processes.PipError) as caught:
        processes.pip(
            Path(sys.executable),
            ["download", "--no-index", "--no-deps", "-d", tmp_path, "torch==0.0.1"],
            temporary=tmp_path,
            show=print,
        )
    return caught.value


def test_a_hanging_program_is_ended_with_its_children(tmp_path: Path) -> None:
    code, text = processes.answer(["/bin/sh", "-c", f"(sleep 3; touch '{tmp_path}/late') & echo begun; wait"], 1.0)
    assert (code, text) == (124, "begun\n")
    processes.answer(["sleep", "3"], 10)
    assert not (tmp_path / "late").exists()


def test_an_index_that_does_not_answer_is_left_alone() -> None:
    assert not torch_build.cpu_index_answers("http://127.0.0.1:9", timeout=1.0)


def test_works_is_strict(tmp_path: Path) -> None:
    assert torch_build.works(Path(sys.executable)) is not None
    assert torch_build.works(tmp_path / "no python") is None


def test_offline_takes_packages_from_a_folder_with_spaces_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, second = tmp_path / "wheels, übrigens", tmp_path / "more"
    make_wheel(wheels, "small", "1.0", {"small/__init__.py": b""})
    monkeypatch.setenv(processes.OFFLINE, "")
    with pytest.raises(InstallError, match="no wheels in"):
        offline.use(second)
    offline.use(wheels)
    processes.pip(Path(sys.executable), ["install", "--target", tmp_path / "site", "small"], temporary=tmp_path, show=print)
    assert (tmp_path / "site" / "small" / "__init__.py").is_file()
    offline.fetch(Path(sys.executable), ["small"], second, tmp_path)
    assert [path.name for path in second.iterdir()] == ["small-1.0-py3-none-any.whl"]
    with pytest.raises(processes.PipError, match="übrigens has no absent that fits this Python"):
        processes.pip(Path(sys.executable), ["install", "absent"], temporary=tmp_path, show=print)
    assert torch_build.ways(Path(sys.executable), "cpu") == [(str(wheels), None, [])]


def test_each_device_has_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(processes.OFFLINE, raising=False)
    places = {
        build: [
            variables and variables.get("PIP_INDEX_URL")
            for _, variables, _ in torch_build.ways(Path(sys.executable), build)
        ]
        for build in ("cpu", "cuda", "cuda126", "rocm")
    }
    assert places["cpu"][0] == torch_build.CPU_INDEX
    assert places["cuda"][0] is None  # as pip is configured
    assert places["rocm"] == [torch_build.ROCM_INDEX]  # no other build would run on that GPU
    assert places["cuda126"] == [torch_build.CUDA126_INDEX]  # nor on an old one of NVIDIA's
    builds = ["cpu", "cuda", "cuda126", "rocm"]
    assert [torch_build.choose(build) for build in builds] == builds
