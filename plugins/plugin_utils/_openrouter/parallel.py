# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many things at once, some of them once for all.

This is private to the collection.
"""

from __future__ import annotations

import copy
import threading
import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

T = t.TypeVar("T")


def in_parallel(
    work: t.Callable[[T], None], items: t.Iterable[T], threads: int, go_on: t.Callable[[], bool] = lambda: True
) -> list[T]:
    """Work on every item; those are returned to which no thread came that may go on.

    When the caller is interrupted, what is under way is ended and nothing else begun.
    """
    queue = deque(items)

    def take() -> None:
        while go_on():
            try:
                item = queue.popleft()
            except IndexError:
                return
            work(item)

    with ThreadPoolExecutor(min(threads, len(queue)) or 1) as pool:
        try:
            for thread in [pool.submit(take) for _thread in range(threads)]:
                thread.result()
        except BaseException:
            queue.clear()
            raise
    return list(queue)


def within(seconds: float, work: t.Callable[[], T]) -> T:
    """What the work comes to, or TimeoutError: then nobody waits for it any more.

    A time limit of a socket starts anew with every byte, so it does not bind whoever sends one now and then. The thread
    that reads those is left to itself: it ends with its connection, and does not keep the process from ending.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(seconds)


class Together:
    """Who asks for the same at the same time shares one answer, which is begun after each of them has asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[t.Hashable, Future[t.Any]] = {}
        self._turns: dict[t.Hashable, threading.Lock] = {}

    def ask(self, what: t.Hashable, answer: t.Callable[[], T]) -> T:
        with self._lock:
            turn = self._turns.setdefault(what, threading.Lock())
            shared = self._next.get(what)
            first = shared is None
            if shared is None:
                shared = self._next[what] = Future()
        if first:
            with turn:
                with self._lock:
                    del self._next[what]  # who asks from now on needs a later answer
                try:
                    shared.set_result(answer())
                except BaseException as error:
                    shared.set_exception(error)
                    raise
        error = shared.exception()
        if error:
            raise copy.deepcopy(error)  # each adds words of its own
        return shared.result()
