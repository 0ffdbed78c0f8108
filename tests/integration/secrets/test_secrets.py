# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys made in every way, succeeding and failing, with everything switched on that shows or keeps something.

What Ansible hides changed with 2.19 (no_log no longer covers messages of failures), so the oldest and the installed
ansible-core both run this. The instance and its machine have a test of their own, over SSH (tests/e2e/test_secrets.py).
"""

from __future__ import annotations

import json
import pathlib
import sysconfig
import typing as t

import pytest

from tests.integration.openrouter_key.conftest import ROOT, SECRET, Stage

LOUD = {
    "ANSIBLE_DEBUG": "1",
    "ANSIBLE_KEEP_REMOTE_FILES": "1",
    "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
    "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
    "ANSIBLE_GATHERING": "explicit",
}
BULK = {"api_keys": [{"name": f"bulk-{number}", "limit": number} for number in range(1, 4)]}


def tolerated(name: str, **task: t.Any) -> dict[str, t.Any]:
    """A task that fails; its result is shown in full."""
    return {
        "name": name,
        "block": [{"name": name, "register": "failed", **task}],
        "rescue": [
            {"name": "What failed", "ansible.builtin.debug": {"var": "ansible_failed_result"}},
            {"name": "Registered", "ansible.builtin.debug": {"var": "failed"}},
        ],
    }


def tasks(stage: Stage) -> list[dict[str, t.Any]]:
    stored = {"secret_variables": ["OPENAI_API_KEY"]}

    def key(**options: t.Any) -> dict[str, t.Any]:
        return {"mai.clients.openrouter_key": options}

    def file(name: str) -> str:
        return str(stage.target / name)

    lost = str(stage.target / "lost.env")
    return [
        {"name": "One", "register": "one", **key(name="one", secret_file=file("one.env"), limit=5)},
        {"name": "Its result", "ansible.builtin.debug": {"var": "one"}},
        {"name": "Loop", "loop": ["a", "b"], **key(name="loop-{{ item }}", secret_file=file("{{ item }}.env"))},
        {"name": "In the result only", "register": "bare", **key(name="bare")},
        {"name": "In a loop, too", "register": "bares", "loop": ["c", "d"], **key(name="bare-{{ item }}")},
        {"name": "Many", "register": "many", "mai.clients.openrouter_keys": BULK},
        {"name": "All", "register": "all", "mai.clients.openrouter_key_info": {}},
        {"name": "Kept", "ansible.builtin.set_fact": {"known": "{{ all.api_keys }}", "cacheable": True}},
        {"name": "Account", "register": "account", "mai.clients.openrouter_account_info": {}},
        {"name": "Usage", "register": "usage", "mai.clients.openrouter_usage_info": {}},
        {"name": "Shown", "ansible.builtin.debug": {"msg": "{{ [all, account, usage] }}"}},
        {"name": "Loses", **key(name="lost", secret_file=lost, **stored)},
        {"name": "Lost", "ansible.builtin.file": {"path": lost, "state": "absent"}},
        tolerated("A lost secret", **key(name="lost", secret_file=lost, **stored)),
        tolerated("Refused by the target", **key(name="refused", secret_file=file("no/such/directory"))),
        tolerated("A foreign key", **key(name="other", secret_file=file("one.env"))),
        tolerated("Refused owner", **key(name="owner", secret_file=file("owner.env"), secret_owner="nobody-such")),
        tolerated("Not a key", **key(name="wrong", provisioning_key="{{ wrong }}")),
        tolerated("Not an option", **key(name="wrong", provisioning_key="{{ provisioning }}", limit="x")),
        tolerated("Refused by OpenRouter", **key(name="faulty", secret_file=file("faulty.env"))),
        tolerated("Many that are wrong", **{"mai.clients.openrouter_keys": {"api_keys": [{"name": ""}, {"x": 1}]}}),
    ]


@pytest.mark.parametrize("callback", ["ansible.builtin.default", "ansible.posix.json"])
def test_nothing_leaks(stage: Stage, callback: str) -> None:
    provisioning = stage.openrouter.provisioning_key
    leaky = '{"error": {"code": 400, "message": "{authorization} {response}"}}'
    stage.control.fault(kind="status", status=400, method="POST", when="after", name="faulty", body=leaky, times=1)
    # Its own site-packages hold ansible.posix; the other ansible-core takes it from there, too.
    collections = f"{ROOT / '.ansible' / 'collections'}:{sysconfig.get_path('purelib')}"
    environment = {
        **LOUD,
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_STDOUT_CALLBACK": callback,
        "ANSIBLE_LOG_PATH": str(stage.directory / "log"),
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(stage.directory / "facts"),
        "JUNIT_OUTPUT_DIR": str(stage.directory / "junit"),
    }
    # A secret that stands in a task itself, Ansible's junit callback writes down before the task runs.
    variables = {
        "provisioning": "{{ lookup('ansible.builtin.env', 'OPENROUTER_PROVISIONING_KEY') }}",
        "wrong": f"sk-or-v1-{'0' * 64}",
    }
    playbook = stage.playbook(*tasks(stage), vars=variables)
    said = ""
    for arguments in (["--check", "--diff"], ["--diff"]):
        code, output = stage.finish(stage.start(playbook, "-vvvv", *arguments, **environment))
        said += output
        assert "unreachable=1" not in output
        assert arguments[:1] == ["--check"] or code == 0, output[-3000:]
    if callback == "ansible.builtin.default":
        for reason in ("lost_secret", "store_refused", "foreign_secret", "not_a_management_key", "limit must be"):
            assert reason in said, reason
    assert stage.control.faults()[0]["hits"] == 1
    made = {key["name"] for key in stage.control.all_keys() if "~pending-" not in key["name"]}
    assert made == {"one", "loop-a", "loop-b", "bare", "bare-c", "bare-d", "bulk-1", "bulk-2", "bulk-3", "lost"}
    assert (stage.directory / "facts").is_dir() and list((stage.directory / "junit").glob("*.xml"))

    kept = [path for path in stage.directory.rglob("*") if path.is_file() and stage.target not in path.parents]
    texts = {"output": said, **{str(path): path.read_text(errors="replace") for path in kept if path != playbook}}
    assert len(texts) > 5
    for where, text in texts.items():
        found = SECRET.search(text)
        assert not found, f"{where}: …{text[max(0, found.start() - 300) : found.start()]}"
        assert provisioning not in text and json.dumps(provisioning)[1:-1] not in text, where
    secrets = [path.read_text() for path in stage.target.glob("*.env")]
    assert len(secrets) == 3 and all(SECRET.search(secret) for secret in secrets)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in stage.target.glob("*.env"))


def test_the_cores_differ(ansible_playbook: pathlib.Path) -> None:
    """What is called the oldest is that."""
    home = ansible_playbook.parent
    assert home == pathlib.Path(sysconfig.get_path("scripts")) or "ansible-core-2.19" in str(home)
