# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module instance_database, as Ansible calls it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mai.clients.plugins.modules import instance_database

from tests.kit import schema


@pytest.fixture
def run(tmp_path, capsys):
    with closing(sqlite3.connect(tmp_path / "webui.db", isolation_level=None)) as database:
        database.executescript(schema.loose(schema.USER + schema.REVISION))
        database.execute("INSERT INTO user (name, last_active_at) VALUES ('a', 0), ('b', strftime('%s', 'now'))")
        database.execute("INSERT INTO alembic_version VALUES ('abc')")

    def call(**options):
        names = {"database_path": str(tmp_path / "webui.db"), "copy_path": str(tmp_path / "copy.db")}
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
    with closing(sqlite3.connect(tmp_path / "webui.db", isolation_level=None)) as instance:
        instance.execute("DELETE FROM user")
        assert "is in use" in run(state="restored")["msg"]
    assert run()["counts"] == {"user": 0}
    assert run(state="restored")["changed"]
    assert run()["counts"] == {"user": 2}


def test_a_missing_database_is_named(run, tmp_path):
    (tmp_path / "webui.db").unlink()
    assert "There is no database" in run(state="copied")["msg"]
