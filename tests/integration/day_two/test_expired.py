# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that expired is told by every playbook that looks at it, and a page of a gateway is no word about a key."""

from __future__ import annotations

import http.server
import threading

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


class _Gate(http.server.BaseHTTPRequestHandler):
    """A company's proxy that wants to know who asks."""

    def do_CONNECT(self) -> None:
        page = b"<html>Proxy authentication required</html>"
        self.send_response(407)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_arguments: object) -> None:
        pass


def test_a_proxy_that_wants_a_password_is_told_as_that(agency: Agency, client: str) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Gate) as gate:
        threading.Thread(target=gate.serve_forever, daemon=True).start()
        proxy = f"http://user:hunter2@127.0.0.1:{gate.server_address[1]}"
        url = "https://openrouter.invalid/api/v1"
        refused = agency.run(client, "--check", OPENROUTER_BASE_URL=url, HTTPS_PROXY=proxy, NO_PROXY="localhost")
        gate.shutdown()
    assert refused.rc == 2 and "answered 407" in refused.said, refused.output
    assert "A proxy wants a user name and a password, or others: write them into HTTPS_PROXY" in refused.said
    assert "hunter2" not in refused.output and "management key" not in refused.said


WALLED = "http://127.0.0.1:9/api/v1"
NO_WAY = "the machine does not reach OpenRouter, though the controller does"


def test_a_machine_without_a_way_to_openrouter_is_told_before_the_key(agency: Agency) -> None:
    slug = agency.client("walled", mai_instance_api_base_url=WALLED)
    for arguments in (["--check"], []):
        refused = agency.run(slug, *arguments)
        assert refused.rc == 2 and f"walled was not touched. Put its machine right first: - {NO_WAY}" in refused.said
    assert agency.control.keys_named(slug) == [] and not agency.directory(slug).exists()
