# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of variables that nobody reads."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import Change
from ansible_collections.mai.clients.plugins.plugin_utils._names import (
    FACTS,
    SWITCHES,
    extra_variable_problem,
    extra_variables,
    known_names,
    name_problems,
)

from tests.unit.repository.test_roles import FACTS as PUBLISHED
from tests.unit.repository.test_roles import ROLES, options

RENAMED = (
    Change("0.2.0", "", "", renamed={"mai_cap": "mai_monthly_limit", "mai_colour": ""}),
    Change("0.3.0", "", "", renamed={"mai_web_port": "mai_port"}),
)


def test_what_is_known_is_what_roles_document_and_publish():
    documented = {name for role in ROLES for name in options(role) if name.startswith(("mai_", "openrouter_"))}
    assert known_names() == documented | set(PUBLISHED) and set(FACTS) == set(PUBLISHED)
    assert {"mai_port", "mai_admin_password", "mai_database_url", "openrouter_base_url"} < documented


# Nothing is said of those
@pytest.mark.parametrize(
    "name",
    [
        *(
            "mai_port",
            "mai_plan",
            "mai_plan_with",
            "openrouter_provisioning_key",
            "ansible_host",
            "maintenance",
            "_mai_x",
        ),
        # Of the operator's own
        *("mai", "my_mai_port", "openrouter_base_url_of_staging", "openrouter_dashboard", 7),
    ],
)
def test_names_that_are_right_or_none_of_ours(name):
    assert name_problems([name], known_names()) == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("mai_montly_limit", "mai_monthly_limit"),
        ("mai_limit", "mai_cpu_limit or mai_memory_limit or mai_monthly_limit"),
        ("mai_prot", "mai_port"),
        ("mai_backup_repo", "mai_backup_repository"),
        ("mai_Port", "mai_port"),
        ("mai_adminpassword", "mai_admin_password"),
        ("mai_validate_version", "mai_validated_version"),
        ("openrouter_provisoning_key", "openrouter_provisioning_key"),
        ("openrouter_base_ulr", "openrouter_base_url"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_right_one(name, right):
    assert name_problems([name, "mai_port"], known_names()) == [
        f"{name} is no variable of mai.clients: did you mean {right}?"
    ]


def test_a_name_that_is_like_no_other():
    assert name_problems(["mai_zzzz_qqqq_xxxx"], known_names()) == [
        "mai_zzzz_qqqq_xxxx is no variable of mai.clients, whose names begin with mai_: give what is your own another "
        "name"
    ]


def test_former_names_are_told_as_what_they_became():
    assert name_problems(["mai_web_port", "mai_cap", "mai_colour", "mai_prot"], known_names(), RENAMED) == [
        "mai_cap is called mai_monthly_limit since 0.2.0: rename it",
        "mai_colour is gone since 0.2.0: remove it",
        "mai_prot is no variable of mai.clients: did you mean mai_port?",
        "mai_web_port is called mai_port since 0.3.0: rename it",
    ]


@pytest.mark.parametrize(
    ("name", "right"), [("new_limt", "new_limit"), ("confirmed", "confirm"), ("newimage", "new_image")]
)
def test_a_misspelt_extra_variable_is_refused(name, right):
    said = extra_variable_problem({"client": "x", name: 1, "tower_job_id": 3})
    assert said == f"-e {name}=… is nothing that a playbook of mai.clients takes: did you mean -e {right}=…?"


@pytest.mark.parametrize(
    "name", [*sorted(extra_variables()), "awx_job_id", "tower_user_name", "region", "mai_port", "ansible_user"]
)
def test_extra_variables_that_are_right_or_none_of_ours(name):
    assert extra_variable_problem({name: 1}) == ""


def test_extra_variables_are_those_of_all_playbooks():
    """Those that their headers name, and the switches."""
    assert {"client", "new_limit", "confirm", "continue", "restore_to", *SWITCHES} <= extra_variables()
    assert all(re.fullmatch("[a-z_]+", name) for name in extra_variables())
