# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates are made of one source, ask for what the playbooks take, and AWX takes them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.mai.clients.plugins.plugin_utils._names import SWITCHES, known_names

from scripts import awx_templates
from tests.awx_imitation import rules
from tests.unit.repository.tasks import ROOT

KNOWN = awx_templates.source()
PLAYBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "playbooks").glob("*.yml"))}
ROLE = ROOT / "roles" / "awx_setup"


class Loader(yaml.SafeLoader):
    """Reads !unsafe as the text that it is."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def variables(name: str) -> dict[str, Any]:
    return yaml.load((ROLE / "vars" / "main" / f"{name}.yml").read_text(encoding="utf-8"), Loader)


TEMPLATES = [one for value in variables("templates").values() if isinstance(value, list) for one in value]
ASKING = [one for one in [*TEMPLATES, *variables("workflow")["controller_workflows"]] if one["survey_enabled"]]
SURVEYS = {one["name"]: one["survey_spec"] for one in ASKING}
CREDENTIAL_TYPE = variables("objects")["_awx_setup_credential_type"]


def taken(name: str) -> set[str]:
    """What a playbook takes with -e, by the comments at its head."""
    return set(re.findall(r" -e (\w+)=", PLAYBOOKS[name].partition("\n- ")[0]))


def asked(template: dict[str, Any]) -> set[str]:
    names = [*template["required"], *template["optional"]]
    fixed = {*template.get("fixed", {}), *(["mai_inventory_backend"] if template.get("writes_inventory") else [])}
    return {awx_templates.variable(KNOWN, name) for name in names} | fixed


@pytest.mark.parametrize("path", awx_templates.made(), ids=lambda path: path.name)
def test_what_is_made_of_the_source_is_there(path):
    """If not: .venv/bin/python scripts/awx_templates.py"""
    assert path.read_text(encoding="utf-8") == awx_templates.made()[path]


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_has_a_template_or_a_reason(name):
    there = {one["playbook"] for one in KNOWN["templates"]}
    assert (name in there) != (name in KNOWN["no_template"])


def test_only_the_menu_has_none():
    assert set(KNOWN["no_template"]) == {"console"}


@pytest.mark.parametrize("name", sorted({one["playbook"] for one in KNOWN["templates"]}))
def test_everything_that_a_playbook_takes_is_asked_or_deliberately_not(name):
    found = {word for one in KNOWN["templates"] if one["playbook"] == name for word in asked(one)}
    assert taken(name) - found - set(KNOWN["not_asked"]) == set()


@pytest.mark.parametrize("template", KNOWN["templates"], ids=lambda one: one["name"])
def test_nothing_is_asked_that_the_playbook_does_not_take(template):
    unknown = asked(template) - taken(template["playbook"]) - set(SWITCHES) - known_names() - {"client"}
    assert unknown == set()


@pytest.mark.parametrize("template", KNOWN["templates"], ids=lambda one: one["name"])
def test_whatever_takes_the_lock_can_take_it_over(template):
    text = PLAYBOOKS[template["playbook"]]
    locks = any(word in text for word in ("locked.yml", "look_then_lock.yml", "tasks/onboard.yml", "tasks/adopt.yml"))
    may = locks and template["job_type"] == "run" and template["playbook"] != "new_client"
    assert ("take_lock" in asked(template)) == may


def test_every_question_is_used():
    used = {name for one in KNOWN["templates"] for name in [*one["required"], *one["optional"]]}
    assert used == set(KNOWN["questions"])
    assert not set(KNOWN["not_asked"]) & used


@pytest.mark.parametrize("name", SURVEYS)
def test_awx_takes_the_survey(name):
    assert rules.survey(SURVEYS[name]) == ""


@pytest.mark.parametrize("name", SURVEYS)
def test_what_need_not_be_answered_is_empty_and_what_has_to_be_is_not(name):
    for question in SURVEYS[name]["spec"]:
        assert question["default"] == ""
        assert question.get("min", 0) == int(question["required"])
        assert question.get("choices", ["true", "false"]) == ["true", "false"]
        assert "secret" not in question["variable"] or question["type"] == "multiplechoice"


def test_no_template_is_sliced_and_each_may_run_beside_others():
    assert {(one["job_slice_count"], one["allow_simultaneous"]) for one in TEMPLATES} == {(1, True)}


def test_awx_takes_the_credential_type():
    assert rules.credential_type(CREDENTIAL_TYPE["inputs"], CREDENTIAL_TYPE["injectors"]) == {}
    secret = [one["id"] for one in CREDENTIAL_TYPE["inputs"]["fields"] if one.get("secret")]
    assert secret == ["provisioning_key"]
    # The key itself is in no variable
    assert "provisioning_key" not in "".join(CREDENTIAL_TYPE["injectors"]["env"].values())


@pytest.mark.parametrize("number", range(len(variables("schedules")["_awx_setup_schedules"])))
@pytest.mark.parametrize("begin", ["DTSTART:20260101T020000Z", "DTSTART;TZID=Europe/Warsaw:20260101T020000"])
def test_awx_takes_the_schedules(number, begin):
    schedule = variables("schedules")["_awx_setup_schedules"][number]
    rule = re.sub(r"^\{\{.*?\}\}", begin, schedule["rrule"])
    assert rules.rrule(rule) == {}
    name = schedule["unified_job_template"]
    if name in SURVEYS:
        assert rules.answers(SURVEYS[name], schedule["extra_data"]) == []
        assert set(schedule["extra_data"]) <= {one["variable"] for one in SURVEYS[name]["spec"]}


def test_what_a_step_of_the_workflow_launches_has_its_question():
    for node in variables("workflow")["_awx_setup_nodes"]:
        spec = SURVEYS[node["unified_job_template"]]["spec"]
        assert [one["variable"] for one in spec if one["required"]] == ["client"]


def test_the_template_of_this_playbook_is_launched_as_it_was_run():
    """But for what is done once, and what may hold secrets."""
    names = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    left_out = {"mai_awx_update_secrets", "mai_awx_notification_templates"}
    assert set(variables("parts")["_awx_setup_setting_names"]) == set(names) - left_out


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"type": "slug"}, "not one of"),
        ({"required": "yes"}, "wrong type"),
        ({"type": "multiplechoice"}, "must specify choices"),
        ({"type": "multiplechoice", "choices": ["true"], "default": "no"}, "from the choices"),
        ({"type": "integer", "default": "5"}, "wrong type"),
        ({"min": "1"}, "expected to be integer"),
        ({"variable": None}, "wrong type"),
    ],
)
def test_the_rules_themselves_refuse_what_awx_would(change, fault):
    question = {**awx_templates.question("client", KNOWN["questions"]["client"], True), **change}
    assert fault in rules.survey({"name": "", "description": "", "spec": [question]})


@pytest.mark.parametrize(
    ("inputs", "injectors", "fault"),
    [
        ([], {"env": {"ANSIBLE_X": "y"}}, "may affect Ansible"),
        ([], {"env": {"X": "{{ key }}"}}, "undefined"),
        ([], {"env": {"X": "{{ tower.filename }}"}}, "unnamed file"),
        ([], {"environment": {}}, "Additional properties"),
        ([{"id": "tower", "label": "T"}], {}, "reserved"),
        ([{"id": "a", "label": "A"}, {"id": "a", "label": "B"}], {}, "unique"),
        ([], {"file": {"template": "a", "template.b": "c"}}, "multi-file"),
    ],
)
def test_the_rules_of_credential_types_do_so_too(inputs, injectors, fault):
    assert fault in str(rules.credential_type({"fields": inputs}, injectors))
