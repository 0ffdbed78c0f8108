# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of build/report.md that tests write row by row."""

from __future__ import annotations

import pathlib

import pytest

from tests.kit import figures


def test_a_row_that_is_written_again_replaces_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(figures, "REPORT", tmp_path)
    table = figures.Table("seen", "What was seen", ("what", "seconds:"))
    for what, seconds in (("b|c", 1), ("a", 2), ("b|c", 3)):
        table.add(what, seconds)
    assert (tmp_path / "seen.md").read_text().splitlines() == [
        *("## What was seen", "", "| what | seconds |", "|---|--:|", "| a | 2 |", "| b&#124;c | 3 |")
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen", "seen.md"]
