# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations on clients take, for the report."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from tests.e2e.fleet import Fleet
from tests.hosts.paths import REPOSITORY, locked
from tests.hosts.project import Result

REPORT = REPOSITORY / "build" / "report.d"


def record_operation(name: str, *, first: Result, again: Result | None = None, gap: float | None = None) -> None:
    """A row of the report. Rows are files: several sessions of pytest write some each."""
    rows = REPORT / "day-two"
    cells = [name]
    for run in (first, again):
        cells += ["", ""] if run is None else [str(run.total("ok")), f"{run.seconds:.1f}"]
    cells.append("" if gap is None else f"{gap:.2f}")
    with locked("day-two"):
        rows.mkdir(parents=True, exist_ok=True)
        (rows / f"{name.replace(' ', '-')}.json").write_text(json.dumps(cells))
        lines = ["## Operations on one client over SSH (Docker)", ""]
        lines += ["| operation | tasks ok | seconds | again: tasks ok | seconds | longest gap between chats, s |"]
        lines += ["|---|--:|--:|--:|--:|--:|"]
        lines += [f"| {' | '.join(json.loads(row.read_text()))} |" for row in sorted(rows.glob("*.json"))]
        draft = REPORT / "day-two.md.new"
        draft.write_text("\n".join(lines) + "\n")
        os.replace(draft, REPORT / "day-two.md")


@contextlib.contextmanager
def untouched(fleet: Fleet, slugs: t.Iterable[str]) -> t.Iterator[None]:
    """Nothing is written to OpenRouter, and nothing restarts."""
    before = {slug: fleet.started(slug) for slug in slugs}
    yield
    assert fleet.writes == []
    assert {slug: fleet.started(slug) for slug in slugs} == before
