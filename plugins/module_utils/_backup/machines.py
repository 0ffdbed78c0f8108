# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a client's backups come from: after a move the old one may come back, with its timer and the same key.

Each snapshot is tagged with its machine and since when that one has the client. The machine that has it since later
counts. The other one saves nothing, or the newest snapshot would be an old state; it leaves word that it runs.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any, Iterable, Mapping

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._backup.state import seconds_of, utc
from ansible_collections.mai.clients.plugins.module_utils._text import shown

_TAG = re.compile(r"(machine|since)=(\S{1,40})")
# After which word of the old machine is no news any more
_NEWS_SECONDS = 3 * 24 * 3600


def identity() -> str:
    """This machine, by a hash: its identifier is not for others to know."""
    found = (_own_file.read_text("/etc/machine-id") or "").strip()
    return hashlib.sha256(b"mai.clients machine\0" + found.encode()).hexdigest()[:12]


def tags(machine: str, since: str) -> list[str]:
    return [f"machine={machine}", f"since={since}"]


def word_from(client: str) -> str:
    """What stands for the client's name in the snapshots by which an old machine leaves word."""
    return f"returned-{client}"


def replaced(told: Iterable[Mapping[str, Any]], client: str, machine: str, since: str) -> str | None:
    """Since when another machine has the client, if that is later than this one; None if this one counts."""
    others = [tag["since"] for one, tag in _others(told, machine) if one.get("hostname") == client and "since" in tag]
    newest = max(others, key=seconds_of, default=None)
    return newest if newest and seconds_of(newest) > seconds_of(since) else None


def still_at_work(
    told: Iterable[Mapping[str, Any]], machine: str, since: str, last_success: str | None, now: float | None = None
) -> str | None:
    """When another machine saved something or left word, after this one has the client; None where none did."""
    after = max(seconds_of(since), seconds_of(last_success), (now or time.time()) - _NEWS_SECONDS)
    heard = [_moment(one) for one, _tag in _others(told, machine)]
    newest = max(heard, key=seconds_of, default=None)
    return newest if newest and seconds_of(newest) > after else None


def _others(told: Iterable[Mapping[str, Any]], machine: str) -> list[tuple[Mapping[str, Any], dict[str, str]]]:
    tagged = [
        (one, dict(found.groups() for found in map(_TAG.fullmatch, map(str, one.get("tags") or [])) if found))
        for one in told
        if isinstance(one, dict)
    ]
    return [(one, tag) for one, tag in tagged if tag.get("machine") not in (None, machine)]


def _moment(one: Mapping[str, Any]) -> str:
    return shown(utc(one.get("time")), 20)
