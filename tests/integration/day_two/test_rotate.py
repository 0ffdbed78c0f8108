# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rotate_key.yml: a new key in key, instance and record together; the old one disabled; and back when it fails."""

from __future__ import annotations

import signal

import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency
from tests.kit.probe import CHAT

ROTATE = "playbooks/rotate_key.yml"
SUSPEND = "playbooks/suspend_client.yml"


def rotate(agency: Agency, slug: str, *arguments: str, **environment: str) -> Result:
    return agency.run(slug, *arguments, playbook=ROTATE, **environment)


def keys(agency: Agency, slug: str) -> list[tuple[str, bool]]:
    """Of every key made for the client: what kind it is, and whether it is disabled."""
    name = f"client-{slug}"
    return sorted(
        (key["name"][len(name) :].rpartition("-")[0].strip() or "in use", key["disabled"])
        for key in agency.control.all_keys()
        if key["name"].startswith(name)
    )


def assert_quiet(agency: Agency, slug: str) -> None:
    """Nobody has anything left to do, and nobody is interrupted."""
    agency.control.clear_journal()
    pid = agency.pid(slug)
    onboarded = agency.onboard(slug)
    assert onboarded.total("changed") == 0, onboarded.output
    assert agency.control.writes() == [] and agency.pid(slug) == pid


def test_a_new_key_everywhere(agency: Agency, client: str) -> None:
    with agency.session(client) as people:
        assert people.post("/api/chat/completions", json=CHAT).is_success
    old, secret = agency.key(client), agency.secret(client)

    checked = rotate(agency, client, "--check", "--diff")
    assert checked.rc == 0 and checked.total("changed") == 1, checked.output
    assert "would make a new key" in checked.said and "people would be interrupted" in checked.said
    assert agency.control.writes() == [] and agency.secret(client) == secret
    assert not list(agency.directory(client).glob("api_key.env.*"))
    agency.assert_converged(client)

    young = rotate(agency, client, "-e", "older_than_days=90")
    assert (young.rc, young.total("changed")) == (0, 0), young.output
    assert "younger than 90 days" in young.said

    rotated = rotate(agency, client, "-vvvv")
    assert rotated.rc == 0, rotated.output
    agency.assert_converged(client)
    assert agency.secret(client) != secret and not {secret, agency.secret(client)} & set(rotated.output.split('"'))
    assert secret not in rotated.output and agency.secret(client) not in rotated.output
    assert keys(agency, client) == [("in use", False), ("~retired", True)]
    [retired] = [key for key in agency.control.all_keys() if key["hash"] == old["hash"]]
    assert retired["usage"] == old["usage"] > 0, "nothing that has usage is destroyed"
    assert not list(agency.directory(client).glob("api_key.env.*"))
    assert "tried with one token: it works" in rotated.said
    assert_quiet(agency, client)


def test_usage_is_carried_over_and_the_old_key_deleted(agency: Agency, client: str) -> None:
    agency.control.usage(agency.key(client)["hash"], 12.0)
    used = agency.key(client)["usage_monthly"]
    rotated = rotate(agency, client, "-e", "carry_usage=true")
    assert rotated.rc == 0, rotated.output
    assert agency.key(client)["limit"] == pytest.approx(50 - used, abs=0.01)
    assert ("~retired-carried", True) in keys(agency, client)

    deleted = rotate(agency, client, "-e", "delete_old=true")
    assert deleted.rc == 0, deleted.output
    assert keys(agency, client) == [("in use", False)]
    agency.assert_converged(client)
    # With the old key goes what it had used: the next run sets the whole limit
    agency.onboard(client)
    assert agency.key(client)["limit"] == 50


# Where the saved key is read at each request nobody is interrupted: tests/e2e/test_day_two.py


def test_an_older_release_is_stopped_for_a_moment(agency: Agency) -> None:
    slug = agency.client("older", mai_extra_env={"STANDIN_CONFIG": "blob"})
    agency.onboard(slug)
    with agency.session(slug) as admin:  # saving the connections, even unchanged, makes them count for ever
        config = admin.get("/openai/config").json()
        assert admin.post("/openai/config/update", json=config).is_success
    secret = agency.secret(slug)
    rotated = rotate(agency, slug)
    assert rotated.rc == 0, rotated.output
    agency.assert_converged(slug)
    assert agency.secret(slug) != secret and keys(agency, slug) == [("in use", False), ("~retired", True)]


def test_what_does_not_work_is_taken_back(agency: Agency, client: str) -> None:
    before, secret = agency.key(client), agency.secret(client)
    agency.control.fault(kind="status", status=502, method="POST", path="/chat/completions", when="before", times=None)
    failed = rotate(agency, client)
    agency.control.clear_faults()
    assert failed.rc == 2, failed.output
    assert "works on with its old key" in failed.said and "HTTP 502" in failed.said
    agency.assert_converged(client)
    assert (agency.key(client)["hash"], agency.secret(client)) == (before["hash"], secret)
    assert keys(agency, client) == [("in use", False)]
    assert not list(agency.directory(client).glob("api_key.env.*"))


def test_openrouter_fails_at_either_end(agency: Agency, client: str) -> None:
    secret = agency.secret(client)
    agency.control.fault(kind="status", status=500, method="POST", path="/keys", when="before", times=None)
    assert rotate(agency, client).rc == 2
    agency.control.clear_faults()
    assert agency.secret(client) == secret
    agency.assert_converged(client)

    agency.control.fault(kind="status", status=500, method="PATCH", when="before", times=None)
    failed = rotate(agency, client)
    agency.control.clear_faults()
    assert failed.rc == 2 and "OpenRouter answered 500" in failed.said
    new = agency.secret(client)
    assert new != secret
    with agency.session(client) as people:
        assert people.post("/api/chat/completions", json=CHAT).is_success

    # The next run finishes that one; it does not begin another
    assert rotate(agency, client).rc == 0
    assert agency.secret(client) == new and keys(agency, client)[0] == ("in use", False)
    assert {kind for kind, disabled in keys(agency, client) if not disabled} == {"in use"}
    agency.assert_converged(client)


@pytest.mark.parametrize("task", ["Put the new key in its place", "The client's record in the instance's database"])
def test_killed(agency: Agency, client: str, task: str) -> None:
    held = agency.start_until(task, client, playbook=ROTATE)
    held.kill(signal.SIGKILL)
    with agency.session(client) as people:
        assert people.post("/api/chat/completions", json=CHAT).is_success
    finished = rotate(agency, client, "-e", "take_lock=true")
    assert finished.rc == 0, finished.output
    assert {kind for kind, disabled in keys(agency, client) if not disabled} == {"in use"}
    agency.assert_converged(client)
    assert_quiet(agency, client)


def test_a_suspended_client_is_not_rotated(agency: Agency, client: str) -> None:
    assert agency.run(client, playbook=SUSPEND).rc == 0
    agency.control.clear_journal()
    refused = rotate(agency, client)
    assert refused.rc == 2 and "Run resume_client.yml first" in refused.said
    assert agency.control.writes() == []
