# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own settings: called from another directory, so without our ansible.cfg, and with others of its user's."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project, Result
from tests.kit.agency import Agency

SETTINGS = {
    "ANSIBLE_PRIVATE_ROLE_VARS": "true",
    "ANSIBLE_FORKS": "1",
    "ANSIBLE_PIPELINING": "false",
    "ANSIBLE_STRATEGY": "free",
    "ANSIBLE_INJECT_FACT_VARS": "false",
    "ANSIBLE_HASH_BEHAVIOUR": "merge",
    "ANSIBLE_GATHERING": "explicit",
}


@pytest.fixture(scope="module")
def run(agency: Agency, tmp_path_factory: pytest.TempPathFactory) -> t.Callable[..., Result]:
    """run("set_limit", "one", "-e", "new_limit=…") → a run that must succeed, called from elsewhere."""
    elsewhere: pathlib.Path = tmp_path_factory.mktemp("elsewhere")
    agency.project = Project(elsewhere, agency.folder / "ansible")
    agency.client("one")

    def run(playbook: str, client: str, *arguments: str) -> Result:
        path = REPOSITORY / "playbooks" / f"{playbook}.yml"
        result = agency.start(client, *arguments, playbook=str(path), **SETTINGS).wait()
        assert result.rc == 0, result.output
        return result

    return run


def test_a_client_is_onboarded_and_then_nothing_differs(agency: Agency, run: t.Callable[..., Result]) -> None:
    assert run("onboard_client", "one").total("changed") > 0
    agency.assert_converged("one")
    agency.control.clear_journal()
    assert run("onboard_client", "one").total("changed") == 0
    assert agency.control.writes() == []


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        ("rotate_key", []),
        ("list_clients", []),
        ("offboard_client", ["-e", "confirm=one"]),
    ],
)
def test_and_whatever_comes_after(run: t.Callable[..., Result], playbook: str, arguments: list[str]) -> None:
    run(playbook, "one", *arguments)
