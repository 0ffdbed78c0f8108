# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a client's key, in whatever order: what the design promises stays true.

PROPERTY_EXAMPLES=N tries N sequences that are others each time; without it they are always the same.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.faults.answers import answer
from tests.faults.conftest import ROOT, Server
from tests.faults.scenarios import damaged, held, left_over, lost_used, nothing, stored_not_named
from tests.faults.tools import tool
from tests.faults.world import NAME, Command, Outcome, World

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", 0))
Values = t.Dict[str, t.Any]

# What may be asked for

present = st.fixed_dictionaries(
    {"locked": st.booleans(), "lost_secret": st.sampled_from(["fail", "replace_unused", "replace"])},
    optional={
        "limit": st.sampled_from([5, 500, None]),
        "limit_reset": st.sampled_from(["monthly", "daily", "never"]),
        "include_byok_in_limit": st.booleans(),
        "disabled": st.booleans(),
        "pending_max_age": st.sampled_from([0, 3600]),
    },
)
tasks = st.one_of(
    present,
    present,
    present,
    st.just({"state": "disabled"}),
    st.fixed_dictionaries({"state": st.just("disabled"), "limit": st.sampled_from([1, None])}),
    st.just({"state": "absent"}),
)

# What may go wrong meanwhile

answers = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
        "when": st.sampled_from(["before", "after"]),
        "times": st.sampled_from([1, 2, None]),
        "skip": st.integers(0, 2),
    }
).flatmap(
    lambda fields: st.one_of(
        *(
            st.just({**fields, "kind": "status", "status": status, "body": answer(status)})
            for status in (400, 404, 429, 502)
        ),
        *(st.just({**fields, "kind": kind}) for kind in ("cut", "garbage")),
        st.just({**fields, "kind": "html", "status": 200}),
        st.just({**fields, "kind": "truncated", "when": "after"}),
    )
)
target = st.tuples(
    st.sampled_from(["observe", "store", "repair"]), st.sampled_from(["lost", "done and lost", "rubbish", "disk full"])
)
kills = st.tuples(st.integers(0, 6), st.sampled_from(["before", "after"]))

# What people may do

EVENTS = (
    "file deleted", "file overwritten", "file remarked", "file readable for all", "old file restored",
    "key disabled", "key enabled", "key used", "key deleted", "provisional key used", "an hour passes",
)  # fmt: skip

# One after the other: an event, then a run that is disturbed or not.
operation = st.tuples(
    st.one_of(st.none(), st.sampled_from(EVENTS)),
    st.one_of(
        st.tuples(st.just("run"), tasks),
        st.tuples(st.just("answer"), tasks, answers),
        st.tuples(st.just("target"), present, target),
        st.tuples(st.just("kill"), tasks, kills),
        st.tuples(st.just("kill"), present, kills),
    ),
)


def left_over_in_use(world: World) -> None:
    left_over(world)
    world.control.usage(world.pending()[0]["hash"], 1.0)


starts = st.sampled_from([nothing, held, left_over, left_over_in_use, lost_used, stored_not_named, damaged])


class Client:
    """The client's key through its life, and what has to be remembered of it to judge what a run did."""

    def __init__(self, world: World, tried: t.Counter[str]) -> None:
        self.world = world
        self.tried = tried
        # Keys whose secrets somebody took off the target.
        self.lost: set[str | None] = {key["hash"] for key in world.named() if key["hash"] != world.stored_hash()}
        # Whether somebody, or the client's removal, parted a key and its secret since a run last saw them together.
        self.parted = bool(self.lost)
        self.old_files: list[str] = []

    def do(self, kind: str, *details: t.Any) -> None:
        self.tried[kind] += 1
        event(kind)
        used = self.used()
        getattr(self, kind)(*details)
        gone = used - self.used()
        allowed = self.expendable if kind != "event" else gone
        assert gone <= allowed, "a key with usage was deleted"
        self.assert_invariants()

    def used(self) -> set[str]:
        return {key["hash"] for key in self.world.control.all_keys() if key["usage"]}

    # Runs

    def start(self, task: Values) -> None:
        """Only the removal of the client may cost a key with usage: the one that bears the name."""
        removal = task.get("state") == "absent"
        self.parted |= removal
        self.expendable = {key["hash"] for key in self.world.named()} if removal else set()
        if self.world.file.exists() and self.world.stored():
            self.old_files.append(self.world.file.read_text())

    def run(self, task: Values) -> None:
        """Nothing goes wrong: check mode foretells it all, and the second run has nothing to do."""
        self.start(task)
        world = self.world
        before = (world.control.all_keys(), self.content())
        suspended = self.is_suspended(task)
        check = world.run(check_mode=True, **task)
        assert (world.control.all_keys(), self.content()) == before, "check mode wrote something"
        real = world.run(**task)
        world.assert_clean(check)
        world.assert_clean(real)
        assert foretold(check) == foretold(real)
        assert shown(check).items() <= shown(real).items()
        if real.failed:
            # No interruption leads there: a person has to decide, or there is nothing to suspend.
            suspends = task.get("state") == "disabled"
            assert real.code == "not_found" if suspends else real.code in ("lost_secret", "foreign_secret"), real.said
            assert suspends or self.parted, real.said
            assert (world.control.all_keys(), self.content()) == before, "a refusal wrote something"
            return
        self.tried["runs that changed something"] += real.result["changed"]
        self.assert_done(task, real, suspended)
        if task.get("state", "present") == "present":
            self.parted = False
        world.control.clear_journal()
        again = world.run(**task)
        assert (again.failed, again.result.get("changed"), world.control.writes()) == (False, False, []), again.said

    def answer(self, task: Values, fault: Values) -> None:
        self.start(task)
        planted = self.world.control.fault(**fault)
        outcome = self.world.run(**task)
        self.tried["faults that were met"] += bool(self.world.control.hits(planted))
        self.world.control.clear_faults()
        self.world.assert_clean(outcome)

    def target(self, task: Values, fault: tuple[str, str]) -> None:
        self.start(task)
        step, kind = fault
        met = []

        def connection(name: str, command: Command) -> dict[str, t.Any]:
            if name != step:
                return command()
            met.append(name)
            if kind == "disk full":
                return command(path=tool(self.world.directory, "mktemp", 'echo "mktemp: No space" >&2; exit 1'))
            if kind != "lost":
                command()
            if kind != "rubbish":
                raise AnsibleConnectionFailure("Connection reset by peer")
            return {"rc": 0, "stdout": "Welcome!", "stderr": ""}

        self.world.connection = connection
        outcome = self.world.run(**task)
        self.world.connection = lambda _step, command: command()
        self.tried["faults that were met"] += bool(met)
        self.world.assert_clean(outcome)

    def kill(self, task: Values, where: tuple[int, str]) -> None:
        self.start(task)
        self.tried["kills that were met"] += bool(self.world.run_killed(*where, **task))

    # Events

    def event(self, what: str) -> None:
        world, file = self.world, self.world.file
        named, pending = world.named(), world.pending()
        self.parted |= what in ("file deleted", "file overwritten", "old file restored", "key deleted")
        if what.startswith(("file", "old file")):
            if file.exists() and what in ("file deleted", "file overwritten") or what == "old file restored":
                self.lost.add(world.stored_hash())
            if what == "file overwritten":
                world.write("sk-or-v1-somebody-elses")
            elif what == "old file restored" and self.old_files:
                file.write_text(self.old_files[0])
                file.chmod(0o600)
            elif file.exists() and what == "file deleted":
                file.unlink()
            elif file.exists() and what == "file remarked":
                file.write_text(file.read_text() + "# looked at by a person\n")
            elif file.exists() and what == "file readable for all":
                file.chmod(0o644)
        elif what == "an hour passes":
            world.advance(3700)
        elif what == "provisional key used" and pending:
            world.control.usage(pending[0]["hash"], 1.0)
        elif what == "key used" and named:
            world.control.usage(named[0]["hash"], 1.0)
        elif what in ("key disabled", "key enabled") and named:
            world.patch(named[0]["hash"], disabled=what == "key disabled")
        elif what == "key deleted" and named:
            world.delete(named[0]["hash"])

    # What must be true

    def content(self) -> tuple[bytes, int] | None:
        file = self.world.file
        return (file.read_bytes(), file.stat().st_mode) if file.exists() else None

    def is_suspended(self, task: Values) -> bool:
        if "disabled" in task:
            return task["disabled"]
        if task.get("state") == "disabled":
            return True
        held = [key for key in self.world.pending() if key["hash"] == self.world.stored_hash()]
        return any(key["disabled"] for key in self.world.named() or held)

    def assert_invariants(self) -> None:
        world = self.world
        named = world.named()
        assert len(named) <= 1
        for key in named:
            assert key["hash"] in {world.stored_hash(), *self.lost}, "a key bears the name and its secret is not stored"
        assert all(key["disabled"] for key in world.control.keys_named(f"{NAME} ~retired-"))
        assert {entry.name for entry in world.target.iterdir()} <= {world.file.name}

    def assert_done(self, task: Values, real: Outcome, suspended: bool) -> None:
        world = self.world
        unused = [key["name"] for key in world.pending() if not key["usage"]]
        state = task.get("state", "present")
        if state == "absent":
            assert world.named() == [] and unused == []
            return
        if state == "disabled":
            assert all(key["disabled"] for key in [*world.named(), *world.pending()])
            return
        [key] = world.named()
        assert key["hash"] == world.stored_hash() == real.result["key"]["hash"]
        assert key["disabled"] == suspended
        assert world.works(world.stored()) == (not suspended)
        assert world.file.stat().st_mode & 0o777 == 0o600
        if "limit" in task:
            assert key["limit"] == task["limit"]
        if "limit_reset" in task:
            assert key["limit_reset"] == (None if task["limit_reset"] == "never" else task["limit_reset"])
        if task["locked"] or task.get("pending_max_age") == 0:
            assert unused == [], "a provisional key was not swept"

    def finish(self) -> None:
        """There is always a way out: what a person is told to do gives the client one working key."""
        wanted = {"locked": True, "disabled": False, "lost_secret": "replace"}
        outcome = self.world.run(**wanted)
        if outcome.code == "foreign_secret":  # an old file came back
            self.event("file deleted")
        self.do("run", wanted)
        assert self.world.named() and self.world.works(self.world.stored())


def foretold(outcome: Outcome) -> t.Any:
    """What a run says it does, without the names that are made up anew each time."""
    if outcome.failed:
        return outcome.code
    actions = [
        (action["action"], action["hash"], re.sub(r"~retired-\w+", "~retired-", str(action.get("changes"))))
        for action in outcome.result["actions"]
    ]
    return actions, outcome.result["changed"], len(outcome.result["warnings"])


def shown(outcome: Outcome) -> Values:
    """The key's settings, as far as they are known."""
    key = outcome.result.get("key") or {}
    names = ("name", "disabled", "limit", "limit_reset", "include_byok_in_limit")
    return {name: key[name] for name in names if key.get(name) is not None}


@pytest.fixture(scope="module")
def tried() -> t.Iterator[t.Counter[str]]:
    counter: t.Counter[str] = collections.Counter()
    yield counter
    report(ROOT / "build" / "report.d", counter)


def report(directory: pathlib.Path, tried: t.Counter[str]) -> None:
    names = {
        "sequences": "sequences",
        "run": "undisturbed runs, each foretold by check mode and followed by a second one",
        "runs that changed something": "of these with a change",
        "answer": "runs with a fault of OpenRouter",
        "target": "runs with a fault of the target",
        "faults that were met": "of these two where the fault was met",
        "kill": "runs to be killed at a step",
        "kills that were met": "of these that were killed",
        "event": "interventions of people",
    }
    lines = ["## Property test of one key", "", "| tried | number |", "|---|--:|"]
    lines += [f"| {text} | {tried[name]} |" for name, text in names.items()]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "property-test.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


@settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(start=starts, operations=st.lists(operation, min_size=3, max_size=8))
def test_any_sequence(
    server: Server, tried: t.Counter[str], start: t.Callable[[World], t.Any], operations: list[tuple[t.Any, t.Any]]
) -> None:
    tried["sequences"] += 1
    world = World(server.control, server.root, server.provisioning_key)
    try:
        start(world)
        client = Client(world, tried)
        for what, run in operations:
            if what:
                client.do("event", what)
            client.do(*run)
        client.finish()
    finally:
        world.close()


def test_enough_was_tried(tried: t.Counter[str]) -> None:
    assert tried["sequences"] >= (EXAMPLES or 60)
    assert min(tried[name] for name in ("run", "answer", "target", "kill", "event")) > 20, tried
    assert tried["faults that were met"] > 20 and tried["kills that were met"] > 20, tried
