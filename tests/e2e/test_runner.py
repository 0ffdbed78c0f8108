# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way AWX runs it: ansible-runner on a private data directory, the provisioning key in an injected file."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import sys
import tempfile
import typing as t
import urllib.parse

import ansible_runner
import pytest

from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Project

SLUG = "from-awx"
# Answers of a survey that were left empty
EMPTY = {"openrouter_provisioning_key": "", "mai_billing_email": "", "replace_lost_key": "", "take_lock": ""}
# Everything that happens to a client after its onboarding, in this order, and the answers of its survey
OPERATIONS: dict[str, dict[str, str]] = {
    "set_limit": {"new_limit": "750", "remember": "false"},
    "suspend_client": {"keep_running": ""},
    "resume_client": {},
    "rotate_key": {"older_than_days": "", "carry_usage": "", "delete_old": ""},
    "upgrade_client": {"new_image": "", "when_idle": "", "canary": "", "idle_minutes": "", "continue": ""},
    "list_clients": {"fail_on": "down"},
    "client_info": {},
    "site": {"fail_on_drift": ""},
    "diagnose_client": {"paid_test": "", "disk_gib": "", "memory_mib": "", "fail_on_unknown": "", "json_file": ""},
    "offboard_client": {"confirm": SLUG, "purge_data": "", "host_lost": ""},
}


class Awx:
    """What AWX makes of a job: /runner, its inventory as a program, and the environment of the job."""

    def __init__(self, folder: pathlib.Path, project: Project, fleet: Fleet, image: Image) -> None:
        self.fleet = fleet
        self.folder = folder
        # A copy without .git, as AWX hands it to a job
        shutil.copytree(project.path, folder / "project", symlinks=True)
        host = fleet.host(SLUG)
        client = {**host.inventory(), "mai_client_name": "From AWX", "mai_port": 8601, "remote_tower_id": 7}
        client |= {"mai_image": image.name, "mai_image_pull": "never", "mai_admin_email": "admin@example.com"}
        client |= {"mai_usage_history": False}
        client |= {"mai_instance_api_base_url": fleet.openrouter.openrouter_like_url, "mai_monthly_limit": 500}
        other = {**client, "mai_port": 8602, "mai_client_name": "Another"}
        hosts = {SLUG: client, "another": other}
        inventory = {"mai_clients": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
        (folder / "inventory").mkdir()
        script = folder / "inventory" / "hosts"
        script.write_text(f"#!{sys.executable}\nprint({json.dumps(inventory)!r})\n")
        script.chmod(0o700)
        self.key_file = folder / "env" / "tmpkeyfile"
        self.key_file.parent.mkdir()
        self.key_file.write_text(fleet.openrouter.provisioning_key)
        self.key_file.chmod(0o600)

    def launch(
        self, verbosity: int = 0, options: str = "", playbook: str = "onboard_client", **answers: t.Any
    ) -> ansible_runner.Runner:
        (self.folder / "env" / "extravars").write_text(
            "".join(f"{name}: !unsafe {json.dumps(value)}\n" for name, value in answers.items())
        )
        programs = pathlib.Path(sys.executable).parent
        environment = {
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_UNSAFE_WRITES": "1",
            "HOME": str(self.folder),
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "AWX_HOST": "https://awx.example.com",
            "JOB_ID": "4711",
            "OPENROUTER_PROVISIONING_KEY": "",  # an optional field of the credential that was left empty
            "OPENROUTER_PROVISIONING_KEY_FILE": str(self.key_file),
            "OPENROUTER_BASE_URL": self.fleet.openrouter.url,
        }
        self.fleet.control.clear_journal()
        return ansible_runner.run(
            private_data_dir=str(self.folder),
            playbook=f"playbooks/{playbook}.yml",
            cmdline=f"-u root {options}",
            envvars=environment,
            verbosity=verbosity or None,
            quiet=True,
            suppress_env_files=True,
            settings={"suppress_output_file": True, "suppress_ansible_output": True},
        )


@pytest.fixture(scope="module")
def awx(
    new_fleet: t.Callable[..., Fleet], project: Project, ready_hosts: tuple[Host, Host], standin_image: Image
) -> t.Iterator[Awx]:
    fleet = new_fleet()
    fleet.put(SLUG, ready_hosts[0])
    # Sockets of SSH lie in it: a short path.
    with tempfile.TemporaryDirectory(prefix="awx-") as folder:
        yield Awx(pathlib.Path(folder), project, fleet, standin_image)


@pytest.fixture(scope="module")
def first(awx: Awx) -> ansible_runner.Runner:
    return awx.launch(4, client=SLUG, **EMPTY)


def said(runner: ansible_runner.Runner) -> str:
    return "".join(event["stdout"] for event in runner.events)


def test_a_job_onboards_the_client(awx: Awx, first: ansible_runner.Runner) -> None:
    assert (first.status, first.rc) == ("successful", 0), said(first)
    assert first.stats["changed"][SLUG] > 0
    assert awx.fleet.organization(SLUG)["name"] == "From AWX"
    assert awx.fleet.container(SLUG)["State"]["Running"]


def test_no_event_and_no_artifact_holds_a_secret(awx: Awx, first: ansible_runner.Runner) -> None:
    secrets = awx.fleet.secrets(SLUG)
    assert len(secrets) == 4
    events = list(first.events)
    assert len(events) > 100
    text = json.dumps(events, ensure_ascii=False)
    for path in (awx.folder / "artifacts").rglob("*"):
        # By design, the command's file holds the job's environment; AWX removes it.
        if path.is_file() and path.name != "command":
            text += path.read_text(errors="replace")
    for secret in secrets:
        forms = {
            secret,
            urllib.parse.quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode().rstrip("=")[:-2],
        }
        assert not [form for form in forms if form in text]


def test_a_second_job_changes_nothing(awx: Awx, first: ansible_runner.Runner) -> None:
    second = awx.launch(client="all", options=f"--limit {SLUG}", **EMPTY)
    assert second.rc == 0, said(second)
    assert second.stats["changed"] == {} and set(second.stats["ok"]) == {SLUG}
    assert awx.fleet.writes == []
    assert awx.fleet.control.keys_named("client-another") == []


def test_a_limit_without_the_client_is_an_error(awx: Awx, first: ansible_runner.Runner) -> None:
    none = awx.launch(client=SLUG, options="--limit another")
    assert none.rc != 0
    assert "--limit another leaves none of the clients named with client=from-awx" in " ".join(said(none).split())


def test_an_answer_that_looks_like_a_template_stays_text(awx: Awx, first: ansible_runner.Runner) -> None:
    refused = awx.launch(client="{{ lookup('env', 'HOME') }}")
    assert refused.rc != 0 and str(awx.folder) not in said(refused).rpartition("No client or group")[2][:80]


@pytest.mark.parametrize("playbook", OPERATIONS)
def test_every_operation_is_a_job(awx: Awx, first: ansible_runner.Runner, playbook: str) -> None:
    secrets = awx.fleet.secrets(SLUG)
    answers = {**EMPTY, **OPERATIONS[playbook]}
    job = awx.launch(playbook=playbook, client=SLUG, options=f"--limit {SLUG}", **answers)
    assert job.rc == 0, said(job)
    assert len(secrets) == 4
    text = json.dumps(list(job.events), ensure_ascii=False)
    assert not [secret for secret in {*secrets, *awx.fleet.secrets(SLUG)} if secret in text]
    if playbook == "set_limit":
        assert "NOT RECORDED: the next onboard/site run sets 500" in text


def test_the_last_operation_left_nothing(awx: Awx, first: ansible_runner.Runner) -> None:
    assert awx.fleet.control.keys_named(f"client-{SLUG}") == []
