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

from tests.faults.scenarios import SCENARIOS, run_again_and_check
from tests.faults.tools import answer
from tests.faults.world import MARKER, World

GROUP = "call of OpenRouter"


class Call(t.NamedTuple):
    scenario: str
    method: str
    path: str = ""
    skip: int = 0
    always: bool = False  # also failing for good, with the next run without the lock


CALLS = {
    "GET list": Call("limit", "GET", "^/keys$", always=True),
    "GET list, second page": Call("limit on the second page", "GET", "^/keys$", 1),
    "GET list, before a creation": Call("create", "GET", "^/keys$", 1),
    "GET list, second page before a creation": Call("create among many", "GET", "^/keys$", 3, always=True),
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

# What is answered: the fields of the fault, and what a failed run must say.
REFUSED = ("400", "401", "403", "404", "409")
LOST = {
    "429": ({"kind": "status", "status": 429}, "answered 429"),
    "429 with Retry-After": ({"kind": "status", "status": 429, "retry_after": 7}, "answered 429"),
    **{status: ({"kind": "status", "status": int(status)}, f"answered {status}") for status in ("500", "502", "503")},
    "cut": ({"kind": "cut"}, "connection broke off"),
    "hang": ({"kind": "hang"}, "no answer in time"),
    "not JSON": ({"kind": "garbage"}, "not JSON"),
    "HTML with 200": ({"kind": "html", "status": 200}, "not JSON"),
    "truncated": ({"kind": "truncated"}, "connection broke off"),
    "late": ({"kind": "hold"}, "no answer in time"),  # takes effect when the run is over
}
OUTCOMES = {
    **{status: ({"kind": "status", "status": int(status)}, f"answered {status}") for status in REFUSED},
    **LOST,
}
SHORT = {"hang": 0.3, "late": 0.3}  # seconds of patience where none comes


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


def plant(world: World, call: Call, outcome: str, when: str, times: str) -> int:
    fields = dict(OUTCOMES[outcome][0])
    if fields["kind"] == "status":
        fields["body"] = answer(fields["status"])
    elif fields["kind"] in ("garbage", "html"):
        fields["body"] = f"<p>{MARKER} {{authorization}} {{response}}"
    return world.control.fault(
        method=call.method,
        path=call.path,
        skip=call.skip,
        when=when,
        times=1 if times == "once" else None,
        **fields,
    )


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
    world.assert_clean(outcome)
    if cell.outcome == "late":
        release(world, fault)
    world.control.clear_faults()
    run_again_and_check(world, scenario, cell.next_run == "locked")


def test_all_of_them_ran(record_property: t.Callable[[str, t.Any], None]) -> None:
    assert (len(RAN), len(ALL)) == (len(CELLS), len(CELLS) + len(EXCLUDED))
    record_property("excluded", {"group": GROUP, "reasons": dict(collections.Counter(EXCLUDED.values()))})


# After a create whose answer is lost, its key is looked for and deleted. What if that fails too, for good.
LOOK_UP = {
    "GET list": Call("create", "GET", "^/keys$", 2),
    "GET list, second page": Call("create among many", "GET", "^/keys$", 5),
    "DELETE": Call("create", "DELETE"),
}
CREATIONS = ("502", "cut", "hang", "not JSON", "truncated")
LOOK_UP_OUTCOMES = ("401", "429", "500", "502", "cut", "hang", "not JSON", "HTML with 200")


@pytest.mark.parametrize("outcome", LOOK_UP_OUTCOMES)
@pytest.mark.parametrize("creation", CREATIONS)
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
