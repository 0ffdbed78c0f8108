# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client's keys had used, and when: one line for each reading in usage.csv of the client's directory.

OpenRouter forgets a day's usage after 30 days, and a key's with the key; this file does not. Lines are only ever added,
whole and one writer at a time. A line that was cut off when its writer was killed gives way to the next one.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import stat
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._database_base import number
from ansible_collections.mai.clients.plugins.module_utils._turn import take_turn

FILE = "usage.csv"
# What the timer starts, in the client's directory, too
FOLDER = ".usage"
PROGRAM = "usage.py"
COLUMNS = ("time", "key_hash", "usage", "usage_monthly", "limit", "why")
OPERATIONS = ("rotation", "suspension", "resumption", "offboarding")
DAILY = "daily"
# After these a key is disabled, so that it cannot be asked any more
ENDINGS = ("suspension", "offboarding")
DAYS = 30
# More than half a year at two lines a day
_END = 64 * 1024
# For another writer, who needs some milliseconds
_PATIENCE = 10
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ),([0-9a-f]{64}),(\d+(?:\.\d+)?),(\d*(?:\.\d+)?),(\d*(?:\.\d+)?),([a-z]+)",
    re.ASCII,
)


def path_in(deployment_dir: str) -> str:
    return os.path.join(deployment_dir, FILE)


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def reading(key_hash: str, told: Mapping[str, Any], why: str) -> dict[str, str] | None:
    """A line of what OpenRouter tells of a key; None where it does not say what was used on it."""
    used = amount(told.get("usage"))
    if not used or not re.fullmatch(r"[0-9a-f]{64}", key_hash):
        return None
    parts = {name: amount(told.get(name)) for name in ("usage_monthly", "limit")}
    return {"time": now(), "key_hash": key_hash, "usage": used, **parts, "why": why}


def amount(value: Any) -> str:
    """USD as OpenRouter says it: a plain decimal without an exponent. Nothing where it is no amount."""
    found = None if isinstance(value, (bool, str)) else number(value)
    return "" if found is None or not 0 <= found < 1e15 else format(Decimal(repr(value)), "f")


def add(deployment_dir: str, readings: Iterable[Mapping[str, str]], check: bool = False) -> int:
    """Add those that say something new of their key, and return how many these are; check adds none."""
    if check:
        return len(_new(readings, _parsed(_tail(deployment_dir))))
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path_in(deployment_dir), flags, 0o600)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file", path_in(deployment_dir))
        if not take_turn(descriptor, _PATIENCE):
            raise OSError(errno.EAGAIN, "somebody else is at it", path_in(deployment_dir))
        if stat.S_IMODE(status.st_mode) != 0o600:
            os.fchmod(descriptor, 0o600)
        lines = _new(readings, _parsed(_tail(deployment_dir)))
        if lines:
            _append(descriptor, lines)
        return len(lines)
    finally:
        os.close(descriptor)


def _new(readings: Iterable[Mapping[str, str]], known: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """What a run that is repeated reads again is there already; a day's reading is new whatever it says."""
    last = {one["key_hash"]: one for one in known}
    same = ("usage", "why")
    return [
        one
        for one in readings
        if one["why"] == DAILY
        or one["key_hash"] not in last
        or any(one[name] != last[one["key_hash"]][name] for name in same)
    ]


def _append(descriptor: int, lines: Sequence[Mapping[str, str]]) -> None:
    size = _whole(descriptor)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    if size == 0:
        writer.writeheader()
    writer.writerows(lines)
    content = text.getvalue().encode("ascii")
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _whole(descriptor: int) -> int:
    """Cut off what is behind the last whole line, and return the size that is left."""
    size = os.fstat(descriptor).st_size
    begin = max(size - _END, 0)
    end = os.pread(descriptor, size - begin, begin)
    keep = begin + end.rfind(b"\n") + 1 if b"\n" in end else 0
    if begin and not keep:
        raise OSError(errno.EINVAL, "it is not what this collection writes")
    if keep < size:
        os.ftruncate(descriptor, keep)
    return keep


def known(deployment_dir: str) -> list[dict[str, str]]:
    """The last readings, the newest last; none where there is no file, and none that is not as they are written."""
    return _parsed(_tail(deployment_dir))


def _tail(deployment_dir: str) -> str:
    try:
        return _own_file.read(path_in(deployment_dir), _END).decode("ascii", "replace")
    except OSError:
        return ""


def _parsed(text: str) -> list[dict[str, str]]:
    lines = (_LINE.fullmatch(line) for line in re.split("\r?\n", text))
    return [dict(zip(COLUMNS, line.groups())) for line in lines if line]


def missing(readings: Sequence[Mapping[str, str]], today: str) -> list[str]:
    """The days of the last 30, but for today, that have no reading though there was one before them.

    Of a client that is suspended none is expected: its key cannot be asked.
    """
    days = {one["time"][:10]: one["why"] for one in readings}
    end = datetime.strptime(today, "%Y-%m-%d")
    found, last = [], ""
    for day in ((end - timedelta(days=back)).strftime("%Y-%m-%d") for back in range(DAYS, 0, -1)):
        if not last:
            last = max(((one, why) for one, why in days.items() if one < day), default=("", ""))[1]
        if day in days:
            last = days[day]
        elif last and last not in ENDINGS:
            found.append(day)
    return found
