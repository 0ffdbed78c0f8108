# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs for one client, in every order of their steps, and each of them dead from any step on.

A step is one call of OpenRouter or one command on the target, in memory. Every order is tried exactly once: one run
goes on until it ends, then every other choice that was possible on the way is tried in the same manner.
"""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import NotFound
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired

from tests.unit.openrouter.fakes import NAME, NOW, Killed, MemoryStore, World

GARBAGE = f"{NAME} ~pending-0dd0dd"
USED = f"{NAME} ~pending-05ed05"


class MemoryClient:
    """As the real one, without HTTP: thousands of runs are quick."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.patient = True

    def sleep(self, seconds: float) -> None:
        raise AssertionError("no answer is lost here")

    def list_keys(self, workspace_id: str | None = None) -> list[Key]:
        return self._world.step("list", lambda: [Key.from_api(dict(key)) for key in self._world.keys.values()])

    def get_key(self, key_hash: str) -> Key | None:
        key = self._world.step("get", lambda: self._world.keys.get(key_hash))
        return Key.from_api(dict(key)) if key else None

    def create_key(self, body: dict[str, t.Any]) -> tuple[Key, str]:
        answer = self._world.step("create", lambda: self._world._create(dict(body)))
        return Key.from_api(answer.json()["data"]), answer.json()["key"]

    def update_key(self, key_hash: str, changes: dict[str, t.Any]) -> Key:
        def effect() -> Key:
            if key_hash not in self._world.keys:
                raise NotFound("There is no such key.", 404)
            self._world.keys[key_hash].update(changes)
            return Key.from_api(dict(self._world.keys[key_hash]))

        return self._world.step("update", effect)

    def delete_key(self, key_hash: str) -> None:
        key = self._world.step("delete", lambda: self._world.keys.pop(key_hash, None))
        assert not key or not key["usage"], "a key with usage was deleted"


class Run(threading.Thread):
    """Stops before each of its steps until it is told to go on. After its last step it may die."""

    def __init__(self, world: World, locked: bool, dies_after: int | None = None) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._locked = locked
        self._left = dies_after
        self._go = threading.Lock()
        self._stopped = threading.Lock()
        for lock in (self._go, self._stopped):
            lock.acquire()
        self.ended = False
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            reconcile(self._world, self._locked)
        except Killed:
            pass
        except BaseException as error:  # whatever it is, it belongs into the main thread
            self.problem = error
        self.ended = True
        self._stopped.release()

    def begin(self) -> None:
        self.start()
        assert self._stopped.acquire(timeout=20)

    def go_on(self) -> None:
        self._go.release()
        assert self._stopped.acquire(timeout=20)

    def before_step(self) -> None:
        self._stopped.release()
        self._go.acquire()

    def after_step(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise Killed


def reconcile(world: World, locked: bool) -> dict[str, t.Any]:
    desired = Desired(name=NAME, fields={"limit": 5.0}, lost_secret="replace", locked=locked)
    client: t.Any = MemoryClient(world)
    return Reconciler(client, desired, MemoryStore(world), now=lambda: NOW).run()


def hold_runs(world: World) -> None:
    def before(_step: str) -> None:
        thread = threading.current_thread()
        if isinstance(thread, Run):
            thread.before_step()

    def after(_step: str) -> None:
        thread = threading.current_thread()
        if isinstance(thread, Run):
            thread.after_step()

    world.before_step, world.after_step = before, after


def starting(start: str) -> World:
    world = World()
    world.add(USED, "used", age=7200, usage=0.1)
    if start == "lost":
        world.add(NAME, "old", usage=3.0, last_used_at="2026-11-01T00:00:00Z")
    if start in ("left-over", "stored"):
        world.add(GARBAGE, "garbage", age=7200)
    if start == "stored":
        world.add(f"{NAME} ~pending-570ed0", "stored", age=7200)
        world.file = "stored"
    return world


def assert_converged(world: World) -> None:
    """One enabled key of the name, its secret stored; no other that the client could have, but those with usage."""
    assert [(key["hash"], key["disabled"]) for key in world.named()] == [(world.file_hash(), False)]
    assert [key["name"] for key in world.pending()] == [USED]
    assert all(key["disabled"] for key in world.keys.values() if "~retired-" in key["name"])


class Orders:
    """Every order of the steps of two runs, once each."""

    def __init__(self, start: str, *runs: dict[str, t.Any]) -> None:
        self._start = start
        self._runs = runs
        self.tried = 0

    def try_all(self) -> int:
        alike = self._runs[0] == self._runs[1]
        todo = [[0]] if alike else [[0], [1]]
        while todo:
            prefix = todo.pop()
            order = self._try(prefix)
            self.tried += 1
            for at in range(len(prefix), len(order)):
                who, both = order[at]
                if both:
                    todo.append([*(one for one, _both in order[:at]), 1 - who])
        return self.tried

    def _try(self, prefix: list[int]) -> list[tuple[int, bool]]:
        """Who went on at each step, and whether the other one could have."""
        world = starting(self._start)
        hold_runs(world)
        runs = [Run(world, **options) for options in self._runs]
        for run in runs:
            run.begin()
        order: list[tuple[int, bool]] = []
        while not all(run.ended for run in runs):
            both = not any(run.ended for run in runs)
            who = prefix[len(order)] if len(order) < len(prefix) else order[-1][0]
            if runs[who].ended:
                who = 1 - who
            order.append((who, both))
            runs[who].go_on()
        tale = ([who for who, _both in order], world.steps)
        assert [run.problem for run in runs] == [None, None], tale
        reconcile(world, locked=True)
        assert_converged(world)
        assert reconcile(world, locked=True)["changed"] is False, tale
        return order


LOCKS = {"no lock": (False, False), "one thinks it has the lock": (False, True), "both think so": (True, True)}


@pytest.mark.parametrize(
    ("start", "locks", "orders"),
    [
        ("nothing", "no lock", 226),
        ("nothing", "one thinks it has the lock", 496),
        ("nothing", "both think so", 270),
        ("lost", "no lock", 959),
        ("lost", "both think so", 1071),
        ("left-over", "no lock", 959),
        ("left-over", "both think so", 1071),
        ("stored", "no lock", 31),
        ("stored", "one thinks it has the lock", 62),
        ("stored", "both think so", 31),
    ],
)
def test_two_runs_at_once(start: str, locks: str, orders: int) -> None:
    """Both succeed, and there is one key whose secret is stored."""
    first, second = LOCKS[locks]
    assert Orders(start, {"locked": first}, {"locked": second}).try_all() == orders


@pytest.mark.parametrize(
    ("start", "locked", "orders"),
    [
        ("nothing", False, [6, 21, 56, 159]),
        ("nothing", True, [6, 21, 56, 171]),
        ("lost", True, [7, 28, 84, 344, 748]),
        ("left-over", False, [7, 28, 84, 328, 708]),
        ("left-over", True, [7, 28, 84, 344, 748]),
        ("stored", True, [5, 15, 35]),
    ],
)
def test_the_last_step_of_a_dead_run_comes_late(start: str, locked: bool, orders: list[int]) -> None:
    """Whatever it is, and whenever it takes effect: the run that follows, or the one after it, puts it right."""
    whole = starting(start)
    reconcile(whole, locked=True)
    assert [
        Orders(start, {"locked": True, "dies_after": steps}, {"locked": locked}).try_all()
        for steps in range(1, len(whole.steps))
    ] == orders
