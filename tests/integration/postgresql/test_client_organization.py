# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""client_organization on a real PostgreSQL server, through both drivers."""

from __future__ import annotations

import time

import psycopg
import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from tests.kit.schema import BY_HAND, GUIDE, ORM, USER
from tests.unit.organization.process import KEY, MARK, OLD_KEY
from tests.unit.organization.test_client_organization import HOSTILE_NAMES

SHAPES = {"ORM": ORM, "SQLite DDL": GUIDE, "by hand": BY_HAND}


@pytest.mark.parametrize("shape", SHAPES)
def test_create_change_and_remove(instance, shape):
    instance.sql(USER + SHAPES[shape])
    instance.sql("INSERT INTO \"user\" VALUES ('user-1', 'One'), ('user-2', 'Two')")
    told = instance.onboard(check=True)
    assert told["changed"] is True
    assert instance.sql("SELECT * FROM client_organizations") == []

    done = instance.onboard()
    assert done["actions"] == told["actions"]
    (row,) = instance.sql("SELECT * FROM client_organizations")
    assert row["openrouter_api_key"] == KEY
    assert row.get("openrouter_key_hash", sha256(KEY)) == sha256(KEY)
    assert float(row["markup_rate"]) == 1.35
    assert float(row["monthly_limit"]) == pytest.approx(12345678.9)
    assert row["is_active"] == 1
    for table in done["users"]:
        users = instance.sql(f"SELECT user_id, is_active FROM {table} ORDER BY user_id")
        assert [user["user_id"] for user in users] == ["user-1", "user-2"]
        assert all(user["is_active"] for user in users)
    again = instance.onboard()
    assert again["changed"] is False
    assert again["users"] == done["users"]
    assert instance.sql("SELECT * FROM client_organizations") == [row]

    assert instance.organization(monthly_limit="none", active=False)["changed"] is True
    (changed,) = instance.sql("SELECT * FROM client_organizations")
    assert changed["monthly_limit"] is None
    assert not changed["is_active"]
    assert changed["created_at"] == row["created_at"]
    assert changed["updated_at"] > row["updated_at"]
    assert instance.organization(monthly_limit="none", active=False)["changed"] is False

    assert instance.organization(state="absent")["changed"] is True
    assert instance.sql("SELECT * FROM client_organizations") == []
    for table in done["users"]:
        assert instance.sql(f"SELECT * FROM {table}") == []
    assert instance.organization(state="absent")["changed"] is False


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_is_data(instance, name):
    instance.sql(USER + ORM)
    instance.sql('INSERT INTO "user" (id, name) VALUES (%s, %s)', name, name)
    assert instance.onboard(name=name, id=name)["changed"] is True
    (row,) = instance.sql("SELECT * FROM client_organizations")
    assert (row["id"], row["name"]) == (name, name)
    assert len(instance.sql("SELECT * FROM user_client_mapping WHERE user_id = %s", name)) == 1
    assert instance.onboard(name=name, id=name)["changed"] is False


def test_the_row_that_the_instance_wrote_is_completed(instance):
    instance.sql(ORM)
    instance.sql(
        "INSERT INTO client_organizations (id, name, openrouter_api_key, created_at, updated_at) "
        "VALUES ('company-abc-001', 'Old name', %s, 1755000000, 1755000000)",
        OLD_KEY,
    )
    result = instance.onboard()
    assert result["timestamp_unit"] == "s"
    (row,) = instance.sql("SELECT * FROM client_organizations")
    assert (row["name"], row["openrouter_api_key"], row["created_at"]) == ("Company ABC", KEY, 1755000000)
    assert 1755000000 < row["updated_at"] <= time.time()


def test_conflicts_name_both(instance):
    instance.sql(ORM)
    instance.onboard(id="mai_client_0a1b2c3d")
    result = instance.onboard()
    assert result["reason"] == "organization"
    assert '"mai_client_0a1b2c3d"' in result["msg"]
    assert '"company-abc-001"' in result["msg"]


def test_missing_table_and_its_creation(instance):
    instance.sql(USER)
    result = instance.onboard()
    assert result["reason"] == "organization"
    assert "create_table" in result["msg"]
    assert instance.onboard(check=True, create_table=True)["created_table"] is True
    assert instance.onboard()["failed"] is True
    assert instance.onboard(create_table=True)["created_table"] is True
    assert instance.sql("SELECT monthly_limit FROM client_organizations") == [{"monthly_limit": 12345678.9}]
    assert instance.onboard(create_table=True)["changed"] is False


def test_a_failed_insert_leaves_no_table(instance):
    assert instance.organization(create_table=True)["failed"] is True
    instance.sql("CREATE DOMAIN short AS TEXT CHECK (length(VALUE) < 5)")
    assert instance.sql("SELECT to_regclass('client_organizations') AS found") == [{"found": None}]


def test_what_the_server_says_of_a_value_is_not_passed_on(instance):
    instance.sql(ORM + "CREATE UNIQUE INDEX one_name ON client_organizations (name);")
    name = f"{MARK} as a name"
    instance.sql(
        "INSERT INTO client_organizations (id, name, openrouter_api_key, is_active, created_at, updated_at) "
        "VALUES ('other', %s, 'other', 0, 1, 1)",
        name,
    )
    # run_module itself makes sure that the name, which the server quotes, is in no output.
    result = instance.onboard(name=name)
    assert result["reason"] == "constraint"
    assert "one_name" in result["msg"]

    instance.sql("ALTER TABLE client_organizations ALTER COLUMN billing_email TYPE INTEGER USING 0")
    result = instance.onboard(billing_email=f"{MARK}@example.com")
    assert result["reason"] == "refused"


def test_locked_table(instance):
    instance.sql(ORM)
    with instance.connect() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE client_organizations IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        result = instance.onboard(wait_timeout=0.5)
        assert result["reason"] == "locked"
        assert 0.5 <= time.monotonic() - started < 30
        other.execute("ROLLBACK")
        other.execute("BEGIN")
        other.execute("INSERT INTO client_organizations VALUES ('x', 'x', 'x', 'x', 1, 1, 'x', 'x', 0, 1, 1)")
        assert instance.onboard(wait_timeout=0.5)["reason"] == "locked"
        assert instance.onboard(check=True, wait_timeout=0.5)["changed"] is True
        other.execute("ROLLBACK")
    assert instance.onboard()["changed"] is True


def test_runs_at_once_make_one_row(instance):
    instance.sql(USER + ORM)
    instance.sql("INSERT INTO \"user\" VALUES ('user-1', 'One')")
    runs = [instance.start() for _run in range(4)]
    results = [finish() for finish in runs]
    assert not any(result.get("failed") for result in results), results
    assert len(instance.sql("SELECT * FROM client_organizations")) == 1
    assert len(instance.sql("SELECT * FROM user_client_mapping")) == 1
    assert sum("create the organisation" in result["actions"] for result in results) == 1


def test_read_only_server(instance):
    instance.sql(ORM)
    instance.sql(f'ALTER DATABASE "{instance.name}" SET default_transaction_read_only = on')
    assert instance.onboard(check=True)["changed"] is True
    assert instance.onboard()["reason"] == "readonly"


def test_user_without_rights(instance, server):
    instance.sql(ORM)
    role = f"guest_{instance.name}"
    instance.sql(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'guest'")
    try:
        result = instance.onboard(database_url=server.url(instance.name, role, "guest"))
        assert result["reason"] == "refused"
        assert "client_organizations" in result["msg"] or "of the instance" in result["msg"]
        instance.sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
        assert instance.onboard(check=True, database_url=server.url(instance.name, role, "guest"))["changed"] is True
        assert instance.onboard(database_url=server.url(instance.name, role, "guest"))["reason"] == "refused"
    finally:
        instance.sql(f'DROP OWNED BY "{role}"')
        instance.sql(f'DROP ROLE "{role}"')


def test_url_forms(instance):
    instance.sql(ORM)
    for scheme, changed in (("postgresql+psycopg", True), ("postgres", False)):
        url = instance.url.replace("postgresql", scheme, 1)
        assert instance.onboard(database_url=url)["changed"] is changed


def test_wrong_password_and_missing_database(instance, server):
    result = instance.onboard(database_url=server.url(instance.name, password=f"{MARK}-wrong"))
    assert result["reason"] == "refused"
    assert "password" in result["msg"]
    result = instance.onboard(database_url=server.url("no_such_database"))
    assert result["reason"] == "refused"
    assert f"127.0.0.1:{server.port}/no_such_database" in result["msg"]


def test_a_connection_that_is_cut(instance):
    from ansible_collections.mai.clients.plugins.module_utils._database import connect
    from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError

    instance.sql(ORM)
    with pytest.raises(DatabaseError) as caught, connect(url=instance.url) as database:
        (me,) = database.query("SELECT pg_backend_pid() AS pid")
        with psycopg.connect(instance.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (me["pid"],))
        database.query('SELECT * FROM "client_organizations"')
    assert caught.value.reason == "unreachable"
    assert MARK not in str(caught.value)
