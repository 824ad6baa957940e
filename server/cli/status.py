"""What ``neural-style status`` says to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def words(report: Mapping[str, Any]) -> str:
    """Return the server's report (see :func:`server.broker.status_report.report`) as lines of text."""
    lines = [
        f"Painting server {report['version']}, process {report['pid']}, up for {duration(report['seconds_up'])}",
        f"Folder:  {report['folder']}",
    ]
    if report["listens_at"]:
        lines.append(f"Listens: {report['listens_at']}")
    clients = report["clients"] - 1  # the one that asks does not count
    lines.append(f"Clients: {clients or 'none'}")
    for engine in report["engines"]:
        free, total = engine["memory"].get("free"), engine["memory"].get("total")
        room = f", {free / 2**30:.1f} of {total / 2**30:.1f} GB free" if free and total else ""
        where = f" on {engine['device']}{room}" if engine["device"] else ""
        lines.append(f"Engine:  {engine['state']}{where} (process {engine['pid']})")
    if not report["engines"]:
        last = f"; the last one ran on {report['device']}" if report["device"] else ""
        lines.append(f"Engine:  none, started with the next job{last}")
    if why := report.get("why"):
        lines.append(f"         {why['sentence']}\n         {why['remedy']}")
    for job in report["jobs"]:
        if job["state"] == "queued":
            state = f"waits, number {job['place']} in the queue"
        else:
            state = f"{'paints' if job['state'] == 'running' else 'waits for its owner'}, {job['fraction']:.0%} done"
        lines.append(
            f"Job {job['job'][:8]} of {job['client']}: {state}, since {duration(job['seconds'])}\n"
            f"         {job['pictures']}"
        )
    if not report["jobs"]:
        lines.append("Jobs:    none")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Return a time for people, e.g. ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
