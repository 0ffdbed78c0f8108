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
from tests.kit.agency import Agency

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
    # What the plan says, and the inventory
    assert checked.rc == 0 and checked.total("changed") == 2, checked.output
    assert "Would change the key client-company-abc: limit." in checked.said
    assert limits(agency, client) == (50, 50) and not host_vars(agency, client).exists()
    assert agency.control.writes() == []

    first = set_limit(agency, client, "750")
    assert first.rc == 0, first.output
    assert limits(agency, client) == (750, 750)
    assert [method for method, *_rest in agency.control.writes()] == ["PATCH"]
    assert host_vars(agency, client).read_text() == "---\nmai_monthly_limit: 750\n"
    assert "750.00 USD per calendar month" in (agency.directory(client) / "HANDOVER.md").read_text()
    assert f"recorded in {host_vars(agency, client)}" in first.said

    agency.control.clear_journal()
    again = set_limit(agency, client, "750")
    assert (again.rc, again.total("changed")) == (0, 0), again.output
    assert agency.onboard(client).total("changed") == 0
    assert agency.control.writes() == [] and agency.pid(client) == pid
    agency.assert_converged(client)


def test_openrouter_fails_halfway(agency: Agency, client: str) -> None:
    agency.control.fault(kind="status", status=500, method="PATCH", when="after", times=None)
    failed = set_limit(agency, client, "none")
    assert failed.rc == 2 and "OpenRouter answered 500" in failed.said
    agency.control.clear_faults()
    assert set_limit(agency, client, "none").rc == 0
    assert limits(agency, client) == (None, None)
    assert "NO LIMIT" in (agency.directory(client) / "HANDOVER.md").read_text()
    agency.assert_converged(client)


def test_what_else_is_wrong_is_told_after_the_limit_is_recorded(agency: Agency, client: str) -> None:
    url = agency.clients[client]["mai_instance_api_base_url"]
    agency.client(client, mai_instance_api_base_url="http://127.0.0.1:1/api/v1")
    try:
        failed = set_limit(agency, client, "95")
    finally:
        agency.client(client, mai_instance_api_base_url=url)
    assert failed.rc == 2 and "saved in Open WebUI with another URL" in failed.said
    assert limits(agency, client) == (95, 95)
    assert "mai_monthly_limit: 95" in host_vars(agency, client).read_text()


# (Where else it cannot be recorded: tests/unit/inventory_variable. In a job of AWX: tests/e2e/test_runner.py.)
def test_what_is_not_remembered_is_said(agency: Agency, client: str) -> None:
    result = set_limit(agency, client, "20.5", "-e", "remember=false")
    assert result.rc == 0 and limits(agency, client) == (20.5, 20.5)
    assert "NOT RECORDED: the next onboard/site run sets 95 again" in result.said
    assert "mai_monthly_limit: 95" in host_vars(agency, client).read_text()


NO_LIMITS = {"empty": "", "zero": "0", "negative": "-5", "blank": "7 50", "nan": "nan", "inf": "inf", "unit": "500 USD"}


@pytest.fixture(scope="module")
def refused(agency: Agency, client: str) -> dict[str, str]:
    """What one run says of clients whose new limits are none, and of one that was never onboarded."""
    before = limits(agency, client)
    for name, limit in NO_LIMITS.items():
        agency.client(f"limit-{name}", new_limit=limit)
    agency.client("newcomer", new_limit="5")
    slugs = [slug for slug in agency.clients if slug != client]
    agency.control.clear_journal()
    refused = agency.failures(",".join(slugs), playbook=SET_LIMIT)
    for slug in slugs:
        assert not agency.directory(slug).exists() and not agency.lock(slug).exists(), slug
        del agency.clients[slug]
    assert agency.control.writes() == [] and limits(agency, client) == before
    return refused


@pytest.mark.parametrize("name", NO_LIMITS)
def test_what_is_no_limit_is_refused(refused: dict[str, str], name: str) -> None:
    said = refused[f"limit-{name}"]
    assert f"new_limit is '{NO_LIMITS[name]}'" in said or f"mai_monthly_limit is '{NO_LIMITS[name]}'" in said


def test_a_client_that_is_not_there_gets_no_key(refused: dict[str, str]) -> None:
    assert "run onboard_client.yml first" in refused["newcomer"]
