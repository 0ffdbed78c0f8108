# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is killed before or after each of its steps; the next run puts it right."""

from __future__ import annotations

import os
import typing as t

import pytest

from tests.faults.scenarios import SCENARIOS, run_again_and_check
from tests.faults.tools import tool
from tests.faults.world import World

GROUP = "killed"


class Cell(t.NamedTuple):
    scenario: str
    number: int
    step: str
    moment: str
    next_run: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.moment} step {self.number + 1}, {self.step}, {self.next_run}"


def cells() -> list[Cell]:
    """After a read is the same as before the next step. How many pages a list has makes no difference here."""
    return [
        Cell(name, number, step, moment, next_run)
        for name, scenario in SCENARIOS.items()
        if name not in ("create among many", "limit on the second page")
        for number, step in enumerate(scenario.steps)
        for moment in ("before", "after")
        for next_run in ("locked", "unlocked")
        if not (moment == "after" and step in ("observe", "GET", "GET one"))
        if not (next_run == "unlocked" and "POST" not in scenario.steps)
        if not (number and step in ("observe", "GET") and scenario.steps[number - 1] in ("observe", "GET"))
    ]


CELLS = cells()
RAN: set[Cell] = set()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_steps_are_these(world: World, name: str) -> None:
    """What the cells below are made from is all that a run does."""
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    assert not scenario.run(world).failed
    assert tuple(world.steps) == scenario.steps
    run_again_and_check(world, scenario)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_killed(world: World, cell: Cell, record_property: t.Callable[[str, t.Any], None]) -> None:
    RAN.add(cell)
    record_property("cell", (GROUP, cell.scenario, f"{cell.moment} {cell.step}"))
    scenario = SCENARIOS[cell.scenario]
    scenario.prepare(world)
    options = {**scenario.options, **({"hash": world.stored_hash()} if scenario.by_hash else {})}
    assert world.run_killed(cell.number, cell.moment, **options) == cell.step
    run_again_and_check(world, scenario, cell.next_run == "locked")


def test_all_of_them_ran() -> None:
    assert len(RAN) == len(CELLS)
    writes = {(cell.step, cell.moment) for cell in RAN} - {(step, "before") for step in ("observe", "GET", "GET one")}
    steps = ("POST", "store", "repair", "PATCH", "DELETE")
    assert writes == {(step, moment) for step in steps for moment in ("before", "after")}


# Where the remote command is when its controller dies, by the command that it calls.
WITHIN = {
    "mktemp": ("mktemp", '{kill}; exec "$real" "$@"'),
    "chmod": ("chmod", '{kill}; exec "$real" "$@"'),
    "before mv": ("mv", '{kill}; exec "$real" "$@"'),
    "after mv": ("mv", '"$real" "$@"; {kill}'),
}


@pytest.mark.parametrize("who", ["the controller", "both"])
@pytest.mark.parametrize("place", WITHIN)
@pytest.mark.parametrize("name", ["create", "create beside a left-over", "replace a used key", "repair"])
def test_killed_while_the_target_writes(
    world: World, name: str, place: str, who: str, record_property: t.Callable[[str, t.Any], None]
) -> None:
    """The remote command goes on without its controller, or ends with it."""
    record_property("cell", (f"killed while the target writes: {who}", name, place))
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    called, script = WITHIN[place]

    def prepare() -> None:
        kill = f"kill -9 {os.getpid()}" + (" $PPID" if who == "both" else "")
        tools = tool(world.directory, called, script.format(kill=kill))
        world.connection = lambda step, command: command(path=None if step == "observe" else tools)

    assert world.run_in_another_process(prepare, **scenario.options) == -9
    run_again_and_check(world, scenario)
