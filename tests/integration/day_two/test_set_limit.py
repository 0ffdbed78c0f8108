# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/set_limit.yml: key, organisation, record and inventory together, without a restart."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from tests.hosts.project import Result
from tests.integration.onboarding.conftest import Agency

SET_LIMIT = "playbooks/set_limit.yml"


def set_limit(agency: Agency, slug: str, limit: str, *arguments: str, **environment: str) -> Result:
    return agency.run(slug, "-e", json.dumps({"new_limit": limit}), *arguments, playbook=SET_LIMIT, **environment)


def limits(agency: Agency, slug: str) -> tuple[t.Any, t.Any]:
    """At OpenRouter, and in the instance's database."""
    [[row]] = agency.query(slug, "SELECT monthly_limit FROM client_organizations")
    return agency.key(slug)["limit"], row


def host_vars(agency: Agency, slug: str) -> pathlib.Path:
    return agency.inventory / "host_vars" / f"{slug}.yml"


def test_everything_follows_and_nothing_restarts(agency: Agency, client: str) -> None:
    pid = agency.pid(client)
    checked = set_limit(agency, client, "750", "--check", "--diff")
    assert checked.rc == 0 and checked.total("changed") > 0, checked.output
    assert limits(agency, client) == (50, 50) and not host_vars(agency, client).exists()
    assert agency.control.writes() == []

    first = set_limit(agency, client, "750")
    assert first.rc == 0, first.output
    assert limits(agency, client) == (750, 750)
    assert [method for method, *_rest in agency.control.writes()] == ["PATCH"]
    assert host_vars(agency, client).read_text() == "---\nmai_monthly_limit: 750\n"
    assert "750.00 USD per calendar month" in (agency.directory(client) / "HANDOVER.md").read_text()
    assert f"recorded in {host_vars(agency, client)}" in " ".join(first.stdout.split())
    assert first.total("changed") == checked.total("changed")

    agency.control.clear_journal()
    again = set_limit(agency, client, "750")
    assert (again.rc, again.total("changed")) == (0, 0), again.output
    assert agency.onboard(client).total("changed") == 0
    assert agency.control.writes() == [] and agency.pid(client) == pid
    agency.assert_converged(client)


def test_no_limit(agency: Agency, client: str) -> None:
    assert set_limit(agency, client, "none").rc == 0
    assert limits(agency, client) == (None, None)
    assert agency.onboard(client).total("changed") == 0
    assert "NO LIMIT" in (agency.directory(client) / "HANDOVER.md").read_text()


def test_what_is_not_remembered_is_said(agency: Agency, client: str) -> None:
    set_limit(agency, client, "300")
    result = set_limit(agency, client, "20.5", "-e", "remember=false")
    assert result.rc == 0 and limits(agency, client) == (20.5, 20.5)
    assert "NOT RECORDED: the next onboard/site run sets 300 again" in " ".join(result.stdout.split())
    job = set_limit(agency, client, "21", JOB_ID="7", AWX_HOST="https://awx.example")
    assert "NOT RECORDED: the next onboard/site run sets 300 again" in " ".join(job.stdout.split())
    assert "mai_monthly_limit: 300" in host_vars(agency, client).read_text()


@pytest.mark.parametrize("limit", ["", "0", "-5", "7 50", "nan", "inf", "500 USD"])
def test_what_is_no_limit_is_refused(agency: Agency, client: str, limit: str) -> None:
    before = limits(agency, client)
    refused = set_limit(agency, client, limit)
    assert refused.rc == 2, refused.output
    assert "new_limit is" in refused.stdout or "mai_monthly_limit is" in refused.stdout
    assert agency.control.writes() == [] and limits(agency, client) == before


def test_a_client_that_is_not_there_gets_no_key(agency: Agency) -> None:
    slug = agency.client("newcomer")
    refused = set_limit(agency, slug, "5")
    assert refused.rc == 2 and "run onboard_client.yml first" in " ".join(refused.stdout.split())
    assert agency.control.writes() == [] and not agency.lock(slug).exists()


def test_openrouter_fails_halfway(agency: Agency, client: str) -> None:
    agency.control.fault(kind="status", status=500, method="PATCH", when="after", times=None)
    failed = set_limit(agency, client, "90")
    assert failed.rc == 2 and "OpenRouter answered 500" in failed.stdout
    agency.control.clear_faults()
    assert set_limit(agency, client, "90").rc == 0
    assert limits(agency, client) == (90, 90)
    agency.assert_converged(client)


def test_what_else_is_wrong_is_told_after_the_limit_is_recorded(agency: Agency, client: str) -> None:
    url = agency.clients[client]["mai_instance_api_base_url"]
    agency.client(client, mai_instance_api_base_url="http://127.0.0.1:1/api/v1")
    try:
        failed = set_limit(agency, client, "95")
    finally:
        agency.client(client, mai_instance_api_base_url=url)
    assert failed.rc == 2 and "saved in Open WebUI with another URL" in " ".join(failed.stdout.split())
    assert limits(agency, client) == (95, 95)
    assert "mai_monthly_limit: 95" in host_vars(agency, client).read_text()
    assert set_limit(agency, client, "95").rc == 0
