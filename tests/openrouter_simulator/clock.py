# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's own time: real time plus an offset that tests move, and UTC calendar arithmetic."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone


class Clock:
    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def move_to(self, moment: datetime) -> None:
        self.offset += (moment - self.now()).total_seconds()


def stamp(moment: datetime) -> str:
    """2026-01-31T12:00:00.123Z"""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def window_start(interval: str, today: date) -> date:
    """First day of the day, week (from Monday) or month that `today` lies in."""
    if interval == "daily":
        return today
    if interval == "weekly":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1)


def window_end(interval: str, today: date) -> datetime:
    """The UTC midnight at which the current window ends and a limit is reset."""
    start = window_start(interval, today)
    if interval == "monthly":
        following = (start + timedelta(days=31)).replace(day=1)
    else:
        following = start + timedelta(days=1 if interval == "daily" else 7)
    return datetime.combine(following, time(), timezone.utc)
