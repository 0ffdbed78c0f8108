# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many keys with the real ansible-playbook against the simulated OpenRouter."""

from __future__ import annotations

import collections
import math
import typing as t

import pytest

from tests.integration.openrouter_key.conftest import SECRET
from tests.integration.openrouter_keys.conftest import SECRETS_OF, Bulk


def clients(count: int, **fields: t.Any) -> list[dict[str, t.Any]]:
    return [{"name": f"client-{number:03}", "limit": 50, "limit_reset": "monthly", **fields} for number in range(count)]


def test_create_converge_and_repair_a_drift(stage: Bulk) -> None:
    count = 250
    checked = stage.keys(clients(count), "--check")
    assert len(checked.result["created"]) == count and stage.control.writes() == []
    created = stage.keys(clients(count))
    assert created.result["changed"] and not created.result["failed_entries"]
    assert created.result["actions"] == checked.result["actions"]
    assert stage.names() == [one["name"] for one in clients(count)]
    assert len(created.result["created"]) == count
    stage.assert_every_secret_is_there(created)
    assert not SECRET.search(created.output)

    stage.control.clear_journal()
    converged = stage.keys(clients(count))
    assert not converged.result["changed"] and len(converged.result["unchanged"]) == count
    calls = stage.control.journal()
    assert {call["method"] for call in calls} == {"GET"} and len(calls) <= math.ceil(count / 100) + 2

    drifted = stage.control.all_keys()[10:40:10]
    for key in drifted:
        stage.openrouter.patch_key(key["hash"], limit=999)
    stage.control.clear_journal()
    foreseen = stage.keys(clients(count), "--check", "--diff")
    assert stage.control.writes() == []
    repaired = stage.keys(clients(count), "--diff")
    expected = {key["hash"]: {"limit": 50.0} for key in drifted}
    assert {one["hash"]: one["changes"] for one in repaired.result["updated"]} == expected
    assert foreseen.result["updated"] == repaired.result["updated"]
    assert foreseen.result["diff"] == repaired.result["diff"]
    assert collections.Counter(method for method, _name, _status in stage.control.writes()) == {"PATCH": 3}
    assert repaired.result["diff"]["after"]["keys"].keys() == expected.keys()


def test_prune(stage: Bulk) -> None:
    used, *_rest = stage.control.plant_keys(["client-used", "client-unused", "somebody-elses"])
    stage.control.usage(used, 1.25)
    stage.keys(clients(2))
    refused = stage.keys(clients(2), prune=True)
    assert refused.result["failed"] and "name_prefix" in refused.result["msg"]
    assert "would delete every key" in stage.keys([], prune=True, name_prefix="client-").result["msg"]
    assert len(stage.names()) == 5

    foreseen = stage.keys(clients(2), "--check", prune=True, name_prefix="client-")
    assert len(stage.names()) == 5
    pruned = stage.keys(clients(2), prune=True, name_prefix="client-")
    assert [one["name"] for one in pruned.result["pruned"]] == ["client-unused"]
    assert pruned.result["pruned"] == foreseen.result["pruned"]
    left = [(one["name"], one["usage"], one["why"]) for one in pruned.result["left"]]
    assert left == [("client-used", 1.25, "has usage")]
    assert stage.names() == ["client-000", "client-001", "client-used", "somebody-elses"]
    assert not stage.keys(clients(2), prune=True, name_prefix="client-").result["changed"]

    stage.keys(clients(2), prune=True, prune_used=True, name_prefix="client-")
    assert stage.names() == ["client-000", "client-001", "somebody-elses"]


def test_what_fails_is_told_and_the_rest_is_done(stage: Bulk) -> None:
    stage.control.plant_keys(["client-004", "client-004"])
    stage.control.fault(kind="status", status=400, method="POST", name="client-002", times=None)
    stage.control.fault(kind="status", status=502, when="after", method="POST", name="client-005", times=1)
    stage.control.fault(kind="cut", when="after", method="PATCH", name="client-006", times=1)
    run = stage.keys(clients(10))
    assert run.result["failed"] and run.result["changed"]
    failed = {one["index"]: one["error"] for one in run.result["failed_entries"]}
    assert failed == {2: "rejected", 4: "duplicate_name"}
    assert run.result["msg"].startswith("2 of 10 entries failed. Everything else is done.")
    assert "api_keys[2] (client-002): " in run.result["msg"] and "api_keys[4] (client-004): " in run.result["msg"]
    assert len(run.result["created"]) == 8
    stage.assert_every_secret_is_there(run)
    assert not SECRET.search(run.output)

    stage.control.clear_faults()
    again = stage.keys([one for one in clients(10) if one["name"] != "client-004"])
    assert [one["name"] for one in again.result["created"]] == ["client-002"]
    assert collections.Counter(stage.names()) == {
        **{f"client-{number:03}": 1 for number in range(10)},
        "client-004": 2,
    }


def test_what_is_wrong_is_told_before_any_call(stage: Bulk) -> None:
    wrong = [{"name": "a", "limit": "x"}, {"name": "b"}, "c", {"nome": "d"}, {"name": "b"}]
    result = stage.keys(wrong, concurrency=0).result
    assert result["error"] == "invalid_option"
    for words in ("api_keys[0] (a)", "api_keys[2]", "api_keys[3]", "api_keys[1], api_keys[4]", "concurrency"):
        assert words in result["msg"]
    assert stage.control.journal() == []


@pytest.mark.parametrize("waiting", ["POST", "GET"])
def test_a_task_that_is_out_of_time_takes_back_its_keys(stage: Bulk, waiting: str) -> None:
    """The second one lists: the look for other runs, when all keys bear their names."""
    skip = {"POST": 5, "GET": 1}[waiting]
    stage.control.fault(kind="slow", seconds=4, method=waiting, path="^/keys$", skip=skip, times=None)
    task = {**stage.keys_task(clients(8), concurrency=2), "timeout": 2}
    run = stage.play(task)
    assert "timed out" in run.output.lower() or "timeout" in run.output.lower()
    assert [call["status"] for call in stage.control.journal(writes=True) if call["method"] == "POST"].count(201) >= 5
    assert stage.names() == []


def test_states_and_workspaces(stage: Bulk) -> None:
    workspace = stage.workspace("w")
    entries = [
        {"name": "a", "expires_at": "2030-01-01T00:00:00Z"},
        {"name": "b", "disabled": True},
        {"name": "c", "workspace_id": workspace, "include_byok_in_limit": True},
    ]
    stage.keys(entries)
    keys = {key["name"]: key for key in stage.control.all_keys()}
    assert keys["a"]["expires_at"].startswith("2030-01-01T00:00:00")
    assert keys["b"]["disabled"] and not keys["a"]["disabled"]
    assert keys["c"]["workspace_id"] == workspace != keys["a"]["workspace_id"]
    assert not stage.keys(entries).result["changed"]
    changed = stage.keys(
        [{"name": "a", "state": "disabled"}, {"name": "b", "state": "absent"}, {**entries[2], "limit": 1}]
    )
    assert len(changed.result["updated"]) == 2 and len(changed.result["deleted"]) == 1
    assert dict(stage.states()) == {"a": True, "c": False}


def test_group_defaults(stage: Bulk) -> None:
    play = {
        "module_defaults": {"group/mai.clients.openrouter": {"base_url": "http://127.0.0.1:9/nobody", "retries": 0}}
    }
    process = stage.start(stage.playbook(stage.keys_task(clients(1)), **play))
    _code, output = stage.finish(process)
    assert "127.0.0.1:9/nobody" in output


@pytest.mark.parametrize("callback", ["ansible.builtin.default", "ansible.posix.json"])
def test_nothing_leaks(stage: Bulk, callback: str) -> None:
    """At the highest verbosity, in created, partly failed, looped, check and diff runs."""
    some = {"name": "one of many", "mai.clients.openrouter_keys": {"api_keys": [{"name": "loop-{{ item }}"}]}}
    secrets_of_loop = "{{ others.results | map(attribute='created') | flatten | map(attribute='secret') | join(' ') }}"

    def save(content: str, name: str) -> dict[str, t.Any]:
        return {
            "ansible.builtin.copy": {"content": content, "dest": str(stage.target / name), "mode": "0600"},
            "diff": False,
        }

    tasks = [
        {**stage.keys_task(clients(3)), "check_mode": True},
        stage.keys_task(clients(5), provisioning_key=stage.openrouter.provisioning_key),
        save(SECRETS_OF, "bulk"),
        {**some, "loop": [1, 2], "register": "others"},
        save(secrets_of_loop, "loop"),
        {"block": [{**stage.keys_task([{"name": f"block-{n}"} for n in range(4)]), "ignore_errors": False}],
         "rescue": [save(SECRETS_OF.replace("it.", "ansible_failed_result."), "block")]},
    ]  # fmt: skip
    leaky = '{"error": {"code": 400, "message": "{authorization} {response}"}}'
    for name in ("client-003", "block-2"):
        stage.control.fault(kind="status", status=400, method="POST", when="after", name=name, body=leaky, times=1)
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
    secrets = [secret for name in ("bulk", "loop", "block") for secret in (stage.target / name).read_text().split()]
    assert len(secrets) == 4 + 2 + 3 and all(SECRET.fullmatch(secret) for secret in secrets)
    assert not SECRET.search(output)
    if callback == "ansible.builtin.default":  # what failed is to be seen, although the secrets hide the result
        assert "api_keys[3] (client-003): " in output
    kept = [path for path in stage.directory.rglob("*") if path.is_file() and stage.target not in path.parents]
    for path in kept:
        if not path.name.startswith("play"):  # in the playbook the provisioning key stands
            assert not SECRET.search(path.read_text(errors="replace")), path
