# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything hostile that can lie in an instance's data folder, through every module that reads or writes there.

Each call is a process of its own, as on a client's machine, and has to end with a result or with a sentence.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.mai.clients.plugins.module_utils import _database, _database_sqlite

from tests.unit.hostile.plants import FOREIGN, MAGIC, ODD, UNREADABLE, journal, sql, super_journal
from tests.unit.instance.conftest import KEY, SECRET_KEY, make_database, write_env
from tests.unit.organization.process import run_module

VICTIMS = "the victim's own words"


class Machine:
    """An evil client and its victim, side by side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory, self.victims = folder / "client-evil", folder / "client-victim"
        for directory in (self.directory, self.victims):
            directory.mkdir(mode=0o700)
            (directory / ".mai-clients").write_text(directory.name)
            (directory / "HANDOVER.md").write_text("record")
            write_env(directory / "api_key.env", OPENAI_API_KEY=KEY)
            write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY)
            make_database(directory)
        self.database, self.victim = self.directory / "data" / "webui.db", self.victims / "data" / "webui.db"
        with closing(sqlite3.connect(self.victim, isolation_level=None)) as database:
            database.execute("UPDATE client_organizations SET name = ?", (VICTIMS,))

    def snapshot(self, *, of_everybody: bool = True) -> dict[str, object]:
        """Every file of the others, or of this client too: a look changes neither."""
        found: dict[str, object] = {}
        for directory in (self.victims, *([self.directory] if of_everybody else [])):
            for path in sorted(directory.rglob("*")):
                status = path.lstat()
                regular = path.is_file() and not path.is_symlink() and status.st_size < 1 << 24
                # What SQLite maps into memory for its readers is no file of the instance's
                if not path.name.endswith("-shm"):
                    digest = hashlib.sha256(path.read_bytes()).hexdigest() if regular else None
                    found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, digest)
        return found

    def look(self) -> dict:
        result = run_module("instance_info", client="evil", deployment_dir=str(self.directory))
        assert not result.get("failed"), result
        return result["instance"]

    def modules(self) -> dict[str, dict]:
        """The result of every module that opens the database, each on what the one before left."""
        path, key = str(self.database), str(self.directory / "api_key.env")
        copy = str(self.directory / "copy.db")
        return {
            "look": run_module("instance_info", client="evil", deployment_dir=str(self.directory)),
            "described": run_module("instance_database", deployment_dir=str(self.directory)),
            "copied": run_module(
                "instance_database", deployment_dir=str(self.directory), copy_path=copy, state="copied", overwrite=True
            ),
            "saved key": run_module(
                "stored_connection", database_path=path, secret_file=key, base_url="https://openrouter.ai/api/v1"
            ),
            "organisation": run_module(
                "client_organization", database_path=path, id="evil-001", name="Evil", openrouter_api_key_file=key
            ),
            "recovery": run_module(
                "key_recovery",
                hashes=["0" * 64],
                secret_file=str(self.directory / "other.env"),
                client="evil",
                service="mai-evil",
                deployment_dir=str(self.directory),
            ),
            "chat": run_module(
                "instance_chat",
                url="http://127.0.0.1:9",
                base_url="http://127.0.0.1:9",
                deployment_dir=str(self.directory),
            ),
            "secrets": run_module("instance_secrets", True, deployment_dir=str(self.directory), secret_variables=[]),
        }


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    monkeypatch.setattr(_database, "SECONDS", 3)
    monkeypatch.setenv("PATH", "/nowhere")  # no Docker: these tests are about files
    return Machine(tmp_path)


def _sentences(results: dict[str, dict]) -> list[str]:
    """What the failed ones say: never a traceback, and nothing of the victim's."""
    said = [result["msg"] for result in results.values() if result.get("failed")]
    for text in said:
        assert "Traceback" not in text and "\n" not in text and text.endswith("."), text
    return said


@pytest.mark.parametrize("plant", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_not_the_instances_own_file_is_refused_everywhere(machine, plant):
    plant(machine.database, machine.victim)
    before = machine.snapshot()
    results = machine.modules()
    assert machine.snapshot() == before
    assert VICTIMS not in str(results) and "root:" not in str(results)
    found = results["look"]["instance"]
    assert found["database"]["error_reason"] == "foreign"
    assert found["database"]["exists"] is True and found["database"]["organizations"] == []
    assert found["directory"]["managed_by"] == "client-evil"
    assert (
        "not the instance's own file" in found["database"]["error"]
        or "no run follows a link" in found["database"]["error"]
    )
    for name in ("described", "copied", "saved key", "organisation"):
        assert results[name]["failed"] and results[name]["reason"] == "foreign", (name, results[name])
    _sentences(results)
    assert not (machine.directory / "copy.db").exists()


@pytest.mark.parametrize(
    "named", ["{victim}/HANDOVER.md", "{evil}/api_key.env", "/.mai-clients", "webui.db", "/webui.db"]
)
def test_a_journal_that_names_a_file_deletes_none(machine, named):
    target = named.format(victim=machine.victims, evil=machine.directory)
    journal(super_journal(target))(machine.database, machine.victim)
    before = machine.snapshot()
    results = machine.modules()
    assert machine.snapshot() == before
    assert results["look"]["instance"]["database"]["error_reason"] == "foreign"
    assert "names another file to be deleted" in results["look"]["instance"]["database"]["error"]
    for name in ("described", "copied", "saved key", "organisation"):
        assert results[name]["reason"] == "foreign"


@pytest.mark.parametrize(
    "text", [b"", b"\0" * 512, b"x" * 5000, MAGIC + b"\xff" * 5000, MAGIC + b"\0" * 28], ids=range(5)
)
def test_a_journal_of_any_kind_reaches_nobody_else(machine, text):
    journal(text)(machine.database, machine.victim)
    before = machine.snapshot(of_everybody=False)
    _sentences(machine.modules())
    assert machine.snapshot(of_everybody=False) == before


def test_where_a_journal_slips_through_it_can_name_nothing_outside_of_the_folder(machine, monkeypatch):
    """As if it were put there between the check and SQLite's own opening."""
    journal(super_journal(f"{machine.victims}/HANDOVER.md"))(machine.database, machine.victim)
    before = machine.snapshot(of_everybody=False)
    monkeypatch.setattr(_database_sqlite, "check_files", lambda *_names: None)
    machine.modules()
    assert machine.snapshot(of_everybody=False) == before
    assert (machine.directory / "api_key.env").exists() and (machine.directory / ".mai-clients").exists()


@pytest.mark.parametrize("name", [name for name in FOREIGN if "link" in name and not name.startswith("hard")])
def test_where_a_link_slips_through_it_leads_nowhere(machine, monkeypatch, name):
    FOREIGN[name](machine.database, machine.victim)
    before = machine.snapshot(of_everybody=False)
    monkeypatch.setattr(_database_sqlite, "check_files", lambda *_names: None)
    results = machine.modules()
    assert VICTIMS not in str(results)
    assert machine.snapshot(of_everybody=False) == before


@pytest.mark.parametrize("plant", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_said_and_ends(machine, plant):
    plant(machine.database, machine.victim)
    before = machine.snapshot()
    found = machine.look()
    assert machine.snapshot() == before
    assert found["database"]["error"] and found["database"]["error_reason"] in (
        "endless",
        "foreign",
        "damaged",
        "unreadable",
        "refused",
    )
    assert len(str(found)) < 100_000
    _sentences(machine.modules())


@pytest.mark.parametrize("plant", ODD.values(), ids=ODD.keys())
def test_an_odd_value_hides_nothing_else(machine, plant):
    plant(machine.database, machine.victim)
    before = machine.snapshot()
    found = machine.look()
    assert machine.snapshot() == before
    database = found["database"]
    assert database["error"] is None
    assert (database["users"], len(database["organizations"])) == (1, 1)
    text = str(found)
    assert "\\x" not in text and "\\u" not in text
    _sentences(machine.modules())


def test_a_change_that_sets_off_an_endless_trigger_is_taken_back(machine):
    sql(
        "CREATE TABLE sink (x)",
        "CREATE TRIGGER evil AFTER UPDATE ON client_organizations BEGIN INSERT INTO sink "
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0; END",
    )(machine.database, machine.victim)
    result = run_module(
        "client_organization", database_path=str(machine.database), id="company-abc-001", name="Other", wait_timeout=0
    )
    assert result["failed"] and result["reason"] == "endless"
    # The row is as it was, and nobody holds a lock
    assert machine.look()["database"]["organizations"][0]["id"] == "company-abc-001"
    with closing(sqlite3.connect(machine.database, isolation_level=None)) as database:
        assert database.execute("SELECT name FROM client_organizations").fetchall() == [("Company ABC",)]


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal", ".partial", ""])
@pytest.mark.parametrize("kind", ["directory", "pipe", "link"])
def test_nothing_in_the_way_blocks_the_way_back(machine, end, kind):
    path, copy = str(machine.database), str(machine.directory / "copy.db")
    made = run_module("instance_database", deployment_dir=str(machine.directory), copy_path=copy, state="copied")
    assert made["changed"], made
    place = Path(path + end)
    place.unlink(missing_ok=True)
    if kind == "directory":
        (place / "full").mkdir(parents=True)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(machine.victim)
    before = machine.snapshot(of_everybody=False)
    restored = run_module("instance_database", deployment_dir=str(machine.directory), copy_path=copy, state="restored")
    assert restored["changed"], restored
    assert machine.snapshot(of_everybody=False) == before
    found = machine.look()["database"]
    assert (found["error"], found["users"]) == (None, 1)


def test_a_copy_that_is_a_link_is_not_put_in_place(machine):
    (machine.directory / "copy.db").symlink_to(machine.victim)
    copy = str(machine.directory / "copy.db")
    restored = run_module("instance_database", deployment_dir=str(machine.directory), copy_path=copy, state="restored")
    assert restored["failed"] and restored["reason"] == "foreign"
    assert VICTIMS.encode() not in machine.database.read_bytes()


@pytest.mark.parametrize(
    "name", ["settings.env", "api_key.env", "secrets.env", ".env", "instance.pid", "instance.log", ".mai-clients"]
)
@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "device", "huge", "not UTF-8"])
def test_whatever_lies_in_the_directory_is_neither_followed_nor_waited_for(machine, name, kind):
    place = machine.directory / name
    place.unlink(missing_ok=True)
    if kind == "link":
        place.symlink_to(machine.victims / "api_key.env")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "directory":
        place.mkdir()
    elif kind == "device":
        os.mknod(place, 0o600 | 0o020000, os.makedev(1, 5))
    elif kind == "huge":
        with place.open("wb") as file:
            file.truncate(64 << 30)
    else:
        place.write_bytes(b"A=\xff\xfe\n" * 10)
    found = machine.look()
    assert found["key_hash"] is None or name != "api_key.env"
    assert found["database"]["error"] is None
    _sentences(machine.modules())


@pytest.mark.parametrize("mode", ["wal", "delete", "persist", "truncate"])
def test_a_look_leaves_nothing_behind(machine, mode):
    """A stopped instance's log is gone, and a reader would leave an empty one."""
    sql(f"PRAGMA journal_mode={mode}", "UPDATE client_organizations SET timezone = 'x'")(
        machine.database, machine.victim
    )
    before = sorted(machine.database.parent.iterdir())
    assert machine.look()["database"]["organizations"][0]["timezone"] == "x"
    assert sorted(machine.database.parent.iterdir()) == before


def test_the_copy_is_whole_and_its_own(machine):
    """What all these refusals must not cost."""
    copy = machine.directory / "copy.db"
    for mode in ("wal", "delete", "persist", "truncate"):
        sql(f"PRAGMA journal_mode={mode}", f"UPDATE client_organizations SET timezone = '{mode}'")(
            machine.database, machine.victim
        )
        assert run_module(
            "instance_database",
            deployment_dir=str(machine.directory),
            copy_path=str(copy),
            state="copied",
            overwrite=True,
        )["changed"]
        moved = machine.folder / "moved"
        moved.mkdir(exist_ok=True)
        shutil.copy(copy, moved / "webui.db")
        with closing(sqlite3.connect(moved / "webui.db")) as database:
            assert database.execute("SELECT timezone FROM client_organizations").fetchall() == [(mode,)]
            assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.stat().st_mode & 0o777 == 0o600
