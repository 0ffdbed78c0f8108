# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-playbook against the simulated OpenRouter.

(What is decided, and every order of events: tests/unit/openrouter.)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import signal
import time
import typing as t

import pytest

from tests.hosts.project import descendants
from tests.integration.openrouter_key.conftest import NAME, SECRET, Stage

LIMIT = {"limit": 500, "limit_reset": "monthly"}


def test_from_nothing_to_unchanged_to_another_limit(stage: Stage) -> None:
    checked = stage.key(["--check", "--diff"], **LIMIT)
    assert checked.changed and stage.control.writes() == [] and not stage.file.exists()
    assert checked.result["key"]["limit"] == 500

    created = stage.key(["--diff"], **LIMIT)
    assert created.changed
    assert created.result["key"]["hash"] == stage.stored_hash() == created.result["secret_file"]["hash"]
    assert [action["action"] for action in created.result["actions"]] == [
        action["action"] for action in checked.result["actions"]
    ]
    assert not SECRET.search(created.output)
    stage.assert_converged()

    stage.control.clear_journal()
    inode = stage.file.stat().st_ino
    again = stage.each(stage.task(**LIMIT), {**stage.task(**LIMIT), "check_mode": True})
    assert [result["changed"] for result in again] == [False, False]
    assert stage.control.writes() == []
    assert stage.file.stat().st_ino == inode

    changed = stage.key(["--diff"], limit=250)
    assert changed.changed
    assert stage.control.writes() == [("PATCH", NAME, 200)]
    assert stage.control.journal(writes=True)[0]["request"] == {"limit": 250.0}
    before, after = (changed.result["diff"][side]["keys"][stage.stored_hash()] for side in ("before", "after"))
    assert (before["limit"], after["limit"], after["limit_reset"]) == (500.0, 250.0, "monthly")


def changes(results: list[dict[str, t.Any]]) -> list[bool]:
    return [result["changed"] for result in results]


def test_suspend_resume_and_remove(stage: Stage) -> None:
    disable, remove = stage.task(state="disabled"), stage.task(state="absent")
    assert changes(stage.each(stage.task(), disable, disable, stage.task())) == [True, True, False, False]
    assert stage.states() == [(NAME, True)]
    by_hash = {"mai.clients.openrouter_key": {"hash": stage.stored_hash(), "limit": 3}}
    back = stage.each(stage.task(disabled=False), by_hash, remove, remove)
    assert changes(back) == [True, True, True, False]
    assert (back[0]["key"]["disabled"], back[1]["key"]["limit"]) == (False, 3)
    assert stage.states() == []


def test_lost_secret(stage: Stage) -> None:
    first = stage.key(**LIMIT).result["key"]["hash"]
    stage.file.unlink()
    unused = stage.task(lost_secret="replace_unused")
    refused, foreseen, replaced = stage.each(stage.task(), {**unused, "check_mode": True}, unused)
    assert refused["error"] == "lost_secret"
    assert first in refused["msg"]
    assert foreseen["changed"] and replaced["replaced"] == [first]
    assert replaced["key"]["limit"] == 500
    stage.assert_converged()

    stage.control.usage(stage.stored_hash(), 1.5)
    stage.file.write_text("OPENAI_API_KEY=sk-or-v1-somebody-elses\n")
    refused, replaced = stage.each(unused, stage.task(lost_secret="replace"))
    assert (refused["failed"], refused["usage"]) == (True, 1.5)
    assert replaced["changed"]
    stage.assert_converged()
    assert sorted(disabled for _name, disabled in stage.states()) == [False, True, True]


def test_file_that_is_not_as_asked_is_repaired(stage: Stage) -> None:
    stage.key()
    secret = stage.stored()
    stage.file.write_text(f"OPENROUTER_API_KEY={secret}\n")
    stage.file.chmod(0o644)
    stage.control.clear_journal()
    assert stage.key(["--check"]).changed and stage.file.stat().st_mode & 0o777 == 0o644
    owned = stage.task(secret_owner="root")
    assert changes(stage.each(owned, owned)) == [True, False]
    assert stage.stored() == secret
    stage.assert_converged()
    assert stage.control.writes() == []


def test_duplicates_are_named(stage: Stage) -> None:
    stage.control.plant_keys([NAME, NAME])
    refused = stage.key()
    assert refused.result["error"] == "duplicate_name"
    assert all(key["hash"] in refused.result["msg"] for key in stage.control.all_keys())


def test_secret_without_a_file(stage: Stage) -> None:
    """It is hidden from all output, and can be used by the next task."""
    run = stage.play(
        {"mai.clients.openrouter_key": {"name": NAME}, "register": "it"},
        {"ansible.builtin.copy": {"content": "{{ it.secret }}", "dest": str(stage.file), "mode": "0600"}},
        {"mai.clients.openrouter_key": {"name": NAME}},
        arguments=["-vvv", "--diff"],
    )
    assert run.code == 0
    written = stage.file.read_text()
    assert SECRET.fullmatch(written)
    assert run.result["changed"] is False


def test_info(stage: Stage) -> None:
    other = {"name": "other"}
    suspended = {**other, "state": "disabled"}
    stage.each(stage.task(**LIMIT), *({"mai.clients.openrouter_key": options} for options in (other, suspended)))
    asked: list[tuple[dict[str, t.Any], list[str]]] = [
        ({}, [NAME, "other"]),
        ({"include_disabled": False}, [NAME]),
        ({"name": "other"}, ["other"]),
        ({"hash": stage.stored_hash()}, [NAME]),
        ({"hash": "0" * 64}, []),
        ({"name": "nobody"}, []),
    ]
    told = stage.each(
        *({"mai.clients.openrouter_key_info": options} for options, _names in asked), arguments=["--check"]
    )
    assert not any(changes(told))
    assert [sorted(key["name"] for key in one["api_keys"]) for one in told] == [names for _options, names in asked]


def test_workspaces(stage: Stage) -> None:
    """A key is made in one, moved to another, found for one listing; and no second one is made beside it."""
    large, small = (stage.workspace(name) for name in ("large", "small"))
    assert stage.key(workspace_id=large, **LIMIT).result["key"]["workspace_id"] == large
    stage.assert_converged()
    stage.control.clear_journal()
    assert not stage.key(workspace_id=large, **LIMIT).changed
    [call] = stage.control.journal()
    assert call["method"] == "GET" and f"workspace_id={large}" in call["query"]

    stage.control.clear_journal()
    places: list[dict[str, str]] = [{"workspace_id": small}, {}, {"workspace_id": "nowhere"}]
    moved, left, refused = stage.each(*(stage.task(**place) for place in places))
    assert (moved["changed"], left["changed"]) == (True, False)
    assert (refused["error"], refused["status"]) == ("not_found", 404)
    assert stage.control.writes() == [("PATCH", NAME, 200)]
    assert [key["workspace_id"] for key in stage.control.all_keys()] == [small]

    stage.play({"mai.clients.openrouter_key": {"name": NAME}})
    stage.file.rename(stage.target / "away")
    refused = stage.key(workspace_id=small, lost_secret="replace")
    assert refused.result["error"] == "duplicate_name"
    assert all(f"in workspace {key['workspace_id']}" in refused.result["msg"] for key in stage.control.all_keys())
    assert len(stage.control.all_keys()) == 2


def test_expired_key_is_found_and_not_made_again(stage: Stage) -> None:
    stage.control.set_clock("2026-01-01T00:00:00Z")
    stage.key(expires_at="2026-02-01T00:00:00Z")
    stage.control.set_clock("2026-03-01T00:00:00Z")
    stage.control.clear_journal()
    for result in stage.each(stage.task(), stage.task(secret_file="")):
        assert not result["changed"]
        assert "rotate the key" in result["warnings"][0]
    stage.file.rename(stage.target / "away")
    assert stage.key().result["error"] == "lost_secret"
    assert stage.control.writes() == []
    assert len(stage.control.all_keys()) == 1


@pytest.mark.parametrize(
    ("method", "when", "late", "reached", "how"),
    [
        ("POST", "before", True, "created", signal.SIGKILL),
        ("POST", "after", False, "created", signal.SIGTERM),
        ("PATCH", "before", False, "stored", signal.SIGKILL),
        ("PATCH", "before", True, "committed", signal.SIGKILL),
    ],
)
def test_killed(stage: Stage, method: str, when: str, late: bool, reached: str, how: signal.Signals) -> None:
    """Before or after a request took effect; or it is on its way and takes effect late.

    (At every step: tests/unit/openrouter/test_apply.py, and of a whole onboarding, tests/integration/onboarding.)
    """
    fault = stage.control.fault(kind="hold", method=method, when=when)
    process = stage.start(stage.playbook(stage.task()))
    stage.control.wait_until_held(fault)
    stage.kill(process, how)
    if late:
        stage.control.clear_faults()
    else:
        stage.openrouter.stop()  # the request that waits is dropped
        stage.openrouter.start()
    assert stage.file.exists() == (reached in ("stored", "committed"))
    again = stage.key(locked=True)
    expected = {
        "created": ["create", "commit", "delete"],
        "stored": ["commit"],
        "committed": [],
    }
    assert [action["action"] for action in again.result["actions"]] == expected[reached]
    stage.assert_converged()


@pytest.mark.parametrize("first", ["the dead run's", "the next run's"])
def test_killed_while_the_target_stores(stage: Stage, first: str) -> None:
    """The command on the target goes on without its controller, and stores before or after the next run does."""
    with contextlib.ExitStack() as late:
        directory = os.open(stage.target, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            dead = stage.start(stage.playbook(stage.task()))
            until(lambda: waiting_for(stage.target) == 1)
            controller = {pid: name_of(pid) for pid in [dead.pid, *descendants(dead.pid)]}
            [waits] = [pid for pid, name in controller.items() if name == "flock"]
            for pid, name in controller.items():
                if name not in ("sh", "flock"):
                    os.kill(pid, signal.SIGKILL)
            [provisional] = stage.control.all_keys()
            if first == "the next run's":
                os.kill(waits, signal.SIGSTOP)
                late.callback(os.kill, waits, signal.SIGCONT)
                until(lambda: waiting_for(stage.target) == 0)
            locked = stage.start(stage.playbook(stage.task(locked=True)))
            # It has seen that nothing is stored, and the dead run's key that nobody uses.
            until(lambda: waiting_for(stage.target) == (1 if first == "the next run's" else 2))
            if first == "the dead run's":  # nobody else decides who of two gets the lock
                [behind] = [pid for pid in descendants(locked.pid) if name_of(pid) == "flock"]
                os.kill(behind, signal.SIGSTOP)
                until(lambda: waiting_for(stage.target) == 1)
        finally:
            os.close(directory)
        if first == "the dead run's":
            until(lambda: not pathlib.Path(f"/proc/{waits}").exists())
            os.kill(behind, signal.SIGCONT)
        code, output = stage.finish(locked)
    until(lambda: not pathlib.Path(f"/proc/{waits}").exists())
    dead.communicate(timeout=30)
    assert code == 0, output
    assert (stage.stored_hash() == provisional["hash"]) == (first == "the dead run's")
    stage.assert_converged()
    assert not stage.key(locked=True).changed
    stage.assert_converged()


def until(condition: t.Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def waiting_for(directory: pathlib.Path) -> int:
    """How many processes wait for the lock of this directory."""
    inode = f":{directory.stat().st_ino}"
    lines = [line.split() for line in pathlib.Path("/proc/locks").read_text().splitlines()]
    return sum("->" in words and any(word.endswith(inode) for word in words) for words in lines)


def name_of(pid: int) -> str:
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_connection_cut_while_storing(stage: Stage, cut: str) -> None:
    run = stage.key(environment={"connection": "cut_local", "TEST_CUT": cut})
    assert run.code == 2
    assert run.result["error"] == "store_unknown"
    assert "Interrupted" not in run.output
    [pending] = stage.control.all_keys()
    assert pending["name"] in run.result["msg"]
    assert run.result["pending_left"][0]["hash"] == pending["hash"]
    again = stage.key(locked=True)
    assert [action["action"] for action in again.result["actions"]] == (
        ["commit"] if cut == "after" else ["create", "commit", "delete"]
    )
    stage.assert_converged()


def test_time_limit_of_the_task(stage: Stage) -> None:
    stage.control.fault(kind="hold", method="POST", when="after")
    run = stage.play({**stage.task(), "timeout": 3})
    stage.control.clear_faults()
    assert run.code == 2
    [pending] = stage.control.all_keys()
    assert "Interrupted while the key was made" in run.output
    assert pending["name"] in run.output
    assert stage.key(locked=True).changed
    stage.assert_converged()


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("POST", "cut"),
        ("GET", "status"),
        ("PATCH", "hang"),
    ],
)
def test_answers_that_get_lost(stage: Stage, method: str, kind: str) -> None:
    """(All kinds: tests/faults, and tests/unit/openrouter/test_hostile_http.py.)"""
    when = "after" if method != "GET" else "before"
    stage.control.fault(kind=kind, method=method, when=when)
    assert stage.key(timeout=1).changed
    stage.assert_converged()


def test_definite_refusals_of_the_target(stage: Stage) -> None:
    missing = stage.task(secret_file=str(stage.target / "missing" / "api_key.env"))
    refused, foreseen, unowned = stage.each(
        missing, {**missing, "check_mode": True}, stage.task(secret_owner="nobody-of-that-name")
    )
    assert (refused["error"], "does not exist" in refused["msg"]) == ("store_refused", True)
    assert foreseen["changed"]
    assert unowned["error"] == "store_refused"
    # Of the last one alone: for the first one nothing was made
    assert [method for method, _name, _status in stage.control.writes()] == ["POST", "DELETE"]
    assert stage.states() == []


def test_unreachable_target_creates_nothing(stage: Stage) -> None:
    host = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    run = stage.play({**stage.task(), "vars": host}, connection="ssh")
    assert run.code == 4
    assert stage.control.writes() == []


def test_what_cannot_work_is_refused(stage: Stage) -> None:
    secret = "sk-or-v1-" + "5" * 64
    refused = stage.play({**stage.task(), "environment": {"OPENROUTER_PROVISIONING_KEY": secret}}, arguments=["-vvvv"])
    assert (refused.result["error"], secret in refused.result["msg"]) == ("invalid_option", False)
    assert "environment" in refused.result["msg"]
    in_the_background, nowhere, nonsense = stage.each(
        {**stage.task(), "async": 10, "poll": 1},
        stage.task(base_url="http://127.0.0.1:1/api/v1", retries=0),
        stage.task(nonsense=1),
    )
    assert in_the_background["failed"] and "async" in in_the_background["msg"]
    assert nowhere["error"] == "unreachable"
    assert "nonsense" in nonsense["msg"]
    assert stage.key(environment={"OPENROUTER_PROVISIONING_KEY": ""}).result["error"] == "invalid_option"
    assert stage.key(environment={"OPENROUTER_PROVISIONING_KEY": secret}).result["status"] in (401, 403)
    assert stage.control.writes() == []


def test_group_defaults(stage: Stage) -> None:
    defaults = {"group/mai.clients.openrouter": {"provisioning_key": stage.openrouter.provisioning_key}}
    run = stage.play({**stage.task(), "module_defaults": defaults}, OPENROUTER_PROVISIONING_KEY="")
    assert run.changed


def secrets_in(text: str, stage: Stage, secrets: t.Iterable[str]) -> list[str]:
    return [secret[:12] for secret in (*secrets, stage.openrouter.provisioning_key) if secret in text]


@pytest.mark.parametrize("callback", ["ansible.builtin.default", "ansible.posix.json"])
def test_nothing_leaks(stage: Stage, callback: str) -> None:
    """At the highest verbosity, in failures, in loops, with everything kept that can be kept."""
    tasks = [
        stage.task(**LIMIT, provisioning_key=stage.openrouter.provisioning_key),
        {**stage.task(limit="{{ item }}"), "loop": [1, 2]},
        {"mai.clients.openrouter_key": {"name": "{{ item }}"}, "loop": ["one", "two"], "register": "others"},
        {**stage.task(secret_owner="nobody-of-that-name"), "ignore_errors": True},
        {**stage.task(limit=7), "ignore_errors": True},
        {**stage.task(name="three", secret_file=str(stage.target / "three.env")), "ignore_errors": True},
        {"ansible.builtin.copy": {"content": "{{ others.results | map(attribute='secret') | join(' ') }}",
                                  "dest": str(stage.target / "others"), "mode": "0600"}, "diff": False},
    ]  # fmt: skip
    leaky = '{"error": {"code": 400, "message": "{authorization} {response}"}}'
    stage.control.fault(kind="status", status=400, method="POST", when="after", body=leaky, skip=3, times=1)
    process = stage.start(
        stage.playbook(*tasks),
        "-vvvv",
        "--diff",
        ANSIBLE_STDOUT_CALLBACK=callback,
        ANSIBLE_DEBUG="1",
        ANSIBLE_KEEP_REMOTE_FILES="1",
        ANSIBLE_LOG_PATH=str(stage.directory / "log"),
    )
    code, output = stage.finish(process)
    assert code == 0, output[-3000:]
    others = (stage.target / "others").read_text().split()
    secrets = [stage.stored(), *others]
    assert len(secrets) == 3 and all(SECRET.fullmatch(secret) for secret in secrets)
    assert secrets_in(output, stage, secrets) == []
    assert not SECRET.search(output)
    kept = [path for path in stage.directory.rglob("*") if path.is_file() and stage.target not in path.parents]
    for path in kept:
        if not path.name.startswith("play"):  # in the playbook the provisioning key stands
            assert secrets_in(path.read_text(errors="replace"), stage, secrets) == [], path


def command_lines() -> set[str]:
    lines = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.add(path.read_bytes().decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return lines


def test_no_secret_in_command_lines_while_it_is_stored(stage: Stage) -> None:
    directory = os.open(stage.target, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        process = stage.start(stage.playbook(stage.task()))
        seen: set[str] = set()
        end = time.monotonic() + 30
        while not any("flock" in line and "mai: " in line for line in seen):
            assert time.monotonic() < end
            seen |= command_lines()
            time.sleep(0.05)
    finally:
        os.close(directory)
    assert stage.finish(process)[0] == 0
    assert not secrets_in("\n".join(seen), stage, [stage.stored()])


def test_one_listing_for_a_whole_play(stage: Stage) -> None:
    names = [f"client-{number}" for number in range(6)]

    def every(**more: t.Any) -> dict[str, t.Any]:
        file = f"{stage.target}/{{{{ item }}}}.env"
        return {"mai.clients.openrouter_key": {"name": "{{ item }}", "secret_file": file, **more}, "loop": names}

    assert stage.play(every()).changed
    stage.control.clear_journal()
    assert not stage.play(every()).changed
    assert [call["method"] for call in stage.control.journal()] == ["GET"]
