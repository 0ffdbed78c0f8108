# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that only grows: by whole lines, one writer at a time, whatever was left there."""

from __future__ import annotations

import csv
import multiprocessing
import os
import pathlib
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._usage import history

KEY, OTHER = "a" * 64, "b" * 64
HEADER = "time,key_hash,usage,usage_monthly,limit,why\r\n"


def line(usage: float = 1.5, why: str = "daily", key: str = KEY, day: str = "2026-11-02") -> dict[str, str]:
    told = history.reading(key, {"usage": usage, "usage_monthly": 0.1, "limit": None}, why)
    assert told
    return {**told, "time": f"{day}T23:52:07Z"}


def rows(folder: pathlib.Path) -> list[dict[str, str]]:
    with open(folder / history.FILE, encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def test_a_reading_is_a_line(tmp_path: pathlib.Path) -> None:
    assert history.add(str(tmp_path), [line()]) == 1
    text = f"{HEADER}2026-11-02T23:52:07Z,{KEY},1.5,0.1,,daily\r\n"
    assert (tmp_path / history.FILE).read_bytes() == text.encode()
    assert (tmp_path / history.FILE).stat().st_mode & 0o7777 == 0o600
    assert history.known(str(tmp_path)) == rows(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0.0"),
        (41.0, "41.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1.95e-06, "0.00000195"),
        (123456789.5, "123456789.5"),
        *((no, "") for no in (None, True, "5", -1, 1e16, float("nan"), float("inf"), 10**400, [], {})),
    ],
)
def test_amounts_are_what_openrouter_says(value: t.Any, text: str) -> None:
    assert history.amount(value) == text


@pytest.mark.parametrize("told", [{}, {"usage": None}, {"usage": "1"}, {"usage": [1]}])
def test_without_a_usage_there_is_no_line(told: dict[str, t.Any]) -> None:
    assert history.reading(KEY, told, "daily") is None
    assert history.reading("no hash", {"usage": 1}, "daily") is None


def test_an_operation_that_is_repeated_adds_nothing_and_a_day_always_does(tmp_path: pathlib.Path) -> None:
    both = [line(1.5, "rotation"), line(0.0, "rotation", OTHER)]
    assert [history.add(str(tmp_path), both) for _run in range(2)] == [2, 0]
    assert history.add(str(tmp_path), [line(0.0, "suspension", OTHER)]) == 1
    # What was used on a replaced key after its last word
    assert history.add(str(tmp_path), [line(1.6, "rotation"), line(0.0, "suspension", OTHER)]) == 1
    assert [history.add(str(tmp_path), [line()]) for _run in range(2)] == [1, 1]


def test_check_mode_only_counts(tmp_path: pathlib.Path) -> None:
    assert history.add(str(tmp_path), [line()], check=True) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", ["ti", HEADER + "2026-11-01T23:52:07Z,aa", HEADER + "2026-11-01T23:52:07Z,aa\r"])
def test_what_a_killed_writer_left_gives_way(tmp_path: pathlib.Path, left: str) -> None:
    (tmp_path / history.FILE).write_bytes(left.encode())
    history.add(str(tmp_path), [line()])
    assert [row["usage"] for row in rows(tmp_path)] == ["1.5"]


def test_a_disk_that_is_full_leaves_whole_lines(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history.add(str(tmp_path), [line()])
    before, write = (tmp_path / history.FILE).read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:10]))
    with pytest.raises(OSError, match="No space left"):
        history.add(str(tmp_path), [line(2.0)])
    assert (tmp_path / history.FILE).read_bytes() == before


def test_nothing_is_followed_or_waited_for(tmp_path: pathlib.Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / history.FILE).symlink_to(tmp_path / "other")
    with pytest.raises(OSError):
        history.add(str(tmp_path), [line()])
    assert (tmp_path / "other").read_text() == "theirs" and history.known(str(tmp_path)) == []
    (tmp_path / history.FILE).unlink()
    os.mkfifo(tmp_path / history.FILE)
    with pytest.raises(OSError, match="no ordinary file"):
        history.add(str(tmp_path), [line()])
    assert history.known(str(tmp_path)) == []


def test_a_file_for_all_to_read_is_closed(tmp_path: pathlib.Path) -> None:
    history.add(str(tmp_path), [line()])
    (tmp_path / history.FILE).chmod(0o644)
    history.add(str(tmp_path), [line()])
    assert (tmp_path / history.FILE).stat().st_mode & 0o7777 == 0o600


def test_many_at_once_lose_nothing(tmp_path: pathlib.Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.starmap(history.add, [(str(tmp_path), [line(float(number))]) for number in range(40)])
    assert sorted(float(row["usage"]) for row in rows(tmp_path)) == [float(number) for number in range(40)]


def test_of_a_long_file_the_end_is_read(tmp_path: pathlib.Path) -> None:
    with open(tmp_path / history.FILE, "w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, history.COLUMNS)
        writer.writeheader()
        writer.writerows(line(float(number)) for number in range(3000))
    known = history.known(str(tmp_path))
    assert 400 < len(known) < 700 and known[-1]["usage"] == "2999.0"
    history.add(str(tmp_path), [line(1.0)])
    assert len(rows(tmp_path)) == 3001


@pytest.mark.parametrize(
    "strange",
    [
        "2026-11-02T23:52:07Z,<script>,1.5,0.1,,daily",
        f"2026-11-02T23:52:07Z,{KEY},=1+1,0.1,,daily",
        f"2026-11-02T23:52:07Z,{KEY},1.5,0.1,,daily,more",
        f"2026-11-02T23:52:07Z,{KEY},1.5,0.1,,\u202edaily",
        f"٢026-11-02T23:52:07Z,{KEY},1.5,0.1,,daily",
        "\0" * 100,
    ],
)
def test_what_nobody_here_wrote_is_not_told(tmp_path: pathlib.Path, strange: str) -> None:
    (tmp_path / history.FILE).write_text(f"{HEADER}{strange}\r\n", encoding="utf-8", newline="")
    assert history.known(str(tmp_path)) == []


def test_a_file_of_another_kind_is_not_written_to(tmp_path: pathlib.Path) -> None:
    (tmp_path / history.FILE).write_bytes(b"\0" * 200_000)
    with pytest.raises(OSError, match="not what this collection writes"):
        history.add(str(tmp_path), [line()])
    assert (tmp_path / history.FILE).stat().st_size == 200_000


TODAY = "2026-12-01"


@pytest.mark.parametrize(
    ("days", "missing"),
    [
        ({}, []),
        ({"2026-11-30": "daily"}, []),
        # Today is not over
        ({"2026-12-01": "daily"}, []),
        ({"2026-11-27": "daily", "2026-11-30": "daily"}, ["2026-11-28", "2026-11-29"]),
        ({"2026-11-28": "daily"}, ["2026-11-29", "2026-11-30"]),
        ({"2026-11-27": "suspension", "2026-11-30": "resumption"}, []),
        ({"2026-11-27": "suspension"}, []),
        ({"2026-11-27": "suspension", "2026-11-28": "resumption"}, ["2026-11-29", "2026-11-30"]),
        ({"2026-11-27": "rotation", "2026-11-29": "daily", "2026-11-30": "daily"}, ["2026-11-28"]),
        (
            {"2026-10-01": "daily", **{f"2026-11-{day:02}": "daily" for day in range(3, 31)}},
            ["2026-11-01", "2026-11-02"],
        ),
        ({"2026-10-01": "suspension"}, []),
        ({"9999-99-99": "daily"}, []),
    ],
)
def test_the_days_without_a_reading(days: dict[str, str], missing: list[str]) -> None:
    readings = [line(why=why, day=day) for day, why in sorted(days.items())]
    assert history.missing(readings, TODAY) == missing


def test_a_suspension_ends_on_the_day_of_its_resumption() -> None:
    same_day = [line(why="suspension"), line(why="resumption")]
    assert history.missing(same_day, "2026-11-05") == ["2026-11-03", "2026-11-04"]
