# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who chats while something else is done."""

from __future__ import annotations

import threading
import time
import typing as t

import httpx

CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


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
