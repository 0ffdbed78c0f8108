# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode says, and shows as a diff."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import PARTS
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Aim
from ansible_collections.mai.clients.plugins.plugin_utils._plan.foreseen import SENTENCES, diff
from ansible_collections.mai.clients.plugins.plugin_utils._plan.key import Aim as KeyAim

from tests.unit.plan.situations import (
    API,
    GONE,
    KEY,
    NEW_IMAGE,
    OTHER,
    account_key,
    changed,
    client,
    converged,
    nothing,
    planned,
)

RECORD = (
    "Would write the hand-over record to /opt/mai/deployments/client-company-abc/HANDOVER.md and "
    "handovers/company-abc.md."
)
ORGANIZATION = "Would record Company ABC as company-abc-001 in the instance's database."
START = "Would re-create the instance, which interrupts its people for some seconds. "


def test_the_spec_knows_every_part():
    assert set(PARTS) == set(SENTENCES)


def test_all_of_a_new_client():
    assert planned(client(), nothing(), [])["plan"]["would"] == [
        "Would make the key client-company-abc.",
        "Would create the instance.",
        "Would make admin@companyabc.com the instance's administrator.",
        ORGANIZATION,
        "Would have the client's usage read each day into /opt/mai/deployments/client-company-abc/usage.csv: it is not"
        " set up.",
        RECORD,
    ]


# What differs in the look, and in the variables → the sentences
SITUATIONS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "nothing": ({}, {}, []),
    "no Docker on Debian 13": (
        {"docker/engine": None, "docker/compose": None},
        {},
        ["Would install docker.io, docker-cli, docker-compose."],
    ),
    "no Docker on Debian 12": (
        {"docker/engine": None, "docker/compose": None, "machine/system_version": "12"},
        {},
        [
            "Would install docker-ce, docker-ce-cli, containerd.io, docker-compose-plugin from the Docker apt"
            " repository."
        ],
    ),
    "no image": ({"image/present": False}, {}, ["Would pull mai:1.4."]),
    "no image, an archive": ({"image/present": False}, {"mai_image_archive": "/i.tar"}, ["Would load /i.tar."]),
    "directory for all to read": (
        {"directory/mode": "0755"},
        {},
        ["Would give /opt/mai/deployments/client-company-abc the mode 0700 and the mark of its client."],
    ),
    "key file for all to read": (
        {"files/api_key.env/mode": "0644"},
        {},
        ["Would store the key client-company-abc anew on the machine."],
    ),
    "secrets gone": ({"files/secrets.env": GONE}, {}, ["Would make the secrets that the instance lacks."]),
    "stopped": (
        {"containers/0/state": "exited"},
        {},
        ["Would start the instance. Why: it does not run.", ORGANIZATION],
    ),
    "another limit": (
        {},
        {"mai_monthly_limit": 750},
        [
            "Would change the key client-company-abc: limit.",
            f"{ORGANIZATION[:-1]}: monthly_limit.",
            RECORD,
        ],
    ),
    "another setting": (
        {},
        {"mai_extra_env": {"A": "1"}},
        [f"{START}Settings that differ: A.", ORGANIZATION],
    ),
    "another image, without data": (
        {"image/id": NEW_IMAGE, "database/exists": False},
        {},
        [f"{START}Why: image.", ORGANIZATION],
    ),
    "a name that is none": (
        {},
        {"mai_client_name": "A\nB"},
        [
            f"{START}Settings that differ: CLIENT_ORG_NAME, ORGANIZATION_NAME, WEBUI_NAME.",
            "Would record A␊B as company-abc-001 in the instance's database: name.",
            RECORD,
        ],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_sentence_for_each_part(situation):
    changes, variables, sentences = SITUATIONS[situation]
    seen = changed(converged(client()), changes)
    assert planned(client(**variables), seen)["plan"]["would"] == sentences


RESTS = {
    "database/error": "The database's container mai-companyabc-database does not run (exited).",
    "database/error_reason": "stopped",
    "database/users": None,
    "database/organizations": [],
    "database/tracks_usage": False,
    "stored_connection": {"form": "none", "connections": []},
    "health/ok": False,
    "health/status": None,
    "health/accounts": None,
    "health/onboarding": None,
}
STOPPED = "Would start its database, which is stopped; what is in it, and what follows from it, is unknown yet."


def test_nothing_is_claimed_of_a_database_that_is_stopped():
    wanted = client(mai_database="postgresql")
    rests = changed(converged(wanted), {**RESTS, "containers/0/state": "exited"})
    plan, before = planned(wanted, rests)["plan"], planned(wanted, converged(wanted))["plan"]
    assert plan["would"] == [STOPPED, "Would start the instance. Why: it does not run; its database does not run."]
    assert plan["instance"]["administered"] is None and plan["changes"] == ["instance"]
    assert plan["address"] == before["address"] and plan["record"]["text"] == before["record"]["text"]
    # What is known is said
    plan = planned({**wanted, "mai_monthly_limit": 750}, rests)["plan"]
    assert plan["would"][0] == "Would change the key client-company-abc: limit." and plan["would"][-1] == RECORD
    # Until its database answers, nobody but the machine is let in
    assert plan["instance"]["bind"] == "127.0.0.1" and plan["instance"]["administrator_due"]
    # That of a suspended client runs on, too
    plan = planned(wanted, rests, [account_key(disabled=True)])["plan"]
    assert plan["would"][0] == STOPPED and "instance" in plan["changes"]


def shown(seen: t.Mapping[str, t.Any], keys: list | None = None, record: str | None = None, **variables: t.Any):
    wanted = client(**variables)
    found = planned(wanted, seen, keys)
    return {
        part["after_header"]: (part["before"], part["after"])
        for part in diff(wanted, seen, found["key"], found["plan"], record)
    }


def test_no_diff_where_nothing_differs():
    assert shown(converged(client())) == {}


def test_the_diff_of_a_limit():
    found = shown(converged(client()), record="old\n", mai_monthly_limit=750)
    assert found["key client-company-abc"] == ("limit: 500.0\n", "limit: 750.0\n")
    assert found["organisation company-abc-001"] == ("monthly_limit: 500.0\n", "monthly_limit: 750.0\n")
    before, after = found["handovers/company-abc.md"]
    assert before == "old\n" and "750.00 USD per calendar month" in after


def test_the_diff_of_settings_has_no_value():
    seen = changed(converged(client()), {"settings/OLD": "0" * 64})
    found = shown(seen, mai_extra_env={"SECRET": "hunter2", "WEBUI_NAME": "Another"})
    before, after = found["/opt/mai/deployments/client-company-abc/settings.env"]
    assert before == "OLD: ***\nWEBUI_NAME: ***\n"
    assert after == "SECRET: ***\nWEBUI_NAME: *** (another)\n"


def test_the_diff_of_a_new_client():
    found = shown(nothing(), [])
    assert found["key client-company-abc"] == ("", "limit: 500.00 USD per calendar month (UTC)\n")
    before, after = found["organisation company-abc-001"]
    assert before == "" and "monthly_limit: 500.0\n" in after


def test_only_the_parts_that_a_run_changes():
    seen = changed(converged(client()), {"containers/0/state": "exited"})
    found = planned(client(mai_monthly_limit=750), seen, aim=Aim(parts=["key", "record"]))["plan"]
    assert found["changes"] == ["key (limit)", "hand-over"]
    assert [sentence[:20] for sentence in found["would"]] == ["Would change the key", "Would write the hand"]


def test_to_resume_is_to_enable_the_key_and_start():
    suspended = account_key(disabled=True)
    changes = {"containers/0/state": "exited", "health/ok": False, "database/organizations/0/is_active": False}
    seen = changed(converged(client()), changes)
    assert planned(client(), seen, [suspended])["plan"]["changes"] == []
    resumed = planned(client(), seen, [suspended], aim=Aim(KeyAim(disabled=False)))["plan"]
    assert resumed["changes"] == ["key (disabled)", "instance", "organisation"]
    assert not resumed["suspended"] and resumed["instance"]["due"]
    assert resumed["organization"]["differs"] == ["is_active"]


def test_a_key_of_another_client_is_not_changed():
    seen = changed(converged(client()), {"key_hash": OTHER, "key_variables/OPENAI_API_KEY": OTHER})
    assert planned(client(), seen)["plan"]["would"][0] == "Would store the key client-company-abc anew on the machine."


SAVED = {"form": "rows", "connections": [{"key_hash": KEY, "url": API}]}
LOST = {"key_hash": None, "key_variables": {}, "files/api_key.env": GONE}


def test_a_lost_key_that_was_never_used_is_replaced_everywhere():
    seen = changed(converged(client()), {**LOST, "stored_connection": SAVED})
    found = planned(client(), seen, [account_key(usage=0, byok_usage=0)])["plan"]
    assert found["changes"] == ["key", "instance", "key saved in Open WebUI", "organisation", "hand-over"]
    assert found["would"][0] == (
        "Would make another key client-company-abc: the secret of the one that there is was lost."
    )
    assert found["key"]["refused"] == ""


def test_a_lost_key_that_was_used_is_refused_until_somebody_decides():
    seen = changed(converged(client()), LOST)
    found = planned(client(), seen, [account_key(usage=5.0)])["plan"]
    assert "replace_lost_key=true" in found["key"]["refused"]
    decided = planned(client(), seen, [account_key(usage=5.0)], aim=Aim(KeyAim(lost_secret="replace")))["plan"]
    assert decided["key"]["refused"] == "" and decided["key"]["makes"]


def test_a_lost_key_that_is_elsewhere_is_looked_for():
    seen = changed(converged(client()), {**LOST, "key_candidates": [{"hash": KEY, "found": "environment"}]})
    found = planned(client(), seen, [account_key(usage=5.0)])["plan"]
    assert found["key"]["refused"] == ""
    assert found["would"][0] == "Would look for the lost secret of the key client-company-abc elsewhere on the machine."
