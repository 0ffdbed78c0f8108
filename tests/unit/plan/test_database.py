# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database a client's instance has, what a run does about it, and what stands in the way."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.database import database, packages, problems, why
from ansible_collections.mai.clients.plugins.plugin_utils._variables import database_url_fault

from tests.unit.plan.situations import DATABASES, IMAGE, NEW_IMAGE, client, converged, nothing, planned

BESIDE = client(mai_database="postgresql")
ELSEWHERE = client(mai_database="external")
URL = "postgresql://mai:s3cret@db.example.com/company_abc"


def seen(**database_: t.Any) -> dict[str, t.Any]:
    found = nothing()
    found["database"] |= {"driver": True, "programs": True, **database_}
    return found


THERE = {**DATABASES["postgresql"], "exists": True}
ABROAD = {**DATABASES["external"], "exists": True}


@pytest.mark.parametrize(
    ("variables", "found", "about"),
    [
        (client(), {}, ""),
        (client(), {"exists": True, "kind": "sqlite"}, ""),
        (BESIDE, {}, ""),
        (BESIDE, THERE, ""),
        (ELSEWHERE, {**ABROAD, "as_wanted": True}, ""),
        # A run carries no data from one to another
        (client(), THERE, "its data is in PostgreSQL beside the instance (postgresql://mai-companyabc-database"),
        (client(), ABROAD, "set mai_database to external again"),
        (BESIDE, {"exists": True, "kind": "sqlite"}, "its data is in SQLite (/opt/mai"),
        (BESIDE, ABROAD, "set mai_database to external again"),
        (ELSEWHERE, THERE, "set mai_database to postgresql again"),
        # What a run cures is no obstacle
        (BESIDE, {**THERE, "error": "x", "error_reason": "stopped"}, ""),
        (BESIDE, {**THERE, "error": "x", "error_reason": "driver"}, ""),
        (BESIDE, {**THERE, "error": "It is damaged.", "error_reason": "damaged"}, "cannot be read: It is damaged."),
        # Of what is about to be replaced nobody asks
        (ELSEWHERE, {**ABROAD, "error": "x", "error_reason": "refused", "as_wanted": False}, ""),
        (ELSEWHERE, {**ABROAD, "error": "No.", "error_reason": "refused", "as_wanted": True}, "cannot be read: No."),
        (
            ELSEWHERE,
            {**ABROAD, "as_wanted": True, "organizations": [{"id": "northwind-001"}]},
            "holds the organisation northwind-001, which is not company-abc-001",
        ),
        (ELSEWHERE, {**ABROAD, "as_wanted": True, "organizations": [{"id": "company-abc-001"}]}, ""),
    ],
)
def test_what_stands_in_the_way(variables: dict[str, t.Any], found: dict[str, t.Any], about: str) -> None:
    result = list(problems(variables, seen(**found)))
    assert len(result) == bool(about) and about in "".join(result)


def test_data_is_brought_before_the_address_changes() -> None:
    look = converged(ELSEWHERE)
    look["database"] |= {"users": None, "in_use": False}
    [found] = problems(ELSEWHERE, look)
    assert "has no users, and is another one than the instance uses: bring its data there first" in found
    look["database"]["users"] = 3
    assert list(problems(ELSEWHERE, look)) == []


@pytest.mark.parametrize(
    ("variables", "found", "wanted"),
    [
        (client(), {"driver": False, "programs": False}, []),
        (BESIDE, {"driver": False, "programs": False}, ["python3-psycopg2"]),
        (ELSEWHERE, {"driver": False, "programs": False}, ["python3-psycopg2", "postgresql-client"]),
        (ELSEWHERE, {"driver": True, "programs": False}, ["postgresql-client"]),
        (ELSEWHERE, {}, []),
    ],
)
def test_what_the_machine_lacks(variables: dict[str, t.Any], found: dict[str, t.Any], wanted: list[str]) -> None:
    look = seen(**found)
    assert packages(variables, look) == wanted
    look["machine"]["system_id"] = "fedora"
    assert len(list(problems(variables, look))) == bool(wanted)


def test_its_image_is_switched_by_an_upgrade_alone() -> None:
    look = seen(**THERE)
    look["database_image"] = {"reference": "postgres:17", "present": True, "id": IMAGE}
    found = database(BESIDE, look, "mai-companyabc", False)
    assert (found["image"], found["keeps_image"], found["bring_image"]) == (IMAGE, False, False)
    look["database_image"]["id"] = NEW_IMAGE
    found = database(BESIDE, look, "mai-companyabc", False)
    assert (found["image"], found["keeps_image"], found["bring_image"]) == (IMAGE, True, False)
    assert database(BESIDE, look, "mai-companyabc", True)["image"] == NEW_IMAGE
    # Of one that is yet to come nothing is known: an upgrade brings it
    look["database_image"] = {"reference": "postgres:17", "present": False, "id": None}
    assert database(BESIDE, look, "mai-companyabc", False)["keeps_image"]
    assert database(BESIDE, look, "mai-companyabc", True)["bring_image"]
    look["database"]["service"] = None
    assert database(BESIDE, look, "mai-companyabc", False)["bring_image"]


@pytest.mark.parametrize(
    ("variables", "found", "reason"),
    [
        (client(), {"in_use": None}, ""),
        (BESIDE, {"in_use": True}, ""),
        (BESIDE, {"error_reason": "stopped", "in_use": True}, "its database does not run"),
        (BESIDE, {"in_use": False}, "its database's address or password"),
        (ELSEWHERE, {"in_use": True, "as_wanted": False}, "its database's address or password"),
        (ELSEWHERE, {"in_use": True, "as_wanted": True}, ""),
    ],
)
def test_why_it_is_started(variables: dict[str, t.Any], found: dict[str, t.Any], reason: str) -> None:
    look = seen(**found)
    assert "".join(why(variables, look, database(variables, look, "mai-companyabc", False))) == reason


def test_the_file_is_written_where_it_lacks_or_names_another() -> None:
    assert not planned(client(), nothing())["plan"]["instance"]["database"]["file_due"]
    for variables in (BESIDE, ELSEWHERE):
        plan = planned(variables, seen())["plan"]["instance"]
        assert plan["database"]["file_due"] and plan["secrets_missing"]
        assert plan["env_files"] == ["secrets.env", "admin.env", "database.env", "settings.env", "api_key.env"]
    look = seen(**ABROAD)
    look["files"]["database.env"] = {}
    assert not database(ELSEWHERE, look, "mai-companyabc", False)["file_due"]
    look["database"]["as_wanted"] = False
    found = database(ELSEWHERE, look, "mai-companyabc", False)
    assert found["file_due"] and found["look_again"]
    look = seen(**THERE)
    look["files"]["database.env"] = {}
    assert not database(BESIDE, look, "mai-companyabc", False)["file_due"]
    other_driver = {**BESIDE, "mai_database_driver": "psycopg"}
    assert database(other_driver, look, "mai-companyabc", False)["file_due"]
    look["database"] |= {**ABROAD, "own": False}
    assert database(BESIDE, look, "mai-companyabc", False)["file_due"]


@pytest.mark.parametrize(
    ("url", "about"),
    [
        (None, ""),
        ("", ""),
        (URL, ""),
        ("postgres://mai@[2001:db8::1]:5433/x", ""),
        ("postgresql+psycopg://u%40x:p%20w@db/x?sslmode=verify-full&sslrootcert=/etc/ca.pem", ""),
        ("postgresql+psycopg2://u:p@192.0.2.1/x", ""),
        (5, "give postgresql://"),
        ("mysql://u:p@db/x", "give postgresql://"),
        ("postgresql://u:p@ss@db/x", "give postgresql://"),
        ("postgresql://u:p/x@db/x", "give postgresql://"),
        ("postgresql://u:p@db", "give postgresql://"),
        ("postgresql://u:p@db:70000/x", "give postgresql://"),
        ("postgresql://u:p@db/x\n", "give postgresql://"),
        ("postgresql://u:p@db/x?service=other", "'service' after its '?' is none of"),
        ("postgresql://u:p@localhost/x", "localhost is the container itself"),
        ("postgresql://u:p@127.0.0.1/x", "localhost is the container itself"),
        ("postgresql://u:p@[::1]/x", "localhost is the container itself"),
    ],
)
def test_its_url(url: t.Any, about: str) -> None:
    fault = database_url_fault(url, in_container=True)
    assert bool(fault) == bool(about) and about in fault and "p@" not in fault
    if "localhost" in about:
        assert database_url_fault(url, in_container=False) == ""


@pytest.mark.parametrize(
    ("variables", "found", "moves"),
    [
        (client(), {}, False),
        (BESIDE, THERE, False),
        (ELSEWHERE, ABROAD, False),
        # Before its file is written, and once it was
        (ELSEWHERE, {**ABROAD, "as_wanted": False}, True),
        (ELSEWHERE, {**ABROAD, "in_use": False}, True),
        ({**BESIDE, "mai_database_driver": "psycopg"}, THERE, True),
    ],
)
def test_the_instance_comes_up_with_another_address_or_goes_back(
    variables: dict[str, t.Any], found: dict[str, t.Any], moves: bool
) -> None:
    look = seen(**found)
    # There is nothing to go back to
    assert not database(variables, look, "mai-companyabc", False)["moves"] or found.get("in_use") is False
    look["files"]["database.env"] = {}
    assert database(variables, look, "mai-companyabc", False)["moves"] is moves


def test_a_client_with_postgresql_is_converged_too() -> None:
    for variables in (BESIDE, ELSEWHERE):
        assert planned(variables, converged(variables))["plan"]["changes"] == []
