# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a controller differs from what it is to be; the controller is the imitation, asked without a network."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._awx.plan import Plan, obstacles
from ansible_collections.mai.clients.plugins.plugin_utils._awx.session import need_collection
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal

from tests.awx_imitation import Awx

SURVEY = {
    "name": "",
    "description": "",
    "spec": [{"question_name": "Client", "type": "text", "variable": "client", "required": True, "default": ""}],
}
PROJECT = {"name": "P", "organization": "Agency", "scm_type": "git", "scm_url": "https://git.example.com/a.git"}
TEMPLATE = {
    "name": "T",
    "organization": "Agency",
    "project": "P",
    "inventory": "I",
    "playbook": "playbooks/site.yml",
    "credentials": ["Key"],
    "extra_vars": {"fail_on_drift": True},
    "survey_enabled": True,
    "survey_spec": SURVEY,
}
CREDENTIAL = {
    "name": "Key",
    "organization": "Agency",
    "credential_type": "OpenRouter",
    "update_secrets": False,
    "inputs": {"provisioning_key": "$encrypted$", "base_url": ""},
}
WORKFLOW = {
    "name": "W",
    "organization": "Agency",
    "simplified_workflow_nodes": [
        {
            "identifier": "a",
            "unified_job_template": "T",
            "success_nodes": ["b"],
            "failure_nodes": [],
            "always_nodes": [],
        },
        {"identifier": "b", "unified_job_template": "T", "success_nodes": [], "failure_nodes": [], "always_nodes": []},
    ],
}
SCHEDULE = {
    "name": "S",
    "organization": "Agency",
    "unified_job_template": "T",
    "rrule": "DTSTART:20260101T020000Z RRULE:FREQ=DAILY;INTERVAL=1",
    "extra_data": {"client": "all"},
}
OBJECTS = {
    "organizations": [{"name": "Agency", "galaxy_credentials": []}],
    "credentials": [CREDENTIAL],
    "projects": [PROJECT],
    "inventories": [{"name": "I", "organization": "Agency", "kind": ""}],
    "templates": [TEMPLATE],
    "workflows": [WORKFLOW],
    "schedules": [SCHEDULE],
    "roles": [{"role": "execute", "teams": ["Operators"], "users": [], "job_templates": ["T"], "workflows": ["W"]}],
}


class Reader:
    """Asks the imitation itself."""

    def __init__(self, awx: Awx) -> None:
        self._awx = awx

    def get(self, endpoint: str, **query: Any) -> Any:
        path = endpoint if endpoint.startswith("/api/") else f"/api/v2/{endpoint}/"
        status, answer = self._awx.answer("GET", path, {name: [str(value)] for name, value in query.items()}, {})
        assert status == 200
        return copy.deepcopy(answer)

    def all(self, endpoint: str, **query: Any) -> list[dict[str, Any]]:
        return self.get(endpoint, page_size=200, **query)["results"]

    def names(self, endpoint: str) -> list[str]:
        return self.get(endpoint)


@pytest.fixture(scope="module")
def _awx() -> Awx:
    return Awx()


@pytest.fixture
def awx(_awx: Awx) -> Awx:
    """As OBJECTS wants it."""
    awx = _awx
    awx.controller.__init__(awx.controller.playbooks)
    agency = awx.add("organizations", name="Agency")
    fields = [{"id": "provisioning_key", "label": "Key", "secret": True}, {"id": "base_url", "label": "URL"}]
    kind = awx.add("credential_types", name="OpenRouter", kind="cloud", inputs={"fields": fields}, injectors={})
    key = awx.add(
        "credentials",
        name="Key",
        organization=agency,
        credential_type=kind,
        inputs={"provisioning_key": "sk-secret", "base_url": ""},
    )
    project = awx.add("projects", **{**PROJECT, "organization": agency})
    inventory = awx.add("inventories", name="I", organization=agency)
    template = awx.add(
        "job_templates",
        name="T",
        project=project,
        inventory=inventory,
        playbook="playbooks/site.yml",
        extra_vars='{"fail_on_drift": true}',
        survey_enabled=True,
    )
    store = awx.controller.store
    store.put("job_templates", template, "credentials", {"id": key})
    awx.controller.put_survey("job_templates", store.get("job_templates", template), SURVEY)
    workflow = awx.add("workflow_job_templates", name="W", organization=agency)
    a, b = (
        awx.add(
            "workflow_job_template_nodes",
            identifier=name,
            workflow_job_template=workflow,
            unified_job_template=template,
        )
        for name in ("a", "b")
    )
    store.put("workflow_job_template_nodes", a, "success_nodes", {"id": b})
    awx.add("schedules", **{**SCHEDULE, "unified_job_template": template})
    team = awx.add("teams", name="Operators", organization=agency)
    for number, (_kind, _thing, role) in store.roles.items():
        if role == "execute_role" and _kind in ("job_templates", "workflow_job_templates"):
            awx.controller.grant(number, "teams", {"id": team})
    return awx


def words(awx: Awx, objects: dict[str, Any] | None = None) -> list[str]:
    plan = Plan(Reader(awx))
    plan.decide(OBJECTS if objects is None else objects)
    return plan.words


def changed(kind: str, **fields: Any) -> dict[str, Any]:
    return {**OBJECTS, kind: [{**OBJECTS[kind][0], **fields}]}


def test_nothing_differs(awx):
    assert words(awx) == []


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (changed("templates", description="Other"), "would change job template T: description"),
        (changed("templates", extra_vars={}), "would change job template T: extra_vars"),
        (changed("templates", credentials=["Key", "Machines"]), "would change job template T: credentials"),
        (changed("templates", survey_spec={**SURVEY, "name": "x"}), "would change job template T: survey_spec"),
        (changed("templates", inventory="Other"), "would change job template T: inventory"),
        (
            changed("templates", notification_templates_error=["Mail"]),
            "would change job template T: notification_templates_e",
        ),
        (changed("templates", playbook="playbooks/gone.yml"), "would sync project P: it has no playbooks/gone.yml yet"),
        (changed("credentials", update_secrets=True), "would change credential Key: inputs"),
        (
            changed("credentials", inputs={**CREDENTIAL["inputs"], "base_url": "x"}),
            "would change credential Key: inputs",
        ),
        (changed("projects", scm_branch="v2"), "would change project P: scm_branch"),
        (changed("schedules", name="New"), "would make schedule New"),
        (changed("schedules", extra_data={"client": "abc"}), "would change schedule S: extra_data"),
        (changed("inventories", name="New"), "would make inventory New"),
        (changed("workflows", name="New"), "would make step a of workflow New"),
        (changed("roles", users=["anna"], teams=[]), "would give anna the role execute of what is made here"),
        (changed("roles", role="admin"), "would give Operators the role admin of what is made here"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_differs_is_said(awx, objects, expected):
    found = words(awx, objects)
    assert any(sentence.startswith(expected) for sentence in found), found
    assert "sk-secret" not in str(found)


def test_steps_of_a_workflow_come_and_go(awx):
    nodes = WORKFLOW["simplified_workflow_nodes"]
    consent = {"name": "Sure?", "description": "", "timeout": 0}
    approval = {"identifier": "approval", "approval_node": consent, **{key: [] for key in nodes[1] if "_nodes" in key}}
    objects = changed("workflows", simplified_workflow_nodes=[{**approval, "success_nodes": ["a"]}, *nodes])
    expected = [
        "would make step approval of workflow W",
        "would join step approval of workflow W to those after it",
    ]
    assert words(awx, objects) == expected
    workflow = awx.one("workflow_job_templates", "W")["id"]
    node = awx.add("workflow_job_template_nodes", identifier="approval", workflow_job_template=workflow)
    awx.add("workflow_job_template_nodes", identifier="somebody's", workflow_job_template=workflow)
    store = awx.controller.store
    awx.controller.approval(store.get("workflow_job_template_nodes", node), consent)
    first = awx.one("workflow_job_template_nodes", "a")["id"]
    store.put("workflow_job_template_nodes", node, "success_nodes", {"id": first})
    assert words(awx, objects) == []
    assert words(awx) == ["would take step approval out of workflow W"]


def test_a_role_of_what_is_only_used_is_looked_for(awx):
    project = awx.one("projects", "P")["id"]
    for number, (*thing, role) in awx.controller.store.roles.items():
        if tuple(thing) == ("projects", project) and role == "admin_role":
            awx.controller.grant(number, "teams", {"id": awx.one("teams", "Operators")["id"]})
    roles = [{"role": "admin", "teams": ["Operators"], "users": [], "projects": ["P"]}]
    assert words(awx, {**OBJECTS, "projects": [], "roles": roles}) == []


def test_a_password_in_the_address_of_the_repository_is_refused(awx):
    [found] = obstacles(Reader(awx), changed("projects", scm_url="https://me:sk-secret@git.example.com/a.git"), {})
    assert "holds a password" in found and "sk-secret" not in found


def test_a_project_that_was_not_synced_is(awx):
    awx.controller.store.get("projects", awx.one("projects", "P")["id"])["status"] = "failed"
    assert words(awx) == ["would sync project P: its last sync is: failed"]


@pytest.mark.parametrize(
    ("referenced", "expected"),
    [
        ({"credentials": {"a": "Key", "b": "", "c": []}, "teams": {"a": ["Operators"]}, "users": {"a": ["admin"]}}, []),
        ({"credentials": {"a": "Machines"}}, ["no credential is called Machines: correct a, or make it first"]),
        ({"users": {"a": ["admin", "anna"], "b": ["anna"]}}, ["no user is called anna: correct a and b, or make it"]),
        ({"credential_types": {"a": "Gone"}}, ["no credential type is called Gone"]),
        ({"credentials": {"a": "Twice"}}, ["2 credentials are called Twice, and a template could not tell them apart"]),
    ],
)
def test_what_has_to_be_there(awx, referenced, expected):
    agency = awx.one("organizations", "Agency")["id"]
    for kind in (1, 2):
        awx.add("credentials", name="Twice", organization=agency, credential_type=kind)
    found = obstacles(Reader(awx), OBJECTS, referenced)
    assert len(found) == len(expected)
    assert all(have.startswith(wanted) for have, wanted in zip(found, expected))


def test_a_credential_of_the_name_but_of_another_type_is_in_the_way(awx):
    [found] = obstacles(Reader(awx), changed("credentials", credential_type="Machine"), {})
    assert found.startswith("a credential Key is there already, of the type OpenRouter and the organisation Agency")


def test_a_collection_that_is_not_installed_is_named_with_where_it_is():
    with pytest.raises(
        Refusal, match=re.escape("The collection ansible.controller (mai_awx_namespace) is not installed")
    ):
        need_collection("ansible.controller")
