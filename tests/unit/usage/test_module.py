# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation on a client notes of its keys."""

from __future__ import annotations

import csv
import pathlib

from ansible_collections.mai.clients.plugins.module_utils._usage import history

from tests.unit.organization.process import run_module

OLD = {"hash": "a" * 64, "created_at": "2026-01-02T03:04:05Z", "usage": 41.5, "usage_monthly": 2, "limit": None}
NEW = {"hash": "b" * 64, "created_at": "2026-11-02T03:04:05Z", "usage": 0.00000195, "usage_monthly": 0.0, "limit": 50}


def test_a_line_for_each_key_and_the_one_in_use_last(tmp_path: pathlib.Path) -> None:
    arguments = {"deployment_dir": str(tmp_path), "api_keys": [NEW, OLD, {"name": "no hash"}], "why": "rotation"}
    results = [run_module("client_usage", check, **arguments) for check in (True, False, False)]
    assert [(one["changed"], one["added"]) for one in results] == [(True, 2), (True, 2), (False, 0)]
    with open(tmp_path / history.FILE, encoding="ascii", newline="") as file:
        rows = [list(row.values())[1:] for row in csv.DictReader(file)]
    assert rows == [["a" * 64, "41.5", "2", "", "rotation"], ["b" * 64, "0.00000195", "0.0", "50", "rotation"]]


def test_where_it_cannot_be_written_it_says_so() -> None:
    failed = run_module("client_usage", deployment_dir="/nonexistent", api_keys=[OLD], why="suspension")
    assert failed["failed"] and failed["msg"] == "/nonexistent/usage.csv cannot be written: No such file or directory."
