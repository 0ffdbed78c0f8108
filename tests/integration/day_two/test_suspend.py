# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""suspend_client.yml and resume_client.yml: the key first, then the instance; and back."""

from __future__ import annotations

import hashlib

import httpx

from tests.hosts.project import Result
from tests.kit.agency import Agency

SUSPEND, RESUME = "playbooks/suspend_client.yml", "playbooks/resume_client.yml"


def suspend(agency: Agency, slug: str, *arguments: str) -> Result:
    return agency.run(slug, *arguments, playbook=SUSPEND)


def resume(agency: Agency, slug: str, *arguments: str) -> Result:
    return agency.run(slug, *arguments, playbook=RESUME)


def answers(agency: Agency, slug: str) -> bool:
    try:
        return httpx.get(f"{agency.url(slug)}/health").json() == {"status": True}
    except httpx.TransportError:
        return False


def is_suspended(agency: Agency, slug: str, running: bool = False) -> bool:
    key_hash = hashlib.sha256(agency.secret(slug).encode()).hexdigest()
    key = agency.key(slug)
    return (
        (key["hash"], key["disabled"]) == (key_hash, True)
        and agency.query(slug, "SELECT is_active FROM client_organizations") == [(0,)]
        and answers(agency, slug) == running
    )


def test_there_and_back(agency: Agency, client: str) -> None:
    with agency.session(client) as people:
        people.post("/api/v1/chats/new", json={"chat": {"title": "kept"}})
    secret, users = agency.secret(client), agency.query(client, "SELECT * FROM user")

    checked = suspend(agency, client, "--check", "--diff")
    assert checked.rc == 0 and checked.total("changed") == 2, checked.output
    assert "would be stopped" in checked.said
    assert agency.control.writes() == []
    agency.assert_converged(client)

    agency.control.fault(kind="status", status=500, method="PATCH", when="before", times=None)
    failed = suspend(agency, client)
    assert failed.rc == 2 and "OpenRouter answered 500" in failed.said
    agency.assert_converged(client)
    agency.control.clear_faults()

    first = suspend(agency, client)
    assert first.rc == 0 and first.total("changed") == 3, first.output
    assert is_suspended(agency, client)
    assert (again := suspend(agency, client)).rc == 0 and again.total("changed") == 0, again.output

    # Nobody else brings it back.
    agency.control.clear_journal()
    onboarded = agency.onboard(client)
    assert "suspended" in onboarded.said
    assert agency.control.writes() == [] and is_suspended(agency, client)

    agency.control.fault(kind="status", status=500, method="PATCH", when="after", times=None)
    assert resume(agency, client).rc == 2
    agency.control.clear_faults()
    back = resume(agency, client)
    assert back.rc == 0, back.output
    agency.assert_converged(client)
    assert (agency.secret(client), agency.query(client, "SELECT * FROM user")) == (secret, users)
    agency.control.clear_journal()
    again = resume(agency, client)
    assert (again.rc, again.total("changed")) == (0, 0), again.output
    assert agency.control.writes() == []


def test_without_the_machine_and_then_without_stopping_it(agency: Agency, client: str) -> None:
    pid = agency.pid(client)
    agency.client(client, ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    gone = suspend(agency, client)
    assert gone.rc == 2, gone.output
    assert "key disabled, instance not reached" in gone.said
    assert agency.key(client)["disabled"]
    agency.client(client, ansible_connection=None, ansible_host=None, ansible_port=None)

    # Chats stay readable
    assert suspend(agency, client, "-e", "keep_running=true").rc == 0
    assert is_suspended(agency, client, running=True) and agency.pid(client) == pid
    with agency.session(client) as people:
        assert people.get("/api/v1/auths/").status_code == 200
        chat = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
        assert people.post("/api/chat/completions", json=chat).status_code >= 400
    agency.onboard(client)
    assert is_suspended(agency, client, running=True)
    assert resume(agency, client).rc == 0
    agency.assert_converged(client)


def test_a_client_that_nobody_knows_is_not_suspended_silently(agency: Agency) -> None:
    slug = agency.client("newcomer")
    refused = suspend(agency, slug)
    assert refused.rc == 2 and "There is no key named client-newcomer to disable" in refused.said
    refused = resume(agency, slug)
    assert refused.rc == 2 and "run onboard_client.yml first" in refused.said
    assert agency.control.writes() == []
