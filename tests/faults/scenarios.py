# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run may find, and what it is asked for: together they reach every call and every remote command."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from tests.faults.world import NAME, Outcome, World

LIMIT = {"limit": 500, "limit_reset": "monthly"}


@dataclass(frozen=True)
class Scenario:
    prepare: t.Callable[[World], t.Any]
    options: t.Mapping[str, t.Any]
    steps: tuple[str, ...]  # of a run without a fault
    ends: str = "enabled"  # or disabled, or absent
    by_hash: bool = False

    def run(self, world: World, **more: t.Any) -> Outcome:
        options = {**self.options, **more}
        if self.by_hash:
            options["hash"] = world.stored_hash()
        return world.run(**options)


def nothing(world: World) -> None:
    pass


def after_another_task(world: World) -> None:
    """Of the same play: it has listed the keys, which is not fresh enough to create one by."""
    play = world.begin_play()
    assert not world.run(name="client-unknown", state="absent").failed
    world.begin_play(play)


def held(world: World) -> None:
    world.write(world.key(NAME, **LIMIT)[1])


def left_over(world: World) -> None:
    world.key(f"{NAME} ~pending-0dd0dd")


def held_and_left_over(world: World) -> None:
    held(world)
    left_over(world)


def on_the_second_page(world: World) -> None:
    held(world)
    world.control.plant_keys([f"client-{number}" for number in range(120)])


def many(world: World) -> None:
    world.control.plant_keys([f"client-{number}" for number in range(120)])


def lost_unused(world: World) -> None:
    world.key(NAME, **LIMIT)


def lost_used(world: World) -> None:
    """Somebody wrote another secret over a key that has usage."""
    key_hash, _secret = world.key(NAME, **LIMIT)
    world.control.usage(key_hash, 2.0)
    world.write("sk-or-v1-somebody-elses")


def stored_not_named(world: World) -> None:
    world.write(world.key(f"{NAME} ~pending-0dd0dd")[1])


def stored_not_listed(world: World) -> None:
    world.control.list_lag(3600)
    held(world)


def damaged(world: World) -> None:
    _hash, secret = world.key(NAME, **LIMIT)
    world.write(secret, "OPENROUTER_API_KEY", mode=0o644)


SCENARIOS = {
    "create": Scenario(nothing, LIMIT, ("observe", "GET", "POST", "store", "PATCH")),
    "create after another task": Scenario(after_another_task, LIMIT, ("observe", "GET", "POST", "store", "PATCH")),
    "create among many": Scenario(many, LIMIT, ("observe", "GET", "GET", "POST", "store", "PATCH")),
    "create beside a left-over": Scenario(
        left_over, {**LIMIT, "locked": True}, ("observe", "GET", "POST", "store", "PATCH", "DELETE")
    ),
    "replace an unused key": Scenario(
        lost_unused,
        {"lost_secret": "replace_unused"},
        ("observe", "GET", "POST", "store", "PATCH", "PATCH"),
    ),
    "replace a used key": Scenario(
        lost_used,
        {"lost_secret": "replace"},
        ("observe", "GET", "GET one", "GET one", "POST", "store", "PATCH", "PATCH"),
    ),
    "finish": Scenario(stored_not_named, LIMIT, ("observe", "GET", "PATCH")),
    "sweep": Scenario(held_and_left_over, {"locked": True}, ("observe", "GET", "DELETE")),
    "repair": Scenario(damaged, LIMIT, ("observe", "GET", "repair")),
    "limit": Scenario(held, {"limit": 250}, ("observe", "GET", "PATCH")),
    "limit on the second page": Scenario(on_the_second_page, {"limit": 250}, ("observe", "GET", "GET", "PATCH")),
    "limit before the list shows it": Scenario(
        stored_not_listed, {"limit": 250}, ("observe", "GET", "GET one", "PATCH")
    ),
    "by hash": Scenario(held, {"limit": 250}, ("GET one", "PATCH"), by_hash=True),
    "suspend": Scenario(held, {"state": "disabled"}, ("GET", "PATCH"), "disabled"),
    "remove": Scenario(held_and_left_over, {"state": "absent"}, ("GET", "DELETE", "DELETE"), "absent"),
}


def run_again_and_check(world: World, scenario: Scenario, locked: bool = True) -> None:
    """The next run, without a fault, puts everything right; the one after it has nothing to do."""
    more = {"locked": True} if locked else {"locked": False, "pending_max_age": 0}
    again = scenario.run(world, **more)
    assert not again.failed, again.said
    world.assert_clean(again)
    world.assert_ends(scenario.ends)
    world.control.clear_journal()
    last = scenario.run(world, **more)
    assert (last.failed, last.result["changed"], world.control.writes()) == (False, False, []), last.said
