# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""client_info.yml: everything about a client, with what does not answer left out."""

from __future__ import annotations

import json
import typing as t

from tests.hosts.project import Result
from tests.kit.agency import Agency


def told(agency: Agency, slugs: str) -> tuple[Result, dict[str, t.Any]]:
    file = agency.folder / "info.json"
    agency.control.clear_journal()
    arguments = {"playbook": "playbooks/client_info.yml", "PWD": str(agency.folder)}
    result = agency.run(slugs, "-e", "json_file=info.json", **arguments)
    assert (result.total("changed"), agency.control.writes()) == (0, []), result.output
    return result, json.loads(file.read_text())


def test_everything_about_a_client(agency: Agency, client: str) -> None:
    key = agency.key(client)
    agency.control.usage(key["hash"], 1.25)
    away = agency.client("far-away", ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    [away_key] = agency.control.plant_keys([f"client-{away}"])
    result, infos = told(agency, f"{client},{away}")
    info = infos[client]
    assert (info["client"]["state"], info["client"]["differs"]) == ("up", [])
    [told_key] = info["keys at OpenRouter"]
    assert (told_key["hash"], told_key["usage_daily"], told_key["limit"]) == (key["hash"], 1.25, 50)
    assert info["key on the machine"] == key["hash"]
    assert info["organisations"][0]["id"] == "company-abc-001"
    assert info["database"]["users"] == 1 and info["database"]["size_bytes"] > 0
    assert info["hand-over"]["on the controller"] == str(agency.handovers / "company-abc.md")
    assert "usage daily: 1.25" in result.said and agency.secret(client) not in result.output
    info = infos[away]
    assert result.rc == 0 and info["client"]["state"] == "unreachable"
    assert info["keys at OpenRouter"][0]["hash"] == away_key


def test_without_openrouter(agency: Agency, client: str) -> None:
    agency.control.fault(kind="status", status=500, method="GET", path="^/keys$", times=None)
    result, infos = told(agency, client)
    assert result.rc == 0
    assert infos[client]["keys at OpenRouter"] is None and infos[client]["client"]["state"] == "up"
    assert "OpenRouter answered 500" in result.said
