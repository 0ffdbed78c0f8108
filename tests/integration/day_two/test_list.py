# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""list_clients.yml: every client is a row, whatever state it is in, and nothing is changed."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import typing as t

import pytest

from tests.hosts.project import Result
from tests.kit.agency import Agency

LIST = "playbooks/list_clients.yml"


@pytest.fixture(scope="module")
def clients(agency: Agency, client: str) -> list[str]:
    agency.onboard(agency.client("zolw", mai_client_name='Żółw & "Söhne"\nSp. z o.o.'))
    agency.client("newcomer")
    agency.client("far-away", ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    return [client, "zolw", "newcomer", "far-away"]


def listed(agency: Agency, *arguments: str, **environment: str) -> Result:
    files = ["-e", f"json_file={agency.folder}/list.json", "-e", "csv_file=list.csv"]
    return agency.run("all", *files, *arguments, playbook=LIST, PWD=str(agency.folder), **environment)


def rows(agency: Agency) -> dict[str, dict[str, t.Any]]:
    return {row["client"]: row for row in json.loads((agency.folder / "list.json").read_text())}


def test_every_client_is_a_row(agency: Agency, clients: list[str]) -> None:
    agency.control.usage(agency.key("company-abc")["hash"], 41.0)
    agency.control.clear_journal()
    result = listed(agency)
    assert result.rc == 0, result.output
    found = rows(agency)
    assert list(found) == sorted(clients)
    assert {slug: row["state"] for slug, row in found.items()} == {
        "company-abc": "up",
        "zolw": "up",
        "newcomer": "not onboarded",
        "far-away": "unreachable",
    }
    abc = found["company-abc"]
    assert (abc["limit"], abc["used_this_month"], abc["percent_of_limit"], abc["differs"]) == (50, 41, 82, [])
    assert abc["key_hash"] == agency.key("company-abc")["hash"] and abc["image"] == "native"
    assert found["zolw"]["differs"] == [] and found["zolw"]["name"] == 'Żółw & "Söhne"␊Sp. z o.o.'
    assert found["newcomer"]["key_state"] == "missing"
    calls = [(call["method"], call["path"]) for call in agency.control.journal()]
    assert calls == [("GET", "/api/v1/keys")]
    [line] = [line for line in result.stdout.splitlines() if f"http://127.0.0.1:{abc['port']}" in line]
    assert line.split()[3:5] == [f"http://127.0.0.1:{abc['port']}", "up"] and line.split()[-4:-2] == ["41.00", "82"]
    with open(agency.folder / "list.csv", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["client"] for row in table] == sorted(clients) and table[-1]["name"] == found["zolw"]["name"]


def test_what_differs_is_named(agency: Agency, clients: list[str]) -> None:
    key = agency.key("company-abc")
    agency.openrouter.patch_key(key["hash"], limit=75)
    names = ["client-gone", "client-zolw", "client-zolw ~pending-0123456789", "somebody-elses"]
    stray = agency.control.plant_keys(names)
    os.killpg(agency.pid("company-abc"), signal.SIGKILL)
    agency.client("zolw", mai_extra_env={"BRAND": "new"})
    try:
        result = listed(agency, "-e", "fail_on=down,limit50")
        found = rows(agency)
        assert found["company-abc"]["state"] == "down"
        assert found["company-abc"]["differs"] == ["limit 75.00 instead of 50.00"]
        assert found["zolw"]["differs"] == [
            "2 keys at OpenRouter have the name client-zolw",
            "a provisional key was left behind: the next onboard_client.yml clears it up",
            "settings: BRAND",
        ]
        assert "no client of the inventory has the key client-gone" in result.said
        assert "somebody-elses" not in result.stdout
        assert result.rc == 2
        for alarm in ("company-abc: down", "far-away: unreachable", "company-abc: 55 % of its limit used"):
            assert alarm in result.said
        assert "zolw: " not in result.stdout.partition("Fail for what is asked for")[2]
    finally:
        for key_hash in stray:
            agency.openrouter.delete_key(key_hash)
        agency.client("zolw", mai_extra_env=None)
        agency.openrouter.patch_key(key["hash"], limit=50)
        agency.start_again("company-abc")


def test_openrouter_that_fails_leaves_the_rest(agency: Agency, clients: list[str]) -> None:
    agency.control.fault(kind="status", status=500, method="GET", path="^/keys$", times=None)
    result = listed(agency, "-e", "fail_on=limit80")
    assert result.rc == 0
    assert re.search(r"\n\n +OpenRouter: GET \S+: OpenRouter answered 500", result.stdout), result.stdout
    found = rows(agency)
    assert (found["company-abc"]["state"], found["company-abc"]["key_state"]) == ("up", "unknown")
    assert found["company-abc"]["used_this_month"] is None
