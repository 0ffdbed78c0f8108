# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of an instance's database, and its way back."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import copy

from tests.kit.schema import USER, loose


def _users(path):
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT name FROM user ORDER BY name")]


_INSTANCE = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.stdin:
    database.execute(statement)
    print("done", flush=True)
"""


class Instance:
    """A process of its own, as an instance is: SQLite's locks are a process's."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", _INSTANCE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def execute(self, statement):
        self.process.stdin.write(statement + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def live(tmp_path):
    """A database whose rows are in its -wal still, and a connection that keeps them there."""
    instance = Instance(tmp_path / "webui.db")
    with instance.process:
        instance.execute("PRAGMA journal_mode=WAL")
        instance.execute("PRAGMA wal_autocheckpoint=0")
        instance.execute(loose(USER).rstrip())
        instance.execute("INSERT INTO user (name) VALUES ('before')")
        yield instance
        instance.process.kill()


def test_what_is_in_the_log_only_is_copied_for_root_alone(tmp_path, live):
    copy.make(str(tmp_path / "webui.db"), str(tmp_path / "copy.db"))
    assert _users(tmp_path / "copy.db") == ["before"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.partial*"))


def test_restored_without_the_stale_log(tmp_path, live):
    copy.make(str(tmp_path / "webui.db"), str(tmp_path / "copy.db"))
    live.execute("INSERT INTO user (name) VALUES ('after')")
    # As a killed instance leaves it: with its log
    (tmp_path / "dead").mkdir()
    for end in ("", "-wal", "-shm"):
        shutil.copy(tmp_path / f"webui.db{end}", tmp_path / "dead")
    copy.restore(str(tmp_path / "copy.db"), str(tmp_path / "dead" / "webui.db"))
    assert _users(tmp_path / "dead" / "webui.db") == ["before"]
    assert (tmp_path / "copy.db").exists()


def test_restored_where_the_database_is_gone(tmp_path, live):
    copy.make(str(tmp_path / "webui.db"), str(tmp_path / "copy.db"))
    (tmp_path / "empty").mkdir(mode=0o700)
    copy.restore(str(tmp_path / "copy.db"), str(tmp_path / "empty" / "webui.db"))
    assert _users(tmp_path / "empty" / "webui.db") == ["before"]
    assert (tmp_path / "empty" / "webui.db").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_last_copy(tmp_path, live, monkeypatch):
    (tmp_path / "copy.db").write_text("the last one")
    monkeypatch.setattr(copy, "_SPARE", 1 << 60)
    with pytest.raises(copy.CopyError, match="Free some space"):
        copy.make(str(tmp_path / "webui.db"), str(tmp_path / "copy.db"))
    assert (tmp_path / "copy.db").read_text() == "the last one"


def test_a_damaged_copy_is_not_put_in_place(tmp_path, live):
    (tmp_path / "copy.db").write_text("no database " * 100)
    with pytest.raises(copy.CopyError, match="damaged"):
        copy.restore(str(tmp_path / "copy.db"), str(tmp_path / "webui.db"))
    assert _users(tmp_path / "webui.db") == ["before"]
