# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call to OpenRouter fails in each way; the next run puts it right."""

from __future__ import annotations

import collections
import itertools
import time
import typing as t
from dataclasses import dataclass

import pytest

from tests.faults.answers import OUTCOMES, REFUSED, SHORT, Call, plant
from tests.faults.scenarios import SCENARIOS, run_again_and_check
from tests.faults.world import World

GROUP = "call of OpenRouter"


CALLS = {
    "GET list": Call("limit", "GET", "^/keys$", always=True),
    "GET list, second page": Call("limit on the second page", "GET", "^/keys$", 1),
    "GET list, before a creation": Call("create after another task", "GET", "^/keys$"),
    "GET list, second page before a creation": Call("create among many", "GET", "^/keys$", 1, always=True),
    "GET one, by hash": Call("by hash", "GET", "^/keys/.", always=True),
    "GET one, not listed yet": Call("limit before the list shows it", "GET", "^/keys/."),
    "POST": Call("create", "POST", always=True),
    "PATCH, real name": Call("create", "PATCH", always=True),
    "PATCH, old key": Call("replace an unused key", "PATCH"),
    "PATCH, real name after the old key": Call("replace a used key", "PATCH", skip=1),
    "PATCH, finish": Call("finish", "PATCH"),
    "PATCH, limit": Call("limit", "PATCH"),
    "DELETE, left-over": Call("create beside a left-over", "DELETE", always=True),
    "DELETE, absent": Call("remove", "DELETE"),
}


@dataclass(frozen=True)
class Cell:
    call: str
    outcome: str
    when: str
    times: str
    next_run: str = "locked"

    def __str__(self) -> str:
        return f"{self.call}: {self.outcome} {self.when}, {self.times}, {self.next_run}"

    @property
    def reason_to_leave_out(self) -> str | None:
        read = CALLS[self.call].method == "GET"
        if self.when == "after" and read and self.outcome != "truncated":
            return "a read takes no effect: after is the same as before"
        if self.outcome == "truncated" and self.when == "before":
            return "only the answer to what was done can be truncated"
        if self.outcome == "late" and (read or self.when == "after"):
            return "late is: after the time-out, before it takes effect; a read takes none"
        if self.times == "always" and self.outcome in REFUSED:
            return "a definite no is not asked again: always is the same as once"
        if self.times == "always" and self.outcome == "late":
            return "the same as hang always, but that it comes true after the run: once shows it"
        if self.times == "always" and not CALLS[self.call].always:
            return "giving up is the same code for every call of a method: shown at another one"
        if self.next_run == "unlocked" and (self.call != "POST" or self.when == "before" or self.times == "always"):
            return "without the lock differs only in how a provisional key of unknown fate is swept: shown at POST"
        return None

    @property
    def fails(self) -> bool:
        if (CALLS[self.call].method, self.outcome) == ("DELETE", "404"):
            return False  # gone is gone
        if (self.call, self.outcome) == ("GET one, not listed yet", "404"):
            return False  # asked again before anything is decided
        return self.outcome in REFUSED or self.times == "always"

    @property
    def leaves_something(self) -> bool:
        """Although the run succeeded: it was told that it had no effect, or that there was nothing to delete."""
        call = CALLS[self.call].method
        return (call, self.outcome, self.when) in (
            ("POST", "429", "after"),
            ("POST", "429 with Retry-After", "after"),
            ("DELETE", "404", "before"),
        )

    @property
    def cause(self) -> str:
        if (self.call, self.outcome) == ("GET one, by hash", "404"):
            return "OpenRouter knows no key with the hash"
        return OUTCOMES[self.outcome][1]


ALL = [
    Cell(*values)
    for values in itertools.product(CALLS, OUTCOMES, ("before", "after"), ("once", "always"), ("locked", "unlocked"))
]
EXCLUDED = {cell: cell.reason_to_leave_out for cell in ALL if cell.reason_to_leave_out}
CELLS = [cell for cell in ALL if cell not in EXCLUDED]
RAN: set[Cell] = set()


def release(world: World, fault: int) -> None:
    """What was asked for long ago takes effect now."""
    world.control.release(fault)
    end = time.monotonic() + 20
    while not any(call["fault"] == "hold before" and call["committed"] for call in world.control.journal()):
        if any(call["fault"] == "hold before" and call["status"] == 404 for call in world.control.journal()):
            return  # what the run deleted in its second attempt
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_fault(world: World, cell: Cell, record_property: t.Callable[[str, t.Any], None]) -> None:
    RAN.add(cell)
    record_property("cell", (GROUP, cell.call, cell.outcome))
    call = CALLS[cell.call]
    scenario = SCENARIOS[call.scenario]
    scenario.prepare(world)
    fault = plant(world, call, cell.outcome, cell.when, cell.times)
    patience = {"timeout": SHORT[cell.outcome], "retries": 1} if cell.outcome in SHORT else {}
    outcome = scenario.run(world, **patience)
    assert world.control.hits(fault), "the fault was not reached"
    assert outcome.failed == cell.fails, outcome.said
    if outcome.failed:
        assert cell.cause in str(outcome.error), str(outcome.error)
    elif not cell.leaves_something:
        world.assert_ends(scenario.ends)
    world.assert_clean(outcome)
    if cell.outcome == "late":
        release(world, fault)
    world.control.clear_faults()
    run_again_and_check(world, scenario, cell.next_run == "locked")


def test_all_of_them_ran(record_property: t.Callable[[str, t.Any], None]) -> None:
    assert (len(RAN), len(ALL)) == (len(CELLS), len(CELLS) + len(EXCLUDED))
    record_property("excluded", {"group": GROUP, "reasons": dict(collections.Counter(EXCLUDED.values()))})
