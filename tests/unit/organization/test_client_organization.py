# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""client_organization on real SQLite files, run as a process as Ansible runs it."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess
import sys
import time

import pytest
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from tests.kit.schema import DAILY_USAGE, A, B, C, loose
from tests.unit.organization.conftest import SHAPES
from tests.unit.organization.process import KEY, MARK, OLD_KEY, ROOT, run_module

HOSTILE_NAMES = (
    'Żółw & Söhne "Sp. z o.o."',
    "O'Brien $HOME",
    "two\nlines\ttab",
    "'; DROP TABLE client_organizations; --",
    "? %s %(name)s :name {{ name }} {x}",
    "株式会社 🐢",
    "\\ ` # : - !vault",
    "true",
    "1e3",
    " leading and trailing ",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_creates_the_row_in_every_generation_and_a_second_run_changes_nothing(instance, shape):
    instance.create(SHAPES[shape])
    before = time.time()
    first = instance.onboard()
    assert first["changed"] is True
    assert first["actions"] == ["create the organisation"]
    (row,) = instance.rows()
    assert row["id"] == "company-abc-001"
    assert row["name"] == "Company ABC"
    assert row["openrouter_api_key"] == KEY
    assert row["markup_rate"] == 1.3
    assert row["monthly_limit"] == 500
    assert row["billing_email"] == "billing@companyabc.com"
    assert row["is_active"] == 1
    assert row.get("timezone", "Europe/Warsaw") == "Europe/Warsaw"
    assert row.get("openrouter_key_hash", sha256(KEY)) == sha256(KEY)
    assert before * 1000 - 1 <= row["created_at"] == row["updated_at"] <= time.time() * 1000
    assert first["organization"]["key_hash"] == sha256(KEY)
    assert first["timestamp_unit"] == "ms"

    content = instance.database.read_bytes()
    second = instance.onboard()
    assert second["changed"] is False
    assert second["actions"] == []
    assert second["organization"] == first["organization"]
    assert second["diff"]["before"] == second["diff"]["after"]
    assert instance.database.read_bytes() == content


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_is_data(instance, name):
    instance.create(C, name)
    assert instance.onboard(name=name, id=name, billing_email=name)["changed"] is True
    (row,) = instance.rows()
    assert (row["id"], row["name"], row["billing_email"]) == (name, name, name)
    assert instance.sql("SELECT user_id FROM organization_members WHERE organization_id = ?", name) == [
        {"user_id": name}
    ]
    assert instance.onboard(name=name, id=name, billing_email=name)["changed"] is False
    assert instance.organization(id=name, state="absent")["changed"] is True
    assert instance.rows() == []


@pytest.mark.parametrize("key", ['"', "$HOME", "\\", "'; DROP TABLE client_organizations; --", "ż\n#x"])
def test_any_key_is_data(instance, key):
    from ansible_collections.mai.clients.plugins.module_utils._envfile import dump

    instance.create(B)
    instance.key_file.write_text(dump({"MY_KEY": MARK + key}), encoding="utf-8")
    arguments = dict(openrouter_api_key_variable="MY_KEY")
    assert instance.onboard(**arguments)["organization"]["key_hash"] == sha256(MARK + key)
    assert instance.rows()[0]["openrouter_api_key"] == MARK + key
    assert instance.onboard(**arguments)["changed"] is False


@pytest.mark.parametrize("option", ["name", "id", "billing_email"])
def test_text_that_not_every_database_can_store_is_refused(instance, option):
    instance.create(B)
    result = instance.onboard(**{option: "a\0b"})
    assert result["reason"] == "invalid"
    assert option in result["msg"]
    assert instance.rows() == []


def test_check_mode_tells_the_same_and_writes_nothing(instance):
    instance.create(C, "user-1")
    content = instance.database.read_bytes()
    told = instance.onboard(check=True)
    assert told["changed"] is True
    assert instance.database.read_bytes() == content
    done = instance.onboard()
    assert told["actions"] == done["actions"]
    assert told["diff"]["before"] == done["diff"]["before"] == {}
    times = ("created_at", "updated_at")
    for result in (told, done):
        for column in times:
            del result["diff"]["after"][column]
    assert told["diff"]["after"] == done["diff"]["after"]

    content = instance.dump()
    told = instance.organization(check=True, monthly_limit=750)
    assert told["changed"] is True
    assert told["actions"] == ["change monthly_limit"]
    assert (told["diff"]["before"]["monthly_limit"], told["diff"]["after"]["monthly_limit"]) == (500, 750)
    assert instance.dump() == content
    told = instance.organization(check=True, state="absent")
    assert told["actions"] == ["remove the organisation"]
    assert told["diff"]["after"] == {}
    assert instance.dump() == content


def test_the_row_that_the_instance_wrote_is_completed(seeded):
    instance = seeded()
    result = instance.onboard()
    assert result["actions"] == ["change billing_email, monthly_limit"]
    (row,) = instance.rows()
    assert row["created_at"] == 1755000000
    assert 1755000000 < row["updated_at"] <= time.time()
    assert row["openrouter_key_hash"] == sha256(KEY)
    assert row["timezone"] == "Europe/Warsaw"
    assert result["timestamp_unit"] == "s"
    assert instance.onboard()["changed"] is False


def test_only_the_hash_is_missing(seeded):
    instance = seeded(monthly_limit=500, billing_email="billing@companyabc.com")
    assert instance.onboard()["actions"] == ["change openrouter_key_hash"]
    assert instance.onboard()["changed"] is False


def test_what_is_not_given_stays(seeded):
    instance = seeded(monthly_limit=500, billing_email="a@b.c", markup_rate=1.5, timezone="UTC", is_active=0)
    before = instance.rows()[0]
    assert instance.organization(monthly_limit=750)["changed"] is True
    after = instance.rows()[0]
    assert after.pop("updated_at") > before.pop("updated_at")
    before.update(monthly_limit=750, openrouter_key_hash=sha256(KEY))
    assert after == before


def test_updated_at_changes_only_with_the_row(seeded):
    instance = seeded()
    instance.onboard()
    instance.sql("UPDATE client_organizations SET updated_at = 1755000001")
    assert instance.onboard()["changed"] is False
    assert instance.rows()[0]["updated_at"] == 1755000001
    assert instance.onboard(monthly_limit=501)["changed"] is True
    assert instance.rows()[0]["updated_at"] > 1755000001


@pytest.mark.parametrize(
    "given, stored",
    [(750, 750), ("750", 750), ("750.5", 750.5), (0, 0), ("none", None), ("None", None), (None, 500)],
)
def test_limit(seeded, given, stored):
    instance = seeded(monthly_limit=500)
    instance.organization(monthly_limit=given)
    assert instance.rows()[0]["monthly_limit"] == stored
    assert instance.organization(monthly_limit=given)["changed"] is False


@pytest.mark.parametrize("given", ["", "unlimited", "-1", -0.01, True, "nan", "inf", "7,5", [500], {}])
def test_what_is_no_limit_is_refused(seeded, given):
    instance = seeded(monthly_limit=500)
    result = instance.organization(monthly_limit=given)
    assert result["reason"] == "invalid"
    assert "monthly_limit" in result["msg"]
    assert "none" in result["msg"]
    assert instance.rows()[0]["monthly_limit"] == 500


@pytest.mark.parametrize("rate", [0, -1.3, "nan", "inf"])
def test_what_is_no_markup_is_refused(seeded, rate):
    assert seeded().organization(markup_rate=rate)["reason"] == "invalid"


def test_email_is_cleared_by_an_empty_value(seeded):
    instance = seeded(billing_email="a@b.c")
    assert instance.organization(billing_email="")["changed"] is True
    assert instance.rows()[0]["billing_email"] is None
    assert instance.organization(billing_email="")["changed"] is False


def test_active(seeded):
    instance = seeded()
    assert instance.organization(active=False)["actions"] == ["change is_active"]
    assert instance.rows()[0]["is_active"] == 0
    assert instance.onboard()["organization"]["is_active"] is False, "a suspended client must stay suspended"
    assert instance.organization(active=False)["changed"] is False
    assert instance.organization(active=True)["changed"] is True
    assert instance.rows()[0]["is_active"] == 1


def test_rotated_key(seeded):
    instance = seeded(openrouter_api_key=OLD_KEY, openrouter_key_hash=sha256(OLD_KEY))
    result = instance.organization(openrouter_api_key_file=str(instance.key_file))
    assert result["actions"] == ["change openrouter_api_key"]
    assert result["diff"]["before"]["openrouter_api_key"] == f"SHA-256 {sha256(OLD_KEY)[:12]}…"
    assert result["diff"]["after"]["openrouter_api_key"] == f"SHA-256 {sha256(KEY)[:12]}…"
    row = instance.rows()[0]
    assert (row["openrouter_api_key"], row["openrouter_key_hash"]) == (KEY, sha256(KEY))


def test_a_key_in_the_column_of_the_hash_is_not_shown_either(seeded):
    instance = seeded(openrouter_key_hash=KEY)
    assert instance.onboard()["diff"]["before"]["openrouter_key_hash"] == "not a hash"
    assert instance.rows()[0]["openrouter_key_hash"] == sha256(KEY)


def test_key_as_an_option(instance):
    instance.create(B)
    assert instance.organization(name="ABC", openrouter_api_key=KEY)["changed"] is True
    assert instance.rows()[0]["openrouter_api_key"] == KEY


@pytest.mark.parametrize("other_active", [0, 1])
def test_the_same_key_under_another_id_is_an_error_that_names_both(seeded, other_active):
    instance = seeded(id="mai_client_0a1b2c3d", is_active=other_active)
    before = instance.dump()
    for check in (True, False):
        result = instance.onboard(check=check)
        assert result["reason"] == "organization"
        assert '"company-abc-001"' in result["msg"]
        assert '"mai_client_0a1b2c3d"' in result["msg"]
        assert "same key" in result["msg"]
    assert instance.dump() == before


def test_a_second_active_organisation_is_an_error_that_names_both(seeded):
    instance = seeded(id="mai_client_0a1b2c3d", openrouter_api_key=OLD_KEY)
    before = instance.dump()
    result = instance.onboard()
    assert result["reason"] == "organization"
    assert '"company-abc-001"' in result["msg"]
    assert '"mai_client_0a1b2c3d"' in result["msg"]
    assert "active: false" in result["msg"]
    assert instance.dump() == before

    assert instance.organization(id="mai_client_0a1b2c3d", active=False)["changed"] is True
    assert instance.onboard()["changed"] is True
    assert [row["is_active"] for row in instance.rows()] == [1, 0]
    assert instance.organization(id="mai_client_0a1b2c3d", active=True)["reason"] == "organization"


def test_a_row_of_another_organisation_is_never_changed(seeded):
    instance = seeded(id="other", openrouter_api_key=OLD_KEY, is_active=0)
    (other,) = instance.rows()
    instance.onboard()
    assert other in instance.rows()


@pytest.mark.parametrize(
    "unit, row, used",
    [
        ("auto", 1755000000, "s"),
        ("auto", 1755000000000, "ms"),
        ("s", 1755000000000, "s"),
        ("ms", 1755000000, "ms"),
    ],
)
def test_unit_of_time(seeded, unit, row, used):
    instance = seeded(created_at=row, updated_at=row)
    result = instance.organization(monthly_limit=1, timestamp_unit=unit)
    assert result["timestamp_unit"] == used
    stored = instance.rows()[0]
    assert stored["created_at"] == row
    assert (stored["updated_at"] > 100_000_000_000) == (used == "ms")


def test_unit_of_a_new_row_is_the_tables(seeded):
    instance = seeded(id="other", openrouter_api_key=OLD_KEY, is_active=0)
    assert instance.onboard()["timestamp_unit"] == "s"
    assert instance.rows()[0]["created_at"] < 100_000_000_000


def test_columns_that_do_not_exist_are_reported(instance):
    instance.create(SHAPES["guide"])
    result = instance.onboard(timezone="UTC")
    assert result["changed"] is True
    assert result["missing_columns"] == ["timezone"]
    assert result["organization"]["timezone"] is None
    assert instance.onboard(timezone="UTC")["changed"] is False


def test_new_row_needs_name_and_key(instance):
    instance.create(B)
    result = instance.organization(monthly_limit=5)
    assert result["reason"] == "organization"
    assert "name and openrouter_api_key" in result["msg"]
    assert instance.organization(name="", openrouter_api_key=KEY)["reason"] == "invalid"
    assert instance.onboard(id="")["reason"] == "invalid"
    assert instance.rows() == []


def test_text_in_a_column_for_numbers(seeded):
    instance = seeded(monthly_limit="unlimited", markup_rate="1,5")
    assert instance.organization(name="Other name")["organization"]["monthly_limit"] is None
    assert instance.onboard()["actions"] == ["change billing_email, markup_rate, monthly_limit, name"]
    assert instance.onboard()["changed"] is False


@pytest.mark.parametrize("seconds", [-1, "nan", "inf", 1e6])
def test_impossible_waiting(instance, seconds):
    result = instance.onboard(wait_timeout=seconds)
    assert result["reason"] == "invalid"
    assert "wait_timeout" in result["msg"]


# --- users ------------------------------------------------------------------------------------------------------


def test_users_are_mapped_where_the_table_exists(instance):
    instance.create(A, "user-1", "user-2")
    result = instance.onboard()
    assert result["actions"] == ["create the organisation", "add 2 users to user_client_mapping"]
    assert result["users"] == {"user_client_mapping": 2}
    rows = instance.sql("SELECT * FROM user_client_mapping ORDER BY user_id")
    assert [row["user_id"] for row in rows] == ["user-1", "user-2"]
    assert {row["client_org_id"] for row in rows} == {"company-abc-001"}
    assert rows[0]["openrouter_user_id"] == f"company-abc-001_user_{sha256('user-1')[:8]}"
    assert {row["is_active"] for row in rows} == {1}
    assert len({row["id"] for row in rows}) == 2
    assert instance.onboard()["changed"] is False

    updated_at = instance.rows()[0]["updated_at"]
    instance.add_user("user-3", "pending")
    assert instance.onboard()["actions"] == ["add 1 users to user_client_mapping"]
    assert instance.rows()[0]["updated_at"] == updated_at, "the row itself did not change"


def test_members_are_added_and_existing_ones_left_as_they_are(seeded):
    instance = seeded(C)
    instance.add_user("user-1")
    instance.add_user("user-2", "admin")
    instance.sql(
        "INSERT INTO organization_members VALUES (?, ?, ?, ?, ?)", "company-abc-001", "user-1", "owner", 0, 1755000000
    )
    result = instance.onboard()
    assert result["users"] == {"organization_members": 2}
    assert result["diff"]["before"]["users in organization_members"] == 1
    assert result["diff"]["after"]["users in organization_members"] == 2
    old, new = instance.sql("SELECT * FROM organization_members ORDER BY user_id")
    assert (old["role"], old["is_active"], old["joined_at"]) == ("owner", 0, 1755000000)
    assert (new["role"], new["is_active"]) == ("member", 1)
    assert 1755000000 < new["joined_at"] < 100_000_000_000
    assert instance.onboard()["changed"] is False


def test_users_are_left_alone_on_request(instance):
    instance.create(C, "user-1")
    assert instance.onboard(map_users=False)["users"] == {}
    assert instance.sql("SELECT * FROM organization_members") == []


def test_ids_that_the_database_numbers_itself(instance):
    ddl = A.replace("user_client_mapping ( id TEXT", "user_client_mapping ( id INTEGER")
    assert ddl != A
    instance.create(ddl, "user-1", "user-2")
    instance.onboard()
    assert [row["id"] for row in instance.sql("SELECT id FROM user_client_mapping ORDER BY id")] == [1, 2]


# --- absent -----------------------------------------------------------------------------------------------------


def test_absent(instance):
    instance.create(A, "user-1")
    instance.onboard()
    instance.sql(loose(DAILY_USAGE))
    instance.sql("INSERT INTO client_daily_usage (client_org_id, raw_cost) VALUES (?, ?)", "company-abc-001", 1.5)
    result = instance.organization(state="absent")
    assert result["changed"] is True
    assert result["organization"] is None
    assert instance.rows() == []
    assert instance.sql("SELECT * FROM user_client_mapping") == []
    assert len(instance.sql("SELECT * FROM client_daily_usage")) == 1, "what is billed must be kept"
    assert instance.organization(state="absent")["changed"] is False


def test_absent_leaves_others(seeded):
    instance = seeded(id="other")
    assert instance.organization(state="absent")["changed"] is False
    assert len(instance.rows()) == 1


def test_absent_without_the_table(instance):
    instance.create("")
    assert instance.organization(state="absent")["changed"] is False


# --- the table --------------------------------------------------------------------------------------------------


def test_missing_table(instance):
    instance.create("")
    result = instance.onboard()
    assert result["reason"] == "organization"
    assert "create_table" in result["msg"]
    assert str(instance.database) in result["msg"]


def test_table_is_created_on_request(instance):
    instance.create("", "user-1")
    before = instance.dump()
    told = instance.onboard(check=True, create_table=True)
    assert told["actions"] == ["create the table client_organizations", "create the organisation"]
    assert instance.dump() == before
    result = instance.onboard(create_table=True)
    assert result["created_table"] is True
    row = instance.rows()[0]
    assert row["timezone"] == "Europe/Warsaw"
    assert (row["markup_rate"], row["monthly_limit"]) == (1.3, 500.0)
    assert instance.onboard(create_table=True)["changed"] is False


def test_a_failed_insert_leaves_no_table(instance):
    instance.create("")
    result = instance.organization(create_table=True, name="no key")
    assert result["failed"] is True
    assert instance.sql("SELECT name FROM sqlite_master WHERE name = ?", "client_organizations") == []


def test_a_table_of_another_kind(instance):
    instance.create("CREATE TABLE client_organizations (id TEXT, title TEXT);")
    result = instance.onboard()
    assert result["reason"] == "organization"
    assert "name, openrouter_api_key" in result["msg"]


def test_a_constraint_of_the_table(instance):
    instance.create(B.replace("billing_email TEXT", "billing_email TEXT NOT NULL"))
    result = instance.onboard(billing_email=None)
    assert result["reason"] == "constraint"
    assert "client_organizations.billing_email" in result["msg"]
    assert instance.rows() == []


# --- the database -----------------------------------------------------------------------------------------------


def test_missing_database(instance):
    result = instance.onboard()
    assert result["reason"] == "missing"
    assert str(instance.database) in result["msg"]
    assert not instance.database.exists()
    instance.database.mkdir()
    assert instance.onboard()["reason"] == "foreign"


def test_not_a_database(instance):
    instance.database.write_bytes(b"PK\3\4 " * 1000)
    assert instance.onboard()["reason"] == "damaged"


def test_empty_file(instance):
    instance.database.write_bytes(b"")
    assert instance.onboard()["reason"] == "organization"
    assert instance.database.read_bytes() == b""


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_locked_database(instance, journal):
    instance.create(B)
    instance.sql(f"PRAGMA journal_mode={journal}")
    writer = sqlite3.connect(instance.database, isolation_level=None)
    try:
        writer.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        result = instance.onboard(wait_timeout=0.5)
        assert result["reason"] == "locked"
        assert "wait_timeout" in result["msg"]
        assert 0.5 <= time.monotonic() - started < 20
    finally:
        writer.close()
    assert instance.onboard()["changed"] is True


def test_a_run_without_changes_does_not_wait_for_a_writer(instance):
    instance.create(B)
    instance.sql("PRAGMA journal_mode=wal")
    instance.onboard()
    writer = sqlite3.connect(instance.database, isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        result = instance.onboard(wait_timeout=0.1)
    finally:
        writer.close()
    assert result["changed"] is False


def test_read_only_database(instance):
    instance.create(B)
    # The version in the header that tells SQLite not to write: read-only even for root.
    content = bytearray(instance.database.read_bytes())
    content[18] = 3
    instance.database.write_bytes(content)
    assert instance.onboard(check=True)["changed"] is True
    result = instance.onboard()
    assert result["reason"] == "readonly"
    assert "become" in result["msg"]


def test_beside_a_writer_that_never_stops(instance):
    instance.create(B)
    instance.sql("PRAGMA journal_mode=wal")
    script = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n"
        "for number in range(10**9):\n"
        "    connection.execute('INSERT INTO processed_generations VALUES (?, 1, 1, 1, 0.1, 1)', (str(number),))\n"
        "    time.sleep(0.001)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(instance.database)])
    try:
        while not instance.sql("SELECT * FROM processed_generations LIMIT 1"):
            assert writer.poll() is None
            time.sleep(0.01)
        assert instance.onboard()["changed"] is True
        for limit in (100, 200):
            assert instance.organization(monthly_limit=limit)["changed"] is True
        assert instance.organization(monthly_limit=200)["changed"] is False
        assert writer.poll() is None, "the instance's own writing failed"
    finally:
        writer.kill()
        writer.wait()
    assert instance.rows()[0]["monthly_limit"] == 200


def test_runs_at_once_make_one_row(instance):
    instance.create(C, "user-1")
    runs = [instance.start() for _run in range(4)]
    results = [finish() for finish in runs]
    assert not any(result.get("failed") for result in results)
    assert len(instance.rows()) == 1
    assert len(instance.sql("SELECT * FROM organization_members")) == 1
    assert sum("create the organisation" in result["actions"] for result in results) == 1


def test_check_mode_after_a_writer_was_killed_in_its_transaction(instance):
    instance.create(B)
    instance.sql("CREATE TABLE big (a)")
    for _row in range(100):
        instance.sql("INSERT INTO big VALUES (?)", b"x" * 4000)
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size=2')\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('UPDATE big SET a = randomblob(4000)')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(instance.database)], check=False)
    assert pathlib.Path(f"{instance.database}-journal").stat().st_size > 0
    assert instance.onboard(check=True)["changed"] is True
    assert instance.rows() == []
    assert instance.onboard()["changed"] is True


def test_a_file_name_that_means_something_in_a_uri(instance):
    instance.create(B)
    odd = instance.database.with_name("a b?mode=memory#%41.db")
    instance.database.rename(odd)
    instance.database = odd
    assert instance.onboard()["changed"] is True
    assert len(instance.rows()) == 1


# --- options ----------------------------------------------------------------------------------------------------


def test_exactly_one_database(instance):
    result = run_module("client_organization", id="x", name="x")
    assert "database_path" in result["msg"]
    assert instance.organization(database_url=f"postgresql://u:{MARK}@h/d")["failed"] is True


def test_secret_file_problems(instance):
    instance.create(B)
    instance.key_file.unlink()
    result = instance.onboard()
    assert result["reason"] == "secret"
    assert str(instance.key_file) in result["msg"]
    instance.key_file.write_text(f'OTHER="{KEY}"\nOPENAI_API_KEY=""\n')
    result = instance.onboard()
    assert result["reason"] == "secret"
    assert "OPENAI_API_KEY" in result["msg"]
    instance.key_file.write_bytes(b'OPENAI_API_KEY="\xff' + KEY.encode() + b'"')
    assert instance.onboard()["reason"] == "secret"
    os.unlink(instance.key_file)
    instance.key_file.mkdir()
    assert instance.onboard()["reason"] == "secret"


def test_nothing_leaks_when_ansible_runs_it_at_its_most_talkative(instance, tmp_path):
    """Through AnsiballZ, with everything that ansible-core can be made to print, success and failure."""
    instance.create(B)
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Create
      mai.clients.client_organization:
        database_path: {instance.database}
        id: company-abc-001
        name: Company ABC
        openrouter_api_key_file: {instance.key_file}
    - name: Another organisation with the same key
      mai.clients.client_organization:
        database_path: {instance.database}
        id: second
        name: Second
        openrouter_api_key_file: {instance.key_file}
      ignore_errors: true
    - name: A database that cannot be reached
      mai.clients.client_organization:
        database_url_file: {tmp_path}/database.env
        id: company-abc-001
      ignore_errors: true
""")
    (tmp_path / "database.env").write_text(f'DATABASE_URL="postgresql://user:{MARK}@127.0.0.1:1/none"\n')
    environment = dict(
        os.environ,
        ANSIBLE_DEBUG="1",
        ANSIBLE_KEEP_REMOTE_FILES="1",
        ANSIBLE_PIPELINING="false",  # Otherwise there are no files to keep.
        ANSIBLE_REMOTE_TMP=str(tmp_path / "remote"),
        HOME=str(tmp_path),
    )
    process = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-vvvv", "--diff", str(playbook)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-3000:]
    assert "same key" in output
    assert MARK not in output
    kept = [path for path in (tmp_path / "remote").rglob("*") if path.is_file()]
    assert kept, "Ansible was asked to keep its files"
    assert not any(MARK.encode() in path.read_bytes() for path in kept)
    assert len(instance.rows()) == 1
