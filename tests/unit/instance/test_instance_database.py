# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module instance_database, as Ansible calls it."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mai.clients.plugins.modules import instance_database

from tests.kit import schema

from .conftest import write_env


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "webui.db", isolation_level=None)) as database:
        database.executescript(schema.loose(schema.USER + schema.REVISION))
        database.execute("INSERT INTO user (name, last_active_at) VALUES ('a', 0), ('b', strftime('%s', 'now'))")
        database.execute("INSERT INTO alembic_version VALUES ('abc')")

    def call(**options):
        names = {"deployment_dir": str(tmp_path)}
        if "state" in options:
            names["copy_path"] = str(tmp_path / "copy.db")
        with patch_module_args({**names, **options}), pytest.raises(SystemExit):
            instance_database.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_described(run):
    result = run()
    assert result["bytes"] > 0
    assert (result["changed"], result["counts"], result["schema_revision"], result["active_users"]) == (
        False,
        {"user": 2},
        "abc",
        1,
    )


def test_copied_once_and_nothing_in_check_mode(run, tmp_path):
    assert run(state="copied", _ansible_check_mode=True)["changed"]
    assert not (tmp_path / "copy.db").exists()
    assert [run(state="copied")["changed"], run(state="copied")["changed"]] == [True, False]
    assert run(state="copied", overwrite=True)["changed"]


def test_restored_only_while_nobody_has_it_open(run, tmp_path):
    run(state="copied")
    with closing(sqlite3.connect(tmp_path / "data" / "webui.db", isolation_level=None)) as instance:
        instance.execute("DELETE FROM user")
        assert "is in use" in run(state="restored")["msg"]
    assert run()["counts"] == {"user": 0}
    assert run(state="restored")["changed"]
    assert run()["counts"] == {"user": 2}


def test_what_a_copy_holds(run, tmp_path):
    run(state="copied")
    with closing(sqlite3.connect(tmp_path / "data" / "webui.db", isolation_level=None)) as instance:
        instance.execute("DELETE FROM user")
    assert run()["counts"] == {"user": 0}
    found = run(state="described")
    assert (found["counts"], found["schema_revision"], found["active_users"]) == ({"user": 2}, "abc", None)


def test_a_missing_database_is_named(run, tmp_path):
    (tmp_path / "data" / "webui.db").unlink()
    assert "There is no database" in run(state="copied")["msg"]


@pytest.mark.parametrize(
    ("people", "chats", "active"),
    [
        # Seen, and a moment ago a chat of theirs moved
        ([("boss", "admin", True), ("b", "user", False)], [], 0),  # a look's own session
        ([("boss", "admin", True)], [("boss", True)], 1),
        ([("boss", "admin", True)], [("boss", False), ("b", True)], 0),
        ([("boss", "admin", True), ("b", "user", True)], [], 1),
        ([("boss", "admin", False), ("b", "user", True)], [], 1),
        ([("boss", "admin", True), ("other", "admin", True)], [], 1),
        ([("boss", "admin", True)], None, 1),  # whether anything moved is not known
        ([("b", "user", True)], [], 1),
    ],
)
def test_the_administrator_of_looks_is_active_with_a_chat(run, tmp_path, people, chats, active):
    now = int(time.time())
    with closing(sqlite3.connect(tmp_path / "data" / "webui.db", isolation_level=None)) as database:
        database.execute("DELETE FROM user")
        for number, (name, role, seen) in enumerate(people):
            row = (name, role, number, now if seen else now - 3600)
            database.execute('INSERT INTO "user" (id, role, created_at, last_active_at) VALUES (?, ?, ?, ?)', row)
        if chats is not None:
            database.execute("CREATE TABLE chat (user_id TEXT, updated_at BIGINT)")
        for name, moved in chats or ():
            database.execute("INSERT INTO chat VALUES (?, ?)", (name, now if moved else now - 3600))
    assert run()["active_users"] == active


COMPOSE = """#!/bin/sh
echo "$@" >> {folder}/said
case $* in
  inspect*) echo '[{{"State": {{"Status": "'$(cat {folder}/state)'"}}}}]' ;;
  *) exec echo running > {folder}/state ;;
esac
"""


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A client's directory with a PostgreSQL that rests, and a docker command that notes what it is asked."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(COMPOSE.format(folder=tmp_path))
    (tmp_path / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "state").write_text("exited")
    (tmp_path / "compose.yml").touch()
    (tmp_path / ".mai-clients").write_text("company-abc\n")
    address = "postgresql://mai:s3cret@mai-companyabc-database:5432/mai"
    write_env(tmp_path / "database.env", POSTGRES_PASSWORD="s3cret", DATABASE_URL=address)
    return tmp_path


def started(run, folder, **options):
    (folder / "said").write_text("")
    result = run(state="started", client="company-abc", **options)
    ups = [line for line in (folder / "said").read_text().splitlines() if line.startswith("compose")]
    return result["changed"], ups


def test_the_database_beside_is_started_with_all_that_its_compose_files_say(run, beside):
    up = f"compose --project-directory={beside} --file={beside}/compose.yml"
    wait, service = "up --detach --wait --quiet-pull", "mai-companyabc-database"
    assert started(run, beside, _ansible_check_mode=True) == (True, [])
    assert started(run, beside) == (True, [f"{up} {wait} --no-recreate {service}"])
    # One that runs may still recover
    assert started(run, beside) == (False, [f"{up} {wait} --no-recreate {service}"])
    for name in ("docker-compose.override.yaml", "compose.override.yaml"):
        (beside / name).touch()
        assert started(run, beside, recreate=True) == (
            True,
            [f"{up} --file={beside}/{name} {wait} --force-recreate {service}"],
        )


@pytest.mark.parametrize("odd", ["somebody else's", "no mark", "no compose file", "elsewhere", "sqlite"])
def test_what_is_not_the_clients_own_is_not_started(run, beside, odd):
    if odd == "somebody else's":
        (beside / ".mai-clients").write_text("northwind\n")
    elif odd == "no mark":
        (beside / ".mai-clients").unlink()
    elif odd == "no compose file":
        (beside / "compose.yml").unlink()
    elif odd == "elsewhere":
        write_env(beside / "database.env", DATABASE_URL="postgresql://a:b@db.example.com/x")
    else:
        (beside / "database.env").unlink()
    assert started(run, beside) == (False, [])
