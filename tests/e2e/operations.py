# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations on clients take, for the report."""

from __future__ import annotations

import contextlib
import typing as t

from tests.e2e.fleet import Fleet
from tests.hosts.project import Result
from tests.kit.figures import Table

OPERATIONS = Table(
    "day-two",
    "Operations on one client over SSH (Docker)",
    ("operation", "tasks ok:", "seconds:", "again: tasks ok:", "seconds:", "longest gap between chats, s:"),
)


def record_operation(name: str, *, first: Result, again: Result | None = None, gap: float | None = None) -> None:
    cells = [name]
    for run in (first, again):
        cells += ["", ""] if run is None else [str(run.total("ok")), f"{run.seconds:.1f}"]
    OPERATIONS.add(*cells, "" if gap is None else f"{gap:.2f}")


@contextlib.contextmanager
def untouched(fleet: Fleet, slugs: t.Iterable[str]) -> t.Iterator[None]:
    """Nothing is written to OpenRouter, and nothing restarts."""
    before = {slug: fleet.started(slug) for slug in slugs}
    yield
    assert fleet.writes == []
    assert {slug: fleet.started(slug) for slug in slugs} == before
