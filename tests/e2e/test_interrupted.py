# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the host is cut, or the controller dies, at any moment; the next run makes it good.

Each case interrupts the run of a client of its own, all on one machine. Then one run takes all of them to their end,
and another one changes nothing. (More moments, without a host: tests/integration/onboarding.)
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import signal
import time
import typing as t

import pytest

from tests.e2e.fleet import ONBOARDING, Fleet
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Result, Run
from tests.openrouter_simulator import Simulator

WAIT = "Wait until the instance is up"
ROW = "The client's record in the instance's database"
HAND_OVER = "Keep the record on the machine"
STORE = "store"

# slug: (where its run stands: a request to OpenRouter, the storing of the key, or a task, before it; what happens)
CASES: dict[str, tuple[t.Any, str]] = {
    "cut-before-create": (("POST", "before"), "cut"),
    "cut-created": (("POST", "after"), "cut"),
    "cut-storing": (STORE, "cut"),
    "cut-stored": (("PATCH", "before"), "cut"),
    "cut-committed": (("PATCH", "after"), "cut"),
    "cut-starting": (WAIT, "cut"),
    "cut-before-row": (ROW, "cut"),
    "cut-before-hand-over": (HAND_OVER, "cut"),
    "kill-created": (("POST", "after"), "kill"),
    "kill-starting": (WAIT, "kill"),
}
ALL = ",".join(CASES)


class Held(t.NamedTuple):
    """A run that stands at its place."""

    run: Run
    go_on: t.Callable[[], None]


@contextlib.contextmanager
def cut_off(host: Host) -> t.Iterator[None]:
    """No SSH, neither what there was nor anything new."""
    host.exec("systemctl", "stop", "ssh.service")
    sessions = host.exec("pgrep", "--full", "^sshd", check=False).stdout.split()
    if sessions:
        host.exec("kill", "-9", *sessions, check=False)
    try:
        yield
    finally:
        host.exec("systemctl", "start", "ssh.service")


def wait_for(what: t.Callable[[], t.Any], run: Run, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert run.process.poll() is None and time.monotonic() < deadline, run.output()
        time.sleep(0.1)


def hold_at_task(
    fleet: Fleet, slug: str, task: str, folder: pathlib.Path, *arguments: str, playbook: str = ONBOARDING
) -> Held:
    file = folder / slug
    plugins = REPOSITORY / "tests" / "kit" / "callback_plugins"
    hold = {"HOLD_AT": task, "HOLD_FILE": str(file), "ANSIBLE_CALLBACK_PLUGINS": str(plugins)}
    run = fleet.start(slug, *arguments, playbook=playbook, **hold)
    wait_for(file.exists, run)
    return Held(run, file.unlink)


def hold_at_request(fleet: Fleet, slug: str, method: str, when: str) -> Held:
    control = fleet.control
    fault = control.fault(kind="hold", method=method, when=when, name=f"client-{slug} ~pending-")
    run = fleet.start(slug)
    control.wait_until_held(fault, 120)
    # It stands still: in time, it would give the request up.
    run.signal_all(signal.SIGSTOP)

    def go_on() -> None:
        control.release(fault)
        time.sleep(0.5)  # the answer is there when it wakes up
        run.signal_all(signal.SIGCONT)

    return Held(run, go_on)


def hold_at_store(fleet: Fleet, slug: str) -> Held:
    """The command on the host that stores the key waits for the directory's lock."""
    held, host = hold_at_request(fleet, slug, "POST", "after"), fleet.host(slug)
    directory = fleet.directory(slug)
    host.exec("sh", "-c", f"setsid flock {directory} sleep 600 > /dev/null 2>&1 & echo $! > /run/{slug}.pid; sleep 0.2")
    held.go_on()
    wait_for(lambda: host.exec("pgrep", "--full", "^flock -w 30", check=False).stdout, held.run, 30)

    def go_on() -> None:
        host.exec("sh", "-c", f"kill -- -$(cat /run/{slug}.pid)")

    return Held(held.run, go_on)


def hold(fleet: Fleet, slug: str, where: t.Any, folder: pathlib.Path) -> Held:
    if where == STORE:
        return hold_at_store(fleet, slug)
    if isinstance(where, str):
        return hold_at_task(fleet, slug, where, folder)
    return hold_at_request(fleet, slug, *where)


def patience(slug: str) -> int:
    """The order in which they are held: a task waits for ever, a request for a minute, the host's own lock for half."""
    where = CASES[slug][0]
    return 2 if where == STORE else 0 if isinstance(where, str) else 1


class Story(t.NamedTuple):
    fleet: Fleet
    interrupted: dict[str, Result]
    left: list[str]
    """Names of the keys after the interruptions."""
    deleted: list[str]
    second: Result


@pytest.fixture(scope="module")
def story(
    new_fleet: t.Callable[..., Fleet],
    simulator: Simulator,
    ready_hosts: tuple[Host, Host],
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    fleet = new_fleet(mai_admin_email="admin@example.com")
    host, folder = ready_hosts[1], tmp_path_factory.mktemp("holds")
    for port, slug in enumerate(CASES, start=8301):
        fleet.put(slug, host, mai_port=port, mai_extra_env={"STANDIN_STARTUP_DELAY": "1"})
    held = {slug: hold(fleet, slug, CASES[slug][0], folder) for slug in sorted(CASES, key=patience)}
    with cut_off(host):
        interrupted = {}
        for slug, (run, go_on) in held.items():
            if CASES[slug][1] == "kill":
                run.signal_all(signal.SIGKILL)
            go_on()
        for slug, (run, _go_on) in held.items():
            interrupted[slug] = run.wait(120)
    simulator.control.clear_faults()
    left = [key["name"] for slug in CASES for key in simulator.control.keys_named(f"client-{slug}")]
    fleet.run(ALL)
    deleted = [str(name) for method, name, _status in fleet.writes if method == "DELETE"]
    return Story(fleet, interrupted, left, deleted, fleet.run(ALL))


def test_a_cut_connection_is_said_to_be_one(story: Story) -> None:
    for slug, result in story.interrupted.items():
        if CASES[slug][1] == "cut":
            assert result.stats[slug]["unreachable"] + result.stats[slug]["failed"] > 0, result.output
            assert "UNREACHABLE" in result.said or "is not known" in result.said
        else:
            assert result.rc == -signal.SIGKILL


def test_what_the_interruptions_left(story: Story) -> None:
    pending = {name.split(" ~pending-")[0].removeprefix("client-") for name in story.left if "~pending-" in name}
    places = {slug for slug, (where, _how) in CASES.items() if where == STORE or where[0] == "POST"}
    # What was cut off before its secret was stored, or while it was; all others had their name.
    assert pending == places
    assert {name for name in story.left if "~pending-" not in name} == {
        f"client-{slug}" for slug in set(CASES) - places
    }


def test_only_keys_that_nobody_holds_were_deleted(story: Story) -> None:
    assert set(story.deleted) <= {name for name in story.left if "~pending-" in name}


@pytest.mark.parametrize("slug", CASES)
def test_the_next_run_takes_it_to_its_end(story: Story, slug: str) -> None:
    fleet = story.fleet
    key, secret = fleet.only_key(slug), fleet.secret(slug)
    assert (key["name"], key["disabled"]) == (f"client-{slug}", False)
    assert key["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert fleet.openrouter.works(secret)
    assert fleet.environment(slug)["OPENROUTER_API_KEY"] == secret
    assert fleet.organization(slug)["openrouter_api_key"] == secret
    listing = fleet.sh(slug, f"stat -c '%a %n' {fleet.directory(slug)}/.[!.]* {fleet.directory(slug)}/*.env")
    assert f"600 {fleet.directory(slug)}/api_key.env" in listing.splitlines()
    assert ".mai-" not in listing.replace("/.mai-clients", "")
    assert story.second.stats[slug]["changed"] == 0, story.second.output


def test_the_last_run_wrote_nothing_to_openrouter(story: Story) -> None:
    assert story.fleet.writes == []
