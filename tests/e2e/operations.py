# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations on clients take, for the report; and people who chat meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import typing as t

import httpx

from tests.e2e.fleet import Fleet
from tests.hosts.paths import REPOSITORY, locked
from tests.hosts.project import Result

REPORT = REPOSITORY / "build" / "report.d"
CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


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


@contextlib.contextmanager
def people(fleet: Fleet, slug: str, email: str) -> t.Iterator[httpx.Client]:
    """The administrator, signed in to the instance."""
    password = fleet.variables(slug, "admin.env")["WEBUI_ADMIN_PASSWORD"]
    with fleet.api(slug) as api:
        api.headers["Authorization"] = f"Bearer {fleet.sign_in(slug, email, password).json()['token']}"
        yield api


class Probe:
    """Somebody who is signed in and chats ten times a second: the longest gap between two answers."""

    def __init__(self, people: httpx.Client) -> None:
        self._people = people
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._chat)
        self._times: list[float] = []
        self.answers = self.refused = 0

    def _chat(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(due - time.monotonic(), 0)):
            due = max(due + 0.1, time.monotonic())
            try:
                answered = self._people.post("/api/chat/completions", json=CHAT).is_success
            except httpx.TransportError:
                answered = False
            if answered:
                self.answers += 1
                self._times.append(time.monotonic())
            else:
                self.refused += 1

    @property
    def longest_gap(self) -> float:
        return max(after - before for before, after in zip(self._times, self._times[1:], strict=False))

    def __enter__(self) -> Probe:
        self._times.append(time.monotonic())
        self._thread.start()
        return self

    def __exit__(self, *_exception: t.Any) -> None:
        self._stop.set()
        self._thread.join()
        self._times.append(time.monotonic())
