# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was called, in the order of arrival; no secret is ever in it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

_SECRET = re.compile(r"sk-or-[A-Za-z0-9_-]+")
_MANAGEMENT = re.compile(r"/(keys|credits|activity|workspaces)(/.*)?")
WRITES = ("POST", "PATCH", "DELETE")


def without_secrets(text: str) -> str:
    return _SECRET.sub("sk-or-…", text)


@dataclass
class Call:
    time: str
    method: str
    path: str
    query: str
    # Name of the key that the request is about, before the request.
    name: str | None
    # The fields of a key that the request sets.
    request: dict[str, Any]
    management: bool
    # What the client was answered; None while under way, or when the connection was cut.
    status: int | None = None
    # Whether the request took effect, whatever the client was told.
    committed: bool = False
    fault: str | None = None


class Journal:
    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def clear(self) -> None:
        self._calls.clear()

    def calls(self, writes_only: bool, all_calls: bool) -> list[dict[str, Any]]:
        return [
            asdict(call)
            for call in self._calls
            if (call.management or all_calls) and (call.method in WRITES or not writes_only)
        ]


def is_management(path: str) -> bool:
    return _MANAGEMENT.fullmatch(path) is not None
