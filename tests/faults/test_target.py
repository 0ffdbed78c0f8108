# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each remote command fails in each way; the next run puts it right."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import pwd
import shutil
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from tests.faults.answers import answer
from tests.faults.scenarios import SCENARIOS, Scenario, run_again_and_check
from tests.faults.tools import tool
from tests.faults.world import NAME, Command, World

GROUP = "remote command"

# The scenario, and the command in it that fails.
STEPS = {
    "look, no file": ("create", "observe"),
    "look, the file is there": ("limit", "observe"),
    "look, the name is missing": ("finish", "observe"),
    "store, no file": ("create", "store"),
    "store, beside a left-over": ("create beside a left-over", "store"),
    "store, over another secret": ("replace a used key", "store"),
    "store, an unused key is lost": ("replace an unused key", "store"),
    "repair": ("repair", "repair"),
}
WITH_A_FILE = ("store, over another secret", "repair")


@dataclasses.dataclass(frozen=True)
class Fault:
    act: t.Callable[[World, Command], dict[str, t.Any]]
    says: str = ""
    look: str | None = None  # the failure at this command, if it is one
    write: str | None = None  # the same for store and repair
    mend: t.Callable[[World], None] = lambda world: None  # what the operator does before the next run
    always: bool = False
    loses: bool = False  # the secret that was stored: no other run does that, so a person must say that it is replaced
    left_out: t.Mapping[str, str] = dataclasses.field(default_factory=dict)  # by the kind of command, or "no file"


UNTOUCHED = {"observe": "a look writes nothing"}
NO_RACE = {"observe": "what happens before the look is what the run starts from"}
NEEDS_A_FILE = {**NO_RACE, "no file": "there is no file"}
ONLY_STORE = {"observe": "it has no input", "repair": "it has no input"}


def lost_before(world: World, command: Command) -> dict[str, t.Any]:
    raise AnsibleConnectionFailure("Connection reset by peer")


def lost_after(world: World, command: Command) -> dict[str, t.Any]:
    command()
    raise AnsibleConnectionFailure("Connection reset by peer")


def lost_in_the_middle(world: World, command: Command) -> dict[str, t.Any]:
    command(data=command.data[: len(command.data) // 2])
    raise AnsibleConnectionFailure("Connection reset by peer")


def half(world: World, command: Command) -> dict[str, t.Any]:
    return command(data=command.data[: len(command.data) // 2])


def sent_twice(world: World, command: Command) -> dict[str, t.Any]:
    command()
    return command()


def rubbish(world: World, command: Command) -> dict[str, t.Any]:
    return {"rc": 0, "stdout": "Welcome!\nmai: \n", "stderr": ""}


def rubbish_after(world: World, command: Command) -> dict[str, t.Any]:
    command()
    return rubbish(world, command)


def gone(world: World, command: Command) -> dict[str, t.Any]:
    return {"rc": 137, "stdout": "", "stderr": ""}


def at(name: str, script: str) -> t.Callable[[World, Command], dict[str, t.Any]]:
    """The command meets this one in place of one that it calls."""
    return lambda world, command: command(path=tool(world.directory, name, script))


def fails(name: str, why: str) -> t.Callable[[World, Command], dict[str, t.Any]]:
    return at(name, f'echo "{name}: {why}" >&2; exit 1')


def full(world: World, command: Command) -> dict[str, t.Any]:
    """Not a byte can be written to any file."""
    return command(before='trap "" XFSZ; ulimit -f 0; ')


def read_only(world: World, command: Command) -> dict[str, t.Any]:
    if os.geteuid() == 0:  # for root nothing is
        user = pwd.getpwnam("nobody").pw_uid
        for path in (world.target, *world.target.iterdir()):
            os.chown(path, user, -1)
    world.target.chmod(0o555)
    return command(as_nobody=os.geteuid() == 0)


def writable(world: World) -> None:
    for path in (world.target, *world.target.iterdir()):
        os.chown(path, os.geteuid(), -1)
    world.target.chmod(0o700)


def vanished(world: World, command: Command) -> dict[str, t.Any]:
    world.file.unlink()
    return command()


def directory_vanished(world: World, command: Command) -> dict[str, t.Any]:
    shutil.rmtree(world.target)
    return command()


def remark(world: World, command: Command) -> dict[str, t.Any]:
    with world.file.open("a") as file:
        file.write("# looked at by a person\n")
    return command()


def somebody_elses(world: World, command: Command) -> dict[str, t.Any]:
    world.write("sk-or-v1-somebody-elses")
    return command()


def other_run(world: World, command: Command) -> dict[str, t.Any]:
    world.write(world.key(f"{NAME} ~pending-beef01")[1])
    return command()


def other_run_that_is_done(world: World, command: Command) -> dict[str, t.Any]:
    for key in world.named():
        world.patch(key["hash"], name=f"{NAME} ~retired-beef02", disabled=True)
    world.write(world.key(NAME)[1])
    return command()


def link(world: World, command: Command) -> dict[str, t.Any]:
    world.file.unlink(missing_ok=True)
    world.file.symlink_to("elsewhere")
    return command()


def directory(world: World, command: Command) -> dict[str, t.Any]:
    world.file.unlink(missing_ok=True)
    world.file.mkdir()
    return command()


def remove_directory(world: World) -> None:
    world.file.rmdir()


UNKNOWN = {"says": "is not known", "write": "store_unknown"}
REFUSED = {"write": "store_refused", "left_out": UNTOUCHED}
DISK_FULL = "No space left on device"
INCOMPLETE = "could not be written completely (is the disk full?)"

FAULTS = {
    "SSH lost before": Fault(lost_before, "", "AnsibleConnectionFailure", "store_unknown"),
    "SSH lost after": Fault(lost_after, "", "AnsibleConnectionFailure", "store_unknown"),
    "SSH lost in the middle": Fault(lost_in_the_middle, **UNKNOWN, left_out=ONLY_STORE),
    "half of the input": Fault(half, INCOMPLETE, write="store_refused", left_out=ONLY_STORE),
    "sent twice": Fault(sent_twice, left_out=UNTOUCHED),
    "another answer, not done": Fault(rubbish, "on the target", "store_refused", "store_unknown"),
    "another answer, done": Fault(rubbish_after, "on the target", "store_refused", "store_unknown"),
    "shell gone": Fault(gone, "137", "store_refused", "store_unknown"),
    "killed before a file was made": Fault(at("mktemp", "kill -9 $PPID"), **UNKNOWN, left_out=UNTOUCHED),
    "killed before the rename": Fault(at("mv", "kill -9 $PPID"), **UNKNOWN, left_out=UNTOUCHED),
    "killed after the rename": Fault(at("mv", '"$real" "$@"; kill -9 $PPID'), **UNKNOWN, left_out=UNTOUCHED),
    "terminated before the rename": Fault(at("chmod", 'kill $PPID; "$real" "$@"'), "was interrupted", **REFUSED),
    "terminated at the rename": Fault(at("mv", 'kill $PPID; "$real" "$@"'), left_out=UNTOUCHED),
    "disk full at mktemp": Fault(fails("mktemp", DISK_FULL), DISK_FULL, **REFUSED),
    "disk full at cat": Fault(
        fails("cat", DISK_FULL), DISK_FULL, write="store_refused", left_out={**UNTOUCHED, "repair": "it calls no cat"}
    ),
    "disk full for every file": Fault(full, INCOMPLETE, **REFUSED),
    "disk full at sync": Fault(fails("sync", DISK_FULL), left_out=UNTOUCHED),  # the answer proves what is in the file
    "disk full at mv": Fault(fails("mv", DISK_FULL), DISK_FULL, **REFUSED),
    "chmod refused": Fault(fails("chmod", "Operation not permitted"), "Operation not permitted", **REFUSED),
    "read-only": Fault(read_only, "no file can be created in its directory", None, "store_refused", writable),
    "read-only file system at mktemp": Fault(fails("mktemp", "Read-only file system"), "Read-only", **REFUSED),
    "read-only file system at mv": Fault(fails("mv", "Read-only file system"), "Read-only", **REFUSED),
    "file vanished": Fault(vanished, loses=True, left_out=NEEDS_A_FILE),
    "directory vanished": Fault(
        directory_vanished,
        "its directory does not exist",
        write="store_refused",
        mend=lambda world: world.target.mkdir(mode=0o700),
        loses=True,
        left_out=NO_RACE,
    ),
    "file got a remark": Fault(remark, left_out=NEEDS_A_FILE),
    "file gets a remark every time": Fault(
        remark, "several times in a row", write="store_conflict", always=True, left_out=NEEDS_A_FILE
    ),
    "file holds somebody else's secret": Fault(somebody_elses, loses=True, left_out=NO_RACE),
    "file holds another run's secret": Fault(other_run, left_out=NO_RACE),
    "file and key are another run's": Fault(other_run_that_is_done, left_out=NO_RACE),
    "file became a link": Fault(
        link,
        "is a symbolic link",
        write="store_refused",
        mend=lambda world: world.file.unlink(),
        loses=True,
        left_out=NO_RACE,
    ),
    "file became a directory": Fault(
        directory, "is not a regular file", write="store_refused", mend=remove_directory, loses=True, left_out=NO_RACE
    ),
}


class Cell(t.NamedTuple):
    step: str
    fault: str

    def __str__(self) -> str:
        return ": ".join(self)

    @property
    def reason_to_leave_out(self) -> str | None:
        why = FAULTS[self.fault].left_out
        kind = STEPS[self.step][1]
        return why.get(kind) or (why.get("no file") if self.step not in WITH_A_FILE else None)


ALL = [Cell(*values) for values in itertools.product(STEPS, FAULTS)]
EXCLUDED = {cell: cell.reason_to_leave_out for cell in ALL if cell.reason_to_leave_out}
CELLS = [cell for cell in ALL if cell not in EXCLUDED]
RAN: set[Cell] = set()


def scenario_of(name: str, fault: Fault) -> Scenario:
    scenario = SCENARIOS[name]
    replaces = {"lost_secret": "replace"} if fault.loses else {}
    return dataclasses.replace(scenario, options={**scenario.options, **replaces})


def break_at(world: World, step: str, fault: Fault) -> list[str]:
    """Returns the commands that failed, in time."""
    hit: list[str] = []

    def connection(name: str, command: Command) -> dict[str, t.Any]:
        if name != step or (hit and not fault.always):
            return command()
        hit.append(name)
        return fault.act(world, command)

    world.connection = connection
    return hit


def heal(world: World) -> None:
    world.connection = lambda _step, command: command()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_fault(world: World, cell: Cell, record_property: t.Callable[[str, t.Any], None]) -> None:
    RAN.add(cell)
    name, step = STEPS[cell.step]
    record_property("cell", (GROUP, cell.fault, cell.step))
    fault = FAULTS[cell.fault]
    scenario = scenario_of(name, fault)
    scenario.prepare(world)
    keys = world.control.all_keys()
    hit = break_at(world, step, fault)
    outcome = scenario.run(world)
    expected = fault.look if step == "observe" else fault.write
    if (cell.step, cell.fault) == ("look, no file", "read-only"):
        expected = "store_refused"  # the others have nothing to store
    assert hit, "the fault was not reached"
    assert outcome.code == expected, outcome.said
    if outcome.failed:
        world.assert_clean(outcome)
        assert fault.says in str(outcome.error), str(outcome.error)
    if expected in ("store_refused", "AnsibleConnectionFailure"):
        assert world.control.all_keys() == keys, "what was made was not removed again"
    if (expected, step) == ("store_unknown", "store"):
        [made] = [key for key in world.pending() if key not in keys]
        assert made["name"] in str(outcome.error) and "Run again" in str(outcome.error)
    heal(world)
    fault.mend(world)
    run_again_and_check(world, scenario)


def test_all_of_them_ran(record_property: t.Callable[[str, t.Any], None]) -> None:
    assert (len(RAN), len(ALL)) == (len(CELLS), len(CELLS) + len(EXCLUDED))
    record_property("excluded", {"group": GROUP, "reasons": dict(collections.Counter(EXCLUDED.values()))})


@pytest.mark.parametrize("step", [step for step, (_name, kind) in STEPS.items() if kind != "observe"])
@pytest.mark.parametrize("late", ["after the next run", "before its command"])
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
def test_lost_and_done_later(
    world: World, step: str, locked: bool, late: str, record_property: t.Callable[[str, t.Any], None]
) -> None:
    """The connection breaks; what was sent is done when the next run is over, or has already looked."""
    record_property("cell", ("late remote command", step, f"{late}, {'' if locked else 'un'}locked"))
    name, command_name = STEPS[step]
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    sent: list[Command] = []

    def lose(_world: World, command: Command) -> dict[str, t.Any]:
        sent.append(command)
        raise AnsibleConnectionFailure("Connection reset by peer")

    def interfere(_world: World, command: Command) -> dict[str, t.Any]:
        sent.pop()()
        return command()

    break_at(world, command_name, Fault(lose))
    assert scenario.run(world).code == "store_unknown"
    heal(world)
    if late == "before its command":
        break_at(world, command_name, Fault(interfere))
    run_again_and_check(world, scenario, locked)
    for command in sent:
        command()
    run_again_and_check(world, scenario, locked)
    assert late == "after the next run" or not sent


REMOVALS = {
    "400": {"kind": "status", "status": 400, "body": answer(400)},
    "401": {"kind": "status", "status": 401, "body": answer(401)},
    "429": {"kind": "status", "status": 429, "body": answer(429)},
    "502": {"kind": "status", "status": 502, "body": answer(502)},
    "502 after": {"kind": "status", "status": 502, "body": answer(502), "when": "after"},
    "cut": {"kind": "cut"},
    "cut after": {"kind": "cut", "when": "after"},
    "HTML with 200": {"kind": "html", "status": 200},
    "truncated": {"kind": "truncated"},
}


@pytest.mark.parametrize("removal", REMOVALS)
def test_not_stored_and_not_removed(
    world: World, removal: str, record_property: t.Callable[[str, t.Any], None]
) -> None:
    """The target refuses, and OpenRouter does not delete the new key either."""
    record_property("cell", ("target refuses, then DELETE", "store, no file", removal))
    scenario = SCENARIOS["create"]
    break_at(world, "store", FAULTS["disk full at mktemp"])
    world.control.fault(method="DELETE", times=None, **REMOVALS[removal])
    outcome = scenario.run(world)
    assert outcome.code == "store_refused"
    assert DISK_FULL in str(outcome.error) and "Running again removes it" in str(outcome.error)
    if not world.pending():
        assert removal in ("502 after", "cut after", "truncated")  # done, but nobody could know
    else:
        assert world.pending()[0]["name"] in str(outcome.error)
    world.assert_clean(outcome)
    heal(world)
    world.control.clear_faults()
    run_again_and_check(world, scenario)
