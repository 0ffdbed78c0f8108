# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot on its way back: what is exchanged, and what an exchange that fails leaves."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._backup import restore
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused

MOMENT = "20261129T030000Z"


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> restore.Place:
    """A client, and what was fetched for it; what a database is does not matter here."""
    monkeypatch.setattr(restore.copy, "restore", lambda _source, _target: None)
    for folder, word in ((tmp_path, "old"), (tmp_path / ".restore" / "tree", "new")):
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "webui.db").write_text(word)
        (folder / "secrets.env").write_text(f'WEBUI_SECRET_KEY="{word}"\n')
    (tmp_path / ".backup").mkdir()
    return restore.Place(str(tmp_path), ".restore")


def words(folder: pathlib.Path) -> list[str]:
    texts = [(folder / name).read_text() for name in ("data/webui.db", "secrets.env")]
    return [text.rpartition("=")[2].strip('"\n') for text in texts]


def test_there_and_back(place: restore.Place, tmp_path: pathlib.Path) -> None:
    done = place.swap(MOMENT)
    assert words(tmp_path) == ["new", "new"] and words(pathlib.Path(done["aside"])) == ["old", "old"]
    place.take_back(MOMENT, done["changed"])
    assert words(tmp_path) == ["old", "old"] and not (tmp_path / f".before-restore-{MOMENT}").exists()


def test_an_exchange_that_fails_leaves_what_there_was(
    place: restore.Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_place: t.Any, _aside: str) -> None:
        raise Refused("The disk is full.", "full")

    monkeypatch.setattr(restore.Place, "_exchange_data", refuse)
    with pytest.raises(Refused, match="The disk is full"):
        place.swap(MOMENT)
    assert words(tmp_path) == ["old", "old"]


def test_a_disk_of_its_own_that_fills_up_has_what_there_was(
    place: restore.Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copies_half(_source: str, target: str, _but: str = "") -> None:
        pathlib.Path(target, "half").touch()
        raise Refused("No space left.", "machine")

    monkeypatch.setattr(os.path, "ismount", lambda path: str(path).endswith("/data"))
    monkeypatch.setattr(restore, "_copy", copies_half)
    with pytest.raises(Refused, match="No space left"):
        place.swap(MOMENT)
    assert words(tmp_path) == ["old", "old"] and os.listdir(tmp_path / "data") == ["webui.db"]


class Server:
    """A PostgreSQL that holds one word, and its copies."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.holds = "old"
        monkeypatch.setattr(restore.dump, "make", lambda _place, copy: pathlib.Path(copy).write_text(self.holds))
        monkeypatch.setattr(restore.dump, "restore", self._restore)
        monkeypatch.setattr(
            restore.dump, "describe", lambda _place, copy: {"counts": {"user": len(pathlib.Path(copy).read_text())}}
        )

    def _restore(self, copy: str, _place: t.Any) -> None:
        self.holds = pathlib.Path(copy).read_text()


@pytest.fixture
def server(place: restore.Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The client's database is elsewhere, and what was fetched has a copy of it."""
    for folder in (tmp_path, tmp_path / ".restore" / "tree"):
        (folder / "database.env").write_text('DATABASE_URL="postgresql://a:b@db.example/x"\n')
    (tmp_path / ".restore" / "tree" / "database").mkdir()
    (tmp_path / ".restore" / "tree" / "database" / "database.dump").write_text("new")
    return Server(monkeypatch)


def test_a_postgresql_follows_its_data_and_goes_back_with_them(
    place: restore.Place, tmp_path: pathlib.Path, server: Server
) -> None:
    done = place.swap(MOMENT)
    # Until both belong together, nobody may start it
    assert words(tmp_path) == ["new", "new"] and server.holds == "old" and (tmp_path / ".restoring").exists()
    assert place.restore_database(MOMENT) == {"aside": done["aside"]}
    assert server.holds == "new" and not (tmp_path / ".restoring").exists()
    place.take_back(MOMENT, done["changed"])
    assert words(tmp_path) == ["old", "old"] and server.holds == "old"
    assert not (tmp_path / f".before-restore-{MOMENT}").exists()


def test_after_an_interrupted_restore_only_a_whole_one_lets_it_start(
    place: restore.Place, tmp_path: pathlib.Path, server: Server
) -> None:
    (tmp_path / ".restoring").write_text("20261128T030000Z\n")
    done = place.swap(MOMENT)
    place.take_back(MOMENT, done["changed"])
    assert (tmp_path / ".restoring").exists()


def test_a_postgresql_that_stays_as_it_is_leaves_nothing_behind(
    place: restore.Place, tmp_path: pathlib.Path, server: Server
) -> None:
    (tmp_path / "data" / "webui.db").unlink()
    (tmp_path / "data").rmdir()
    assert place.swap(MOMENT, with_database=False)["aside"] is None
    assert not (tmp_path / ".restoring").exists() and not (tmp_path / f".before-restore-{MOMENT}").exists()


@pytest.mark.parametrize("held", ["", "old"])
def test_where_there_was_nothing_only_what_the_database_held_is_kept(
    place: restore.Place, tmp_path: pathlib.Path, server: Server, held: str
) -> None:
    (tmp_path / "data" / "webui.db").unlink()
    (tmp_path / "data").rmdir()
    server.holds = held
    place.swap(MOMENT)
    kept = place.restore_database(MOMENT)["aside"]
    assert server.holds == "new" and bool(kept) is bool(held)
    assert not held or pathlib.Path(kept or "", "database.dump").read_text() == "old"


@pytest.mark.parametrize(
    ("told", "utc"),
    [
        ("2026-11-29T03:10:00.123456789+01:00", "2026-11-29T02:10:00Z"),
        ("2026-11-29T02:30:00Z", "2026-11-29T02:30:00Z"),
        ("2026-11-29T02:30:00.5-05:30", "2026-11-29T08:00:00Z"),
        ("nonsense", "nonsenseZ"),
        (None, "NoneZ"),
    ],
)
def test_times_are_utc_wherever_a_snapshot_was_made(told: t.Any, utc: str) -> None:
    assert restore._snapshot({"id": "ab", "time": told})["time"] == utc


@pytest.mark.parametrize("path", ["/../../../victim", "/link/victim", "/none", "/"])
def test_a_snapshot_of_another_folder_moves_nothing(
    place: restore.Place, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "kept").touch()
    told = [{"id": "ab" * 32, "time": "2026-11-29T02:30:00Z", "paths": [path]}]

    class Restic:
        def ask(self, *arguments: str, **_options: t.Any) -> str:
            if arguments[0] == "restore":
                files = pathlib.Path(arguments[-1])
                files.mkdir()
                (files / "link").symlink_to(tmp_path)
            return json.dumps(told) if arguments[0] == "snapshots" else json.dumps({"total_size": 1})

        def shown(self) -> str:
            return "x"

    monkeypatch.setattr(restore.Place, "_restic", lambda _place: (Restic(), "abc"))
    with pytest.raises(Refused, match="its folder is another one"):
        place.fetch("latest")
    assert (tmp_path / "victim" / "kept").exists()
