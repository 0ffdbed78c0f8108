# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that tests order: which request goes wrong, how, and on which side of the commit."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

KINDS = ("status", "cut", "hang", "hold", "garbage", "html", "truncated", "slow", "drip")
# Prefixes under which the API is served; a fault's path may be written with or without them.
_BASE = re.compile(r"^(/openrouter\.ai)?/api/v1")


@dataclass
class Fault:
    """See README.md for what each field means to a test."""

    kind: str
    method: str = "*"
    path: str = ""
    name: str | None = None
    when: str = "before"
    status: int | None = None
    retry_after: float | None = None
    seconds: float = 1.0
    body: str | None = None
    times: int | None = 1
    skip: int = 0
    id: int = 0
    hits: int = 0
    waiting: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @classmethod
    def from_request(cls, values: dict[str, Any]) -> Fault:
        """Raises ValueError with what is wrong, so that no test plants a fault that never fires."""
        settable = set(cls.__dataclass_fields__) - {"id", "hits", "waiting", "release"}
        unknown = set(values) - settable
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}; known are {sorted(settable)}")
        if values.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        fault = cls(**values)
        if "when" not in values and fault.kind == "truncated":
            fault.when = "after"
        if fault.when not in ("before", "after"):
            raise ValueError("when must be before or after")
        if fault.kind == "truncated" and fault.when == "before":
            raise ValueError("only an answer can be truncated: when must be after")
        try:
            re.compile(fault.path)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from None
        return fault

    def matches(self, method: str, path: str, name: str | None) -> bool:
        return (
            self.times != 0
            and self.method.upper() in ("*", method)
            and (re.search(self.path, path) or re.search(self.path, _BASE.sub("", path))) is not None
            and (self.name is None or (name is not None and self.name in name))
        )

    def describe(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "release"}


class Faults:
    def __init__(self) -> None:
        self._planted: list[Fault] = []
        self._last_id = 0
        # Set when the server stops, so that no hanging answer holds it up.
        self.stopping = asyncio.Event()

    def plant(self, fault: Fault) -> None:
        self._last_id += 1
        fault.id = self._last_id
        self._planted.append(fault)

    def planted(self) -> list[Fault]:
        return list(self._planted)

    def find(self, fault_id: int) -> Fault | None:
        return next((fault for fault in self._planted if fault.id == fault_id), None)

    def clear(self) -> None:
        """Requests that are held go on as if there had been no fault."""
        for fault in self._planted:
            fault.release.set()
        self._planted.clear()

    def take(self, method: str, path: str, name: str | None) -> Fault | None:
        """The first fault for this request; counts it."""
        for fault in self._planted:
            if not fault.matches(method, path, name):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hits += 1
            return fault
        return None
