# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cells ran and passed, for build/report.md."""

from __future__ import annotations

import collections
import pathlib
import typing as t

import pytest


class Report:
    """A test says by record_property("cell", (group, row, column)) what it stood for, a group what it left out."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._run: t.Counter[tuple[str, str, str]] = collections.Counter()
        self._passed: t.Counter[tuple[str, str, str]] = collections.Counter()
        self._excluded: dict[str, dict[str, int]] = {}
        self._seconds = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == "cell":
                self._run[tuple(value)] += 1
                self._passed[tuple(value)] += report.passed
                self._seconds += report.duration
            elif name == "excluded":
                self._excluded[value["group"]] = value["reasons"]

    def pytest_sessionfinish(self) -> None:
        if self._run:
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / "fault-matrix.md").write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        total, passed = sum(self._run.values()), sum(self._passed.values())
        parts = [
            "## Fault matrix",
            f"{total} cells run, {passed} passed ({self._seconds:.0f} s of work). Each number: passed of run.",
        ]
        for group in dict.fromkeys(cell[0] for cell in self._run):
            rows = list(dict.fromkeys(row for name, row, _column in self._run if name == group))
            columns = list(dict.fromkeys(column for name, _row, column in self._run if name == group))
            lines = [
                f"| {group} | {' | '.join(columns)} |",
                f"|---|{'--:|' * len(columns)}",
                *(f"| {row} | {' | '.join(self._number(group, row, name) for name in columns)} |" for row in rows),
            ]
            parts.append("\n".join(lines))
        for group, reasons in self._excluded.items():
            lines = [f"- {number}: {reason}" for reason, number in reasons.items()]
            parts.append("\n".join([f"Left out of *{group}*: {sum(reasons.values())}", "", *lines]))
        return "\n\n".join(parts) + "\n"

    def _number(self, *cell: str) -> str:
        run, passed = self._run[cell], self._passed[cell]  # type: ignore[index]
        return "" if not run else f"{passed}" if run == passed else f"**{passed} of {run}**"
