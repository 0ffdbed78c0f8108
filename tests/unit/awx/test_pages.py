# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages say of a controller is what the role makes; the script for a real one changes no client."""

from __future__ import annotations

import pytest
import yaml

from scripts import awx_acceptance
from tests.unit.awx.test_templates import CREDENTIAL_TYPE, SURVEYS, TEMPLATES, variables
from tests.unit.repository.tasks import ROOT
from tests.unit.repository.test_front_door import FENCED

DEFAULTS = yaml.safe_load((ROOT / "roles" / "awx_setup" / "defaults" / "main.yml").read_text(encoding="utf-8"))
AWX = (ROOT / "docs" / "awx.md").read_text(encoding="utf-8")
HANDBOOK = (ROOT / "docs" / "handbook" / "awx_setup.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_handbook_has_every_variable(name):
    assert f"| `{name}` |" in HANDBOOK


def test_the_credential_type_by_hand_is_the_one_that_is_made():
    inputs, injectors, _by_environment = (yaml.safe_load(text) for _kind, text in FENCED.findall(AWX))
    assert (inputs, injectors) == (CREDENTIAL_TYPE["inputs"], CREDENTIAL_TYPE["injectors"])


@pytest.mark.parametrize("schedule", variables("schedules")["_awx_setup_schedules"], ids=lambda one: one["id"])
def test_every_schedule_is_in_the_table_and_can_be_chosen(schedule):
    assert f"`{schedule['id']}`" in AWX
    assert schedule["id"] in DEFAULTS["mai_awx_schedules"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one["name"])
def test_the_acceptance_script_changes_no_client(template):
    wanted = awx_acceptance.launch_of(template, SURVEYS.get(template["name"], {}), "company-abc")
    assert wanted is not None
    reads = template["playbook"].rpartition("/")[2] in ("list_clients.yml", "client_info.yml", "diagnose_client.yml")
    assert reads or "check" in (template["job_type"], wanted.get("job_type"))
    required = {one["variable"] for one in SURVEYS.get(template["name"], {}).get("spec", []) if one["required"]}
    assert set(wanted["extra_vars"]) == required
