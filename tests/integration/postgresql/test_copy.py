# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a PostgreSQL database and its way back, by the machine's own pg_dump and pg_restore."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.mai.clients.plugins.module_utils._backup import database
from ansible_collections.mai.clients.plugins.module_utils._instance.place import place_of

from tests.integration.postgresql.conftest import Instance
from tests.unit.organization.process import MARK, run_module

CONTENT = """
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE TABLE "user" (id TEXT PRIMARY KEY, name TEXT, role TEXT, mood mood, last_active_at BIGINT, created_at BIGINT);
INSERT INTO "user" VALUES ('1', E'two\\nlines \\\\. and a tab\\t', 'admin', 'well', 0, 1);
INSERT INTO "user" VALUES ('2', E'\\\\.', 'user', 'ill', 0, 2);
CREATE TABLE chat (id SERIAL PRIMARY KEY, user_id TEXT REFERENCES "user" (id) ON DELETE CASCADE, chat JSON);
INSERT INTO chat (user_id, chat)
    SELECT '1', json_build_object('n', n, 'long', repeat('x', 1000)) FROM generate_series(1, 500) n;
CREATE TABLE alembic_version (version_num TEXT);
INSERT INTO alembic_version VALUES ('abc');
CREATE VIEW admins AS SELECT * FROM "user" WHERE role = 'admin';
"""
COUNTS = {"user": 2, "chat": 500}


@pytest.fixture
def copied(instance: Instance, tmp_path: pathlib.Path) -> dict[str, Any]:
    """The options for a client whose database is elsewhere, with content, and a copy of it."""
    with instance.connect() as connection:
        connection.execute(CONTENT)
    options = {"deployment_dir": str(tmp_path), "copy_path": str(tmp_path / "database.dump")}
    result = run_module("instance_database", **options, state="copied")
    assert (result["changed"], result["counts"]) == (True, COUNTS)
    return options


def test_a_copy_says_what_is_in_it_and_is_roots_own(copied: dict[str, Any], tmp_path: pathlib.Path) -> None:
    found = run_module("instance_database", **copied)
    assert (found["counts"], found["schema_revision"], found["changed"]) == (COUNTS, "abc", False)
    assert (tmp_path / "database.dump").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "database.dump.partial").exists()
    assert not run_module("instance_database", **copied, state="copied")["changed"]


def test_back_is_everything_as_it_was_and_nothing_of_what_came_later(
    copied: dict[str, Any], instance: Instance
) -> None:
    before = instance.sql('SELECT * FROM "user" ORDER BY id')
    instance.sql("DROP VIEW admins")
    instance.sql("ALTER TABLE chat RENAME TO conversation")
    instance.sql('DELETE FROM "user"')
    instance.sql("CREATE TABLE newer (id INT)")
    instance.sql("CREATE TYPE newer_type AS ENUM ('a')")
    result = run_module("instance_database", **copied, state="restored")
    assert (result["changed"], result["counts"]) == (True, COUNTS)
    assert instance.sql('SELECT * FROM "user" ORDER BY id') == before
    assert [row["n"] for row in instance.sql("SELECT count(*) AS n FROM admins")] == [1]
    tables = instance.sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
    assert {row["relname"] for row in tables} == {"user", "chat", "alembic_version"}
    assert instance.sql("SELECT 1 AS one FROM pg_type WHERE typname = 'newer_type'") == []
    # The next number of a sequence, too
    assert instance.sql("INSERT INTO chat (user_id) VALUES ('1') RETURNING id") == [{"id": 501}]


def test_a_copy_that_is_none_touches_nothing(
    copied: dict[str, Any], instance: Instance, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "database.dump").write_bytes((tmp_path / "database.dump").read_bytes()[:2000])
    result = run_module("instance_database", **copied, state="restored")
    assert result["failed"] and "cannot be read" in result["msg"]
    assert instance.sql('SELECT count(*) AS n FROM "user"') == [{"n": 2}]


def test_no_password_is_told(copied: dict[str, Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "database.env").write_text(f'DATABASE_URL="postgresql://admin:{MARK}wrong@127.0.0.1:1/x"\n')
    for state in ("described", "copied", "restored"):
        result = run_module("instance_database", **copied, state=state, overwrite=True)
        if state != "described":  # of the copy, which needs no server
            assert result["failed"] and MARK not in str(result)


@pytest.mark.parametrize(("active", "suspended"), [("1", False), ("0", True)])
def test_a_backup_holds_the_database_and_whose_it_is(
    copied: dict[str, Any], instance: Instance, tmp_path: pathlib.Path, active: str, suspended: bool
) -> None:
    instance.sql("CREATE TABLE client_organizations (name TEXT, id TEXT PRIMARY KEY, is_active INTEGER)")
    instance.sql(f"INSERT INTO client_organizations VALUES (E'two\nlines', E'tab\t\\\\n', {active})")
    (tmp_path / "stage").mkdir()
    found = database.copy_into(str(tmp_path), str(tmp_path / "stage"))
    assert found == {
        "counts": {**COUNTS, "client_organizations": 1},
        "schema_revision": "abc",
        "organizations": ["tab\t\\n"],
        "suspended": suspended,
    }
    assert database.kind_of(str(tmp_path / "stage")) == "postgresql"
    assert database.describe(place_of(str(tmp_path)), str(tmp_path / "stage")) == found
    assert database.describe_live(str(tmp_path)) == found
