# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that expired is told by every playbook that looks at it, and a page of a gateway is no word about a key."""

from __future__ import annotations

from tests.kit.agency import Agency

EXPIRED = "the key expired at 2026-01-01 00:00 UTC, and every chat is refused: run rotate_key.yml"
LIST = "playbooks/list_clients.yml"


def test_all_say_the_same_of_an_expired_key(agency: Agency, client: str) -> None:
    key_hash = agency.key(client)["hash"]
    agency.control.set_key(key_hash, expires_at="2026-01-01T00:00:00Z")
    listed = agency.run(client, "-e", "fail_on=down", playbook=LIST)
    assert listed.rc == 2 and EXPIRED in listed.said and f"{client}: its key expired" in listed.said
    site = agency.run(client, "--check", "-e", "fail_on_drift=true", playbook="playbooks/site.yml")
    assert site.rc == 2 and EXPIRED in site.said
    onboarded = agency.run(client)
    assert onboarded.rc == 2 and EXPIRED in onboarded.said
    assert agency.control.writes() == []
    agency.control.set_key(key_hash, expires_at=None)
    assert agency.run(client).total("changed") == 0


def test_a_page_of_a_gateway_is_not_taken_for_a_wrong_key(agency: Agency, client: str) -> None:
    agency.control.fault(kind="html", status=403, method="*", times=None)
    blocked = agency.run(client, "--check")
    agency.control.clear_faults()
    assert blocked.rc == 2
    assert "answered 403 with something that is not OpenRouter's answer" in blocked.said
    assert "management key" not in blocked.said


def test_a_proxy_that_cannot_be_read_is_told_by_its_name(agency: Agency, client: str) -> None:
    refused = agency.run(client, "--check", HTTP_PROXY="http://user:hunter2@[::1")
    assert refused.rc == 2 and "HTTP_PROXY cannot be read as the address of a proxy" in refused.said
    assert "hunter2" not in refused.output
