# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx_setup.yml makes a controller ready, driven by the real modules of awx.awx, against an imitation of the API."""

from __future__ import annotations

import json
import pathlib
import typing as t

import httpx
import pytest

from scripts import awx_acceptance
from tests.awx_imitation import Awx
from tests.awx_imitation.collection import collections
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project, Result, start_playbook

KEY = "sk-or-v1-canary-of-the-provisioning-key"
OTHER_KEY = "sk-or-v1-canary-of-another-key"
SETTINGS = {
    "mai_awx_organization": "Agency",
    "mai_awx_execution_environment_image": "your-registry.example.com/mai-clients-ee",
    "mai_awx_project_url": "https://git.example.com/agency/mai.git",
    "mai_awx_machine_credential": "Machines",
    "mai_awx_controller_credential": "This controller",
    "mai_awx_operator_teams": ["Operators"],
    "mai_awx_owner_users": ["anna"],
}


class Setup:
    """A controller on which somebody has made what is his, and runs of the playbook against it."""

    def __init__(self, awx: Awx, folder: pathlib.Path) -> None:
        self.awx = awx
        self._project = Project(REPOSITORY, folder / "ansible")
        organization = awx.add("organizations", name="Agency", description="Made by hand")
        types = {one["name"]: one["id"] for one in awx.all("credential_types")}
        own = {"Machines": "Machine", "This controller": "Red Hat Ansible Automation Platform"}
        for name, kind in own.items():
            awx.add("credentials", name=name, organization=organization, credential_type=types[kind])
        awx.add("teams", name="Operators", organization=organization)
        awx.add("users", username="anna")

    def run(self, *arguments: str, key: str = KEY, token: bool = True, **settings: t.Any) -> Result:
        given = json.dumps({**SETTINGS, **settings})
        environment = {
            **self.awx.environment(token),
            "OPENROUTER_PROVISIONING_KEY": key,
            "ANSIBLE_COLLECTIONS_PATH": f"{collections()}:{REPOSITORY / '.ansible' / 'collections'}",
        }
        run = start_playbook(self._project, "playbooks/awx_setup.yml", "-e", given, *arguments, env=environment)
        return run.wait(300)


@pytest.fixture
def setup(awx: Awx, tmp_path: pathlib.Path) -> Setup:
    return Setup(awx, tmp_path)


def test_a_controller_is_made_ready_and_stays_so(setup: Setup) -> None:
    awx = setup.awx
    outputs = []

    foreseen = setup.run("--check")
    outputs.append(foreseen)
    assert foreseen.rc == 0, foreseen.output
    assert "would make job template mAI: Onboard a client" in foreseen.said
    assert awx.writes == []

    # Signs in with a password: one token for all of it, which is gone in the end
    first = setup.run("-vvv", token=False)
    outputs.append(first)
    assert first.rc == 0, first.output
    assert first.total("changed") > 10
    assert [one.method for one in awx.requests if one.path.startswith("/api/v2/tokens/")] == ["POST", "DELETE"]
    assert [one for one in awx.requests if one.status >= 400] == []
    assert awx.one("organizations", "Agency")["description"] == "Made by hand"
    _is_ready(awx)

    made = len(awx.writes)
    second = setup.run(key="")
    outputs.append(second)
    assert (second.rc, second.total("changed")) == (0, 0), second.output
    assert len(awx.writes) == made

    # Somebody changes things by hand, and the key is to be replaced
    template = awx.one("job_templates", "mAI: Onboard a client")
    with awx.lock:
        awx.controller.change("job_templates", awx.controller.store.get("job_templates", template["id"]), {"forks": 50})
        awx.controller.store.surveys["job_templates", template["id"]]["spec"][0]["question_name"] = "Who?"
    repaired = setup.run("-e", "mai_awx_update_secrets=true", key=OTHER_KEY, mai_awx_approval=True)
    outputs.append(repaired)
    assert repaired.rc == 0, repaired.output
    assert awx.survey("mAI: Onboard a client")["spec"][0]["question_name"] == "Client"
    assert awx.one("job_templates", "mAI: Onboard a client")["forks"] == 50  # nothing of ours
    assert awx.secret("mAI: OpenRouter")["provisioning_key"] == OTHER_KEY
    nodes = {one["identifier"]: one for one in awx.all("workflow_job_template_nodes")}
    assert nodes["approval"]["success_nodes"] == [nodes["onboard"]["id"]]

    for output in outputs:
        assert KEY not in output.output and OTHER_KEY not in output.output
    sent = {one.path.split("/")[3] for one in awx.requests if KEY in one.body + one.query or OTHER_KEY in one.body}
    assert sent == {"credentials"}


def _is_ready(awx: Awx) -> None:
    assert awx.secret("mAI: OpenRouter") == {"provisioning_key": KEY, "base_url": ""}
    injectors = awx.one("credential_types", "OpenRouter provisioning key")["injectors"]
    assert injectors["env"]["OPENROUTER_PROVISIONING_KEY_FILE"] == "{{ tower.filename }}"
    templates = {one["name"]: one for one in awx.all("job_templates")}
    playbooks = {f"playbooks/{path.name}" for path in (REPOSITORY / "playbooks").glob("*.yml")}
    there = {one["playbook"] for one in templates.values()}
    # One is a menu, the other writes an inventory that is kept in the repository
    assert playbooks - there == {"playbooks/console.yml", "playbooks/new_client.yml"}
    onboard = templates["mAI: Onboard a client"]
    assert {one["name"] for one in onboard["summary_fields"]["credentials"]} == {"mAI: OpenRouter", "Machines"}
    nodes = {one["identifier"]: one for one in awx.all("workflow_job_template_nodes")}
    assert nodes["onboard"]["success_nodes"] == [nodes["verify"]["id"]]
    assert nodes["onboard"]["failure_nodes"] == [nodes["diagnose"]["id"]]
    assert {one["name"] for one in awx.all("schedules")} == {
        "mAI: Drift report, every night",
        "mAI: Verify backups, every week",
        "mAI: Alarms, every morning",
    }
    settings = json.loads(templates["mAI: Set up this controller"]["extra_vars"])
    assert settings["mai_awx_project_url"] == SETTINGS["mai_awx_project_url"]
    store = awx.controller.store
    [team] = [one["id"] for one in awx.all("teams")]
    may = {
        store.roles[role]
        for (role, who), members in awx.controller.granted.items()
        if team in members and who == "teams"
    }
    assert {role for _kind, _number, role in may} == {"execute_role"}
    assert ("job_templates", templates["mAI: Set up this controller"]["id"], "execute_role") not in may
    # As scripts/awx_acceptance.py does on a real one
    with httpx.Client(base_url=f"{awx.url}/api/v2/", headers={"Authorization": f"Bearer {awx.token}"}) as api:
        rows = awx_acceptance.launch_all(api, "mAI: ", "company-abc")
    assert {row["template"] for row in rows} == set(templates)
    assert {row["status"] for row in rows} == {"successful"}
    read = {row["template"] for row in rows if row["as"] == "run"}
    assert read == {"mAI: List the clients", "mAI: Everything about a client", "mAI: Diagnose a client"}


def test_a_project_that_could_not_be_synced_is_synced_by_the_next_run(setup: Setup) -> None:
    awx = setup.awx
    few = {"mai_awx_schedules": [], "mai_awx_operator_teams": [], "mai_awx_owner_users": []}
    awx.controller.syncs_fail = True
    failed = setup.run(**few)
    assert failed.rc == 2
    assert "could not read the project mAI: mai.clients from git" in failed.said
    assert awx.all("job_templates") == []
    awx.controller.syncs_fail = False
    foreseen = setup.run("--check", **few)
    assert "would sync project mAI: mai.clients: its last sync is: failed" in foreseen.said


@pytest.mark.parametrize(
    ("environment", "settings", "words"),
    [
        ({"CONTROLLER_HOST": ""}, {}, "it is not known where AWX is (CONTROLLER_HOST)"),
        ({"OPENROUTER_PROVISIONING_KEY": ""}, {}, "No provisioning key was given"),
        ({}, {"mai_awx_projct_url": "x"}, "did you mean mai_awx_project_url"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_made(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], settings: dict[str, t.Any], words: str
) -> None:
    usual = setup.awx.environment
    monkeypatch.setattr(setup.awx, "environment", lambda token=True: {**usual(token), **environment})
    refused = setup.run(key=environment.get("OPENROUTER_PROVISIONING_KEY", KEY), **settings)
    assert refused.rc != 0
    assert words in refused.said + " ".join(refused.stderr.split()), refused.output
    assert setup.awx.writes == []
