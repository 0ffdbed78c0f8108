# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What _database says of databases that it cannot open, and that a password is never part of it."""

from __future__ import annotations

import sqlite3
import sys

import pytest
from ansible_collections.mai.clients.plugins.module_utils._database import connect
from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError

from tests.unit.organization.process import MARK


@pytest.mark.parametrize(
    "url, shown",
    [
        (f"postgresql://user:{MARK}@127.0.0.1:1/webui", "127.0.0.1:1/webui"),
        (f"postgres://user:{MARK}@127.0.0.1:1/webui", "127.0.0.1:1/webui"),
        (f"postgresql+psycopg://user:{MARK}@127.0.0.1:1/webui?sslmode=prefer", "127.0.0.1:1/webui"),
        (f"postgresql:///webui?host=/nonexistent&password={MARK}", "database /webui"),
        # Not percent-encoded, so that libpq and everybody else take parts of the password for something else.
        (f"postgresql://user:/{MARK}@127.0.0.1:1/webui", "database_url"),
        (f"postgresql://user:a@{MARK}@127.0.0.1:1/webui", "database_url"),
        (f"postgresql://user:%{MARK}@127.0.0.1:1/webui", "127.0.0.1:1/webui"),
        (f"postgresql://user:12#{MARK}@127.0.0.1:1/webui", "database_url"),
        (f"postgresql://user:12?{MARK}@127.0.0.1:1/webui", "database_url"),
        (f"postgresql://user:{MARK}\n@127.0.0.1:1/webui", "127.0.0.1:1/webui"),
        (f"postgresql://user:{MARK}@127.0.0.1:port/webui", "database_url"),
    ],
)
def test_unreachable_server(url, shown):
    with pytest.raises(DatabaseError) as caught, connect(url=url, wait_timeout=2):
        raise AssertionError("nothing can be there")
    assert caught.value.reason == "unreachable"
    assert shown in str(caught.value)
    assert MARK not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("url", [f"mysql://user:{MARK}@host/db", "sqlite:////data/webui.db", MARK, "", None])
def test_not_a_url_of_postgresql(url):
    with pytest.raises(DatabaseError) as caught, connect(url=url):
        raise AssertionError("nothing can be there")
    assert caught.value.reason == "invalid"
    assert "postgresql://" in str(caught.value)
    assert MARK not in str(caught.value)


def test_missing_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(DatabaseError) as caught, connect(url=f"postgresql://user:{MARK}@h/d"):
        raise AssertionError("nothing can be there")
    assert caught.value.reason == "driver"
    assert "python3-psycopg" in str(caught.value)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "webui.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a TEXT UNIQUE)")
    connection.close()
    return str(path)


def test_all_or_nothing(path):
    with pytest.raises(KeyError), connect(path) as database:
        database.execute('INSERT INTO "t" VALUES (?)', "a")
        raise KeyError
    with pytest.raises(DatabaseError) as caught, connect(path) as database:
        database.execute('INSERT INTO "t" VALUES (?)', MARK)
        database.execute('INSERT INTO "t" VALUES (?)', MARK)
    assert caught.value.reason == "constraint"
    assert "t.a" in str(caught.value)
    assert MARK not in str(caught.value)
    with connect(path, readonly=True) as database:
        assert database.query('SELECT * FROM "t"') == []


def test_reading_cannot_write(path):
    with pytest.raises(DatabaseError) as caught, connect(path, readonly=True) as database:
        database.execute('INSERT INTO "t" VALUES (?)', "a")
    assert caught.value.reason == "readonly"


def test_a_statement_is_not_quoted_in_an_error(path):
    with pytest.raises(DatabaseError) as caught, connect(path) as database:
        database.query(f"SELECT {MARK} FROM missing")
    assert caught.value.reason == "refused"
    assert MARK not in str(caught.value)


def test_text_that_is_not_utf8_is_no_error(path):
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO t VALUES (CAST(? AS TEXT))", (b"\xff" + MARK.encode(),))
    connection.close()
    with connect(path, readonly=True) as database:
        assert database.query('SELECT "a" FROM "t"') == [{"a": "\ufffd" + MARK}]


def test_values_are_such_as_a_result_can_carry(path):
    with connect(path, readonly=True) as database:
        assert database.query("SELECT x'616263ff' AS a, 1 AS b, 1.5 AS c, NULL AS d") == [
            {"a": "abc\ufffd", "b": 1, "c": 1.5, "d": None}
        ]


def test_columns(path):
    with connect(path, readonly=True) as database:
        assert database.columns("t") == {"a": "text"}
        assert database.columns("missing'; DROP TABLE t; --") == {}
