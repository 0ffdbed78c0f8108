# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a client: what is removed, what becomes of its data, and what is said and recorded of it."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.offboarding import offboarding

from tests.unit.plan.situations import NATIVE, TEMPLATES, account_key, changed, client, converged, nothing

FOLDER = "/opt/mai/deployments/client-company-abc"
ARCHIVE = "/opt/mai/deployments/archive/client-company-abc-2026-11-28"
EARLIER = "/opt/mai/deployments/archive/client-company-abc-2026-01-02"
PLACES = {"mai_deployments_dir": "/opt/mai/deployments", "mai_handover_dir": "handovers"}
ASKED = {
    "time": "2026-11-28T12:34:56Z",
    "purge": False,
    "archives": [],
    "database": {},
    "inventory": "inventories/production/hosts.yml",
}
KEYS = (account_key().shown(), account_key(name="client-company-abc ~retired-49216395").shown())
SEEN, LOST = converged(client()), {}
UNIT = converged(client(**NATIVE))
NO_DATABASE = changed(SEEN, {"database/exists": False})
COPIED = {"counts": {"user": 3, "chat": 5}}
FAILED = {"msg": "The database `x` is a link."}


def ended(
    seen: t.Any, keys: t.Any = KEYS, asked: t.Mapping[str, t.Any] | None = None, done: bool = True
) -> dict[str, t.Any]:
    variables = client(**PLACES)
    return offboarding(seen, variables, keys, {**ASKED, **(asked or {})}, TEMPLATES["OFFBOARDED.md.j2"], done)


# The look, and the keys → due, instance, directory
DECISIONS: dict[str, tuple[t.Any, t.Any, tuple[bool, bool, bool]]] = {
    "everything": (SEEN, KEYS, (True, True, True)),
    "a unit": (UNIT, [], (True, True, True)),
    "only keys": (nothing(), KEYS, (True, False, False)),
    "only a container": (changed(nothing(), {"containers": SEEN["containers"]}), [], (True, True, False)),
    "only a unit": (changed(nothing(), {"unit": UNIT["unit"]}), [], (True, True, False)),
    "only a directory": (changed(SEEN, {"containers": []}), [], (True, True, True)),
    "nothing": (nothing(), [], (False, False, False)),
    "the machine is lost": (LOST, KEYS, (True, False, False)),
    "the machine is lost, again": (LOST, [], (False, False, False)),
}


@pytest.mark.parametrize("situation", DECISIONS)
def test_what_there_is_to_do(situation: str) -> None:
    seen, keys, decided = DECISIONS[situation]
    found = ended(seen, keys)
    assert (found["due"], found["instance"], found["directory"], found["refusal"]) == (*decided, "")


OTHERS = {"directory/exists": True}
CONTAINER = {"name": "x", "managed": False}
# What else is there → what is said to be somebody else's
FOREIGN: dict[str, tuple[t.Any, str]] = {
    "a directory": (changed(nothing(), OTHERS), f"the directory {FOLDER}"),
    "an empty directory": (changed(nothing(), {**OTHERS, "directory/empty": True}), ""),
    "a container": (changed(SEEN, {"containers/0/managed": False}), "the container mai-companyabc"),
    "a unit": (changed(UNIT, {"unit/managed": False}), "the unit mai-companyabc"),
    "all of them": (
        changed(UNIT, {"directory/managed": False, "unit/managed": False, "containers": [CONTAINER]}),
        f"the directory {FOLDER}, the container x, the unit mai-companyabc",
    ),
    "a machine that is lost": (LOST, ""),
}  # fmt: skip


@pytest.mark.parametrize("situation", FOREIGN)
def test_what_somebody_else_made_is_left_alone(situation: str) -> None:
    seen, foreign = FOREIGN[situation]
    assert ended(seen)["refusal"] == (
        f"keys disabled, nothing removed: {foreign} was not made by this collection for company-abc. Put it away by "
        "hand and run again; with -e host_lost=true only the keys are deleted."
        if foreign
        else ""
    )


# The look, and what was asked → the archive, and what is deleted
DATA: dict[str, tuple[t.Any, dict[str, t.Any], str, list[str]]] = {
    "archived": (SEEN, {}, ARCHIVE, []),
    "a second time on this day": (SEEN, {"archives": [ARCHIVE]}, f"{ARCHIVE}.123456", []),
    "deleted": (SEEN, {"purge": True}, ARCHIVE, [ARCHIVE]),
    "deleted with earlier ones": (
        SEEN,
        {"purge": True, "archives": [ARCHIVE, EARLIER]},
        f"{ARCHIVE}.123456",
        [EARLIER, ARCHIVE, f"{ARCHIVE}.123456"],
    ),
    "only earlier ones": (nothing(), {"purge": True, "archives": [EARLIER]}, ARCHIVE, [EARLIER]),
    "a machine that is lost": (LOST, {"purge": True}, ARCHIVE, []),
}


@pytest.mark.parametrize("situation", DATA)
def test_where_the_data_goes(situation: str) -> None:
    seen, asked, archive, doomed = DATA[situation]
    found = ended(seen, asked=asked)
    assert (found["archive"], found["doomed"]) == (archive, doomed)


WHO = "Company ABC (company-abc)"
DELETED = ["key client-company-abc: deleted", "key client-company-abc ~retired-49216395: deleted"]
REMOVED = "instance: removed; its image stays"
RECORD = "record: handovers/company-abc-offboarded-2026-11-28.md"
LAST = "remove company-abc from the inventory (inventories/production/hosts.yml)"
KEPT = f"earlier archives, kept until -e purge_data=true: {EARLIER}, {ARCHIVE}"
# The look, the keys, and what was asked → every line
DONE: dict[str, tuple[t.Any, t.Any, dict[str, t.Any], list[str]]] = {
    "as usual": (
        SEEN,
        KEYS,
        {"database": COPIED},
        [
            *(f"{WHO} is off-boarded", *DELETED, REMOVED),
            f"data: archived in `{ARCHIVE}`, final copy of the database: `webui-final.db`",
            *(RECORD, LAST),
        ],
    ),
    "no database": (
        NO_DATABASE,
        KEYS,
        {},
        [f"{WHO} is off-boarded", *DELETED, REMOVED, f"data: archived in `{ARCHIVE}`", RECORD, LAST],
    ),
    "no copy": (
        SEEN,
        KEYS,
        {"database": FAILED},
        [
            *(f"{WHO} is off-boarded", *DELETED, REMOVED),
            f"data: archived in `{ARCHIVE}`, without a final copy of the database: The database `x` is a link.",
            *(RECORD, LAST),
        ],
    ),
    "deleted": (
        SEEN,
        KEYS,
        {"purge": True, "archives": [EARLIER]},
        [
            *(f"{WHO} is off-boarded", *DELETED, REMOVED, "data: deleted, with earlier archives"),
            *(f"earlier archives: deleted, {EARLIER}", RECORD, LAST),
        ],
    ),
    "again": (
        nothing(),
        [],
        {"archives": [ARCHIVE, EARLIER]},
        [f"{WHO}: nothing to do, there is neither key nor instance", KEPT, LAST],
    ),
    "a machine that is lost": (
        LOST,
        KEYS,
        {},
        [
            *(f"{WHO} is off-boarded", *DELETED),
            "the machine was not touched: its instance and data may still be there",
            *(RECORD, LAST),
        ],
    ),
}


@pytest.mark.parametrize("situation", DONE)
def test_what_was_done(situation: str) -> None:
    seen, keys, asked, lines = DONE[situation]
    assert ended(seen, keys, asked)["summary"] == lines


def test_what_would_be_done() -> None:
    found = ended(SEEN, asked={"purge": True, "archives": [EARLIER]}, done=False)
    assert found["summary"] == [
        f"{WHO} would be off-boarded",
        *(line.replace("deleted", "would be deleted") for line in DELETED),
        "instance: would be removed; its image stays",
        "data: would be deleted, with earlier archives",
        f"earlier archives: would be deleted, {EARLIER}",
        RECORD,
        LAST,
    ]


QUOTED = "&#96;x&#96;"
GIVEN_UP = "which was given up as lost: nothing was done there"
# The look, and what was asked → lines of the record
RECORDS: dict[str, tuple[t.Any, dict[str, t.Any], list[str]]] = {
    "as usual": (
        SEEN,
        {"database": COPIED},
        [
            "| client | Company ABC (`company-abc`), organisation `company-abc-001` |",
            "| when | 2026-11-28T12:34:56Z |",
            f"| machine | 192.0.2.7, port 8001, docker, `{FOLDER}` |",
            "| image | `mai:1.4` |",
            "| database | 3 × user, 5 × chat |",
            f"| data | archived in `{ARCHIVE}`, final copy of the database: `webui-final.db` |",
            "| billing | raw cost × 1.3 |",
        ],
    ),
    "no database": (NO_DATABASE, {}, [f"| data | archived in `{ARCHIVE}` |"]),
    "no copy": (
        SEEN,
        {"database": FAILED},
        [f"| data | archived in `{ARCHIVE}`, without a final copy of the database: The database {QUOTED} is a link. |"],
    ),
    "deleted": (SEEN, {"purge": True}, ["| data | deleted, with earlier archives |"]),
    "only keys": (nothing(), {}, ["| data | none was there |"]),
    "a machine that is lost": (
        LOST,
        {},
        [
            f"| machine | 192.0.2.7, port 8001, docker, `{FOLDER}`, {GIVEN_UP} |",
            "| data | not reached |",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", RECORDS)
def test_what_is_recorded(situation: str) -> None:
    seen, asked, lines = RECORDS[situation]
    record = ended(seen, asked=asked)["record"]
    assert [line for line in lines if line not in record["text"].splitlines()] == []
    assert record["text"].startswith("# Company ABC was off-boarded\n")
    assert record["path"] == "handovers/company-abc-offboarded-2026-11-28.md"
    assert record["marker"] == "<!-- {mark} 2026-11-28T12:34:56Z -->"


def test_every_key_is_recorded_with_what_it_used() -> None:
    hashed = f"`{KEYS[0]['hash']}`"
    lines = ended(SEEN)["record"]["text"].splitlines()
    used = "0.000000 | 0.000000 | 1.000000 | 1.000000"
    assert lines[-2:] == [
        f"| `client-company-abc` | `sk-or-v1-0e6...1c96` | {hashed} | 500.00 | {used} | never |",
        f"| `client-company-abc ~retired-49216395` | `sk-or-v1-0e6...1c96` | {hashed} | 500.00 | {used} | never |",
    ]


def test_a_row_that_has_nothing_to_say_is_left_out() -> None:
    record = ended(changed(SEEN, {"containers": []}))["record"]["text"]
    assert "| image |" not in record and "| database |" not in record


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "external"])
def test_secrets_that_open_nothing_in_the_archive_do_not_come_there(kind: str) -> None:
    names = {
        "api_key.env": False,
        "api_key.env.previous": False,
        ".admin.env.x1y2": False,
        "database.env.previous": False,
        ".database.env.x1y2": False,
        "secrets.env": True,
        "settings.env": True,
        "HANDOVER.md": True,
        # The files of that PostgreSQL are there
        "database.env": kind != "external",
    }
    found = ended(converged(client(mai_database=kind)))["unneeded"]
    assert {name: not re.fullmatch(found, f"{FOLDER}/{name}") for name in names} == names
