# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer to a creation is lost, and so is what helps against that; the next run puts it right."""

from __future__ import annotations

import typing as t

import pytest

from tests.faults.answers import OUTCOMES, SHORT, Call, plant
from tests.faults.scenarios import SCENARIOS, run_again_and_check
from tests.faults.world import World

# After a create whose answer is lost, its key is looked for and deleted. What if that fails too, for good.
LOOK_UP = {
    "GET list": Call("create", "GET", "^/keys$", 1),
    "GET list, second page": Call("create among many", "GET", "^/keys$", 3),
    "DELETE": Call("create", "DELETE"),
}
CREATIONS = ("502", "cut", "hang", "not JSON", "truncated")
LOOK_UP_OUTCOMES = ("401", "429", "500", "502", "cut", "hang", "not JSON", "HTML with 200")


@pytest.mark.parametrize("outcome", LOOK_UP_OUTCOMES)
@pytest.mark.parametrize("creation", ["502", "hang", "truncated"])
@pytest.mark.parametrize("name", LOOK_UP)
def test_look_up_after_a_lost_creation(
    world: World, name: str, creation: str, outcome: str, record_property: t.Callable[[str, t.Any], None]
) -> None:
    record_property("cell", ("POST lost, then its look-up", f"POST {creation}, {name}", outcome))
    call = LOOK_UP[name]
    scenario = SCENARIOS[call.scenario]
    scenario.prepare(world)
    plant(world, Call(call.scenario, "POST"), creation, "after", "once")
    fault = plant(world, call, outcome, "before", "always")
    hangs = "hang" in (creation, outcome)
    failed = scenario.run(world, **({"timeout": SHORT["hang"], "retries": 1} if hangs else {}))
    assert world.control.hits(fault), "the fault was not reached"
    [pending] = world.pending()
    assert failed.code == "create_failed", failed.said
    for said in (OUTCOMES[creation][1], OUTCOMES[outcome][1], pending["name"], "a later run removes it"):
        assert said in str(failed.error), str(failed.error)
    world.assert_clean(failed)
    world.control.clear_faults()
    run_again_and_check(world, scenario)


@pytest.mark.parametrize("creation", [None, *CREATIONS])
@pytest.mark.parametrize("lag", [1, 5, 3600])
def test_list_that_shows_a_fresh_key_late(
    world: World, lag: int, creation: str | None, record_property: t.Callable[[str, t.Any], None]
) -> None:
    """Later than the run looks for it, in the last case: then a later run sweeps what was left."""
    record_property("cell", ("list that lags", f"{lag} s", f"POST {creation or 'done'}"))
    scenario = SCENARIOS["create"]
    world.control.list_lag(lag)
    if creation:
        plant(world, Call("create", "POST"), creation, "after", "once")
    outcome = scenario.run(world, **({"timeout": SHORT["hang"], "retries": 1} if creation == "hang" else {}))
    assert not outcome.failed, outcome.said
    world.assert_clean(outcome)
    assert len(world.pending()) == (lag == 3600 and creation is not None)
    if world.pending():
        assert world.pending()[0]["name"] in outcome.said
    at_once = scenario.run(world, locked=True)
    assert (at_once.failed, at_once.result.get("changed")) == (False, False), at_once.said
    world.advance(lag)
    run_again_and_check(world, scenario)
