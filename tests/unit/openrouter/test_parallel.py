# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many things at once, and how the threads share one client."""

from __future__ import annotations

import threading
import time
import typing as t

import httpx
import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.parallel import Together, in_parallel

from tests.unit.openrouter.fakes import PROVISIONING_KEY, World, a_key

PATIENCE = 30  # seconds that a test waits for its threads before it fails


def test_every_item_once_and_so_many_at_a_time() -> None:
    meet = threading.Barrier(4)  # passes only if four are under way at once
    done: list[int] = []

    def work(item: int) -> None:
        meet.wait(PATIENCE)
        done.append(item)

    assert in_parallel(work, range(40), 4) == []
    assert sorted(done) == list(range(40))
    assert in_parallel(work, [], 4) == []


def test_what_nobody_came_to_is_told() -> None:
    done: list[int] = []
    assert in_parallel(done.append, range(10), 2, lambda: len(done) < 3) == list(range(len(done), 10))
    assert 3 <= len(done) <= 4


def test_a_failure_of_the_work_itself_ends_it() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            raise KeyError(item)
        done.append(item)

    with pytest.raises(KeyError):
        in_parallel(work, range(1000), 1)
    assert done == [0]


class CountedLock:
    """Each asks within the lock: once it has left, it has asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left = 0

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self.left += 1
        self.lock.release()

    def wait(self, left: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.left < left:
            assert time.monotonic() < end
            time.sleep(0.005)


def asked(together: Together) -> CountedLock:
    lock = CountedLock()
    together._lock = t.cast(t.Any, lock)
    return lock


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = threading.Event()
        self.go_on = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.running.set()
        assert self.go_on.acquire(timeout=PATIENCE)
        return number


def ask(together: Together, answer: t.Callable[[], t.Any], answers: list[t.Any]) -> threading.Thread:
    def run() -> None:
        try:
            answers.append(together.ask("keys", answer))
        except errors.OpenRouterError as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_asks_while_an_answer_is_under_way_shares_the_next() -> None:
    together, answer = Together(), Slow()
    lock = asked(together)
    first: list[int] = []
    others: list[int] = []
    threads = [ask(together, answer, first)]
    assert answer.running.wait(PATIENCE)
    threads += [ask(together, answer, others) for _number in range(7)]
    lock.wait(2 + 7)  # the first one has left it twice: it has begun to answer
    answer.go_on.release(2)
    for thread in threads:
        thread.join(PATIENCE)
    assert (first, others, answer.begun) == ([1], [2] * 7, 2)


def test_a_shared_failure_is_everybodys_own() -> None:
    together, answer = Together(), Slow()
    answers: list[errors.ServerFailed] = []

    def failing() -> None:
        answer()
        raise errors.ServerFailed("502.", 502)

    threads = [ask(together, failing, answers)]
    assert answer.running.wait(PATIENCE)
    threads += [ask(together, failing, answers) for _number in range(3)]
    answer.go_on.release(4)
    for thread in threads:
        thread.join(PATIENCE)
    for number, error in enumerate(answers):
        error.add(f"{number}", seen=number)
    assert [str(error) for error in answers] == [f"502. {number}" for number in range(4)]
    assert [(error.status, error.details) for error in answers] == [(502, {"seen": number}) for number in range(4)]
    assert together.ask("keys", lambda: "later") == "later"


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def a_client(answer: t.Callable[[httpx.Request], httpx.Response], clock: Clock, **options: t.Any) -> Client:
    options = {"transport": httpx.MockTransport(answer), "sleep": clock.sleep, "clock": clock, **options}
    return Client(PROVISIONING_KEY, "https://openrouter.test/api/v1", **options)


def in_a_thread(work: t.Callable[[], t.Any]) -> t.Any:
    results: list[t.Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(PATIENCE)
    return results[0]


def test_one_slowed_down_is_all_slowed_down() -> None:
    """The second thread calls while the first one waits; it is not to be refused itself."""
    clock = Clock()
    calls: list[tuple[str, float]] = []
    waiting, go_on = threading.Event(), threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append((request.url.path.rsplit("/", 1)[1], clock.now))
        if len(calls) == 1:
            return httpx.Response(429, headers={"Retry-After": "7"}, json={})
        return httpx.Response(200, json={"data": dict(a_key("x").data)})

    def sleep(seconds: float) -> None:
        if threading.current_thread() is first:
            waiting.set()
            assert go_on.wait(PATIENCE)
        else:
            clock.sleep(seconds)
            go_on.set()

    client = a_client(answer, clock, sleep=sleep)
    first = threading.Thread(target=client.get_key, args=["first"])
    first.start()
    assert waiting.wait(PATIENCE)
    in_a_thread(lambda: client.get_key("second"))
    first.join(PATIENCE)
    assert sorted(calls) == [("first", 0.0), ("first", 7.0), ("second", 7.0)]


def test_each_thread_waits_for_itself() -> None:
    clock = Clock()
    client = a_client(lambda request: httpx.Response(503, json={}), clock, retries=100)

    def give_up() -> float:
        with pytest.raises(errors.ServerFailed, match="more than 120 s"):
            client.get_key("aa")
        return client.lost

    assert [100 < in_a_thread(give_up) <= 120 for _thread in range(3)] == [True] * 3
    assert client.patient and client.lost == 0


def test_in_a_hurry_nobody_begins_to_wait() -> None:
    clock = Clock()
    client = a_client(lambda request: httpx.Response(503, json={}), clock)
    client.hurry()
    with pytest.raises(errors.ServerFailed):
        client.get_key("aa")
    assert clock.now == 0 and not client.patient


def test_threads_that_list_at_once_list_once() -> None:
    world = World()
    world.add("one")
    under_way, go_on = threading.Event(), threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        under_way.set()
        assert go_on.wait(PATIENCE)
        return world.answer(request)

    client = world.client(transport=httpx.MockTransport(answer))
    lock = asked(client._listings)
    lists: list[t.Any] = []
    threads = [threading.Thread(target=lambda: lists.append(client.list_keys())) for _number in range(8)]
    threads[0].start()
    assert under_way.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    lock.wait(2 + 7)
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert [[key.name for key in found] for found in lists] == [["one"]] * 8
    assert len(world.steps) == 2
    assert len({id(found) for found in lists}) == 8  # nobody's changes are seen by another
