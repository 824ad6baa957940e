"""What the sections found, for reading: a line while they run, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def good(found: Mapping[str, Any]) -> bool:
    """Return whether every section came to its end and nothing in it failed."""
    return all(section["state"] == "done" and not section["failed"] for section in found["sections"].values())


def line(name: str, section: Mapping[str, Any]) -> str:
    """Return how a section went."""
    counts = f"{len(section['passed'])} right, {len(section['failed'])} failed"
    return f"{name}: {section['state']} after {section['seconds']:.0f} s, {counts}"


def table(found: Mapping[str, Any]) -> str:
    """Return what :func:`benchmarks.gpu_slot.__main__.run_all` found, as Markdown."""
    sections = found["sections"]
    about = sections.get("machine", {}).get("results", {})
    gpu = about.get("gpu", {}).get("name", found["device"])
    lines = [
        f"Machine: {gpu}, {about.get('system', '')}, torch {about.get('torch', '')}, commit {about.get('commit', '')[:8]}; "
        f"{found.get('seconds', 0):.0f} s in all{', small sizes' if found['small'] else ''}.",
        "",
        "| section | how it went | right | failed |",
        "|---|---|---|---|",
    ]
    for name, section in sections.items():
        how = f"{section['state']}, {section['seconds']:.0f} s"
        lines.append(f"| {name} | {how} | {len(section['passed'])} | {len(section['failed'])} |")
    lines += ["", *_failures(sections), *_steps(sections, small=found["small"])]
    lines += ["| figure | |", "|---|---|"]
    lines += [
        f"| {section}: {name} | {shown} |"
        for section, content in sections.items()
        if section != "steps"
        for name, shown in _figures(content["results"])
    ]
    return "\n".join(lines) + "\n"


def _failures(sections: Mapping[str, Any]) -> Iterator[str]:
    told = [(name, what, why) for name, section in sections.items() for what, why in section["failed"].items()]
    if told:
        yield "Failed:"
        yield ""
        for name, what, why in told:
            yield f"- {name}, {what}: {' '.join(str(why).split())}"
        yield ""


def _steps(sections: Mapping[str, Any], *, small: bool) -> Iterator[str]:
    rows = sections.get("steps", {}).get("results", {}).get("steps", {})
    if not rows:
        return
    rate = sections.get("machine", {}).get("results", {}).get("matrix products bfloat16, Tflop/s")
    yield "| px | way | ms a step | share of the matrix rate | kernels | busy | peak, MB | planned, MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for side, row in rows.items():
        share = f"{row['Tflop/s'] / rate:.0%}" if rate and not small else ""  # a small run may have a thin network
        kernels, busy = (
            f"{row[name]:{form}}" if name in row else "" for name, form in (("kernels", ".0f"), ("busy", ".0%"))
        )
        peak = f"{row['allocated'] / 2**20:,.0f}" if "allocated" in row else ""
        planned = f"{row['planned'] / 2**20:,.0f}"
        yield f"| {side} | {row['way']} | {row['ms']:.1f} | {share} | {kernels} | {busy} | {peak} | {planned} |"
    yield ""
    for side, row in rows.items():
        if top := list(row.get("top", {}).items())[:6]:
            yield f"Longest at {side} px, ms a step: " + "; ".join(f"{ms:.2f} {name}" for name, ms in top)
            yield ""


def _figures(results: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield every number and word in nested results, with the names that lead to it."""
    for name, value in results.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _figures(value, f"{path}, ")
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            yield from _figures({str(number): each for number, each in enumerate(value, 1)}, f"{path}, ")
        elif isinstance(value, list):
            yield path, ", ".join(map(_shown, value))
        else:
            yield path, _shown(value)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
