# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's folder, hostile or not, as it is given to restic: only what nobody else can exchange. As root."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from ansible_collections.mai.clients.plugins.module_utils._backup import database, restore, stage
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused


@pytest.fixture
def data(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "data"
    (folder / "uploads" / "deep").mkdir(parents=True)
    (folder / "uploads" / "deep" / "file").write_text("kept")
    (folder / "uploads").chmod(0o750)
    os.utime(folder / "uploads", (1000, 1000))
    return folder


def staged(data: pathlib.Path) -> tuple[dict[str, int], pathlib.Path]:
    target = data.parent / "stage"
    return stage.stage(str(data), str(target)), target


def test_every_file_is_there_and_is_the_same_one(data: pathlib.Path) -> None:
    done, target = staged(data)
    assert done == {"files": 1, "bytes": 4, "left_out": 0, "copied": 0}
    assert (target / "uploads" / "deep" / "file").samefile(data / "uploads" / "deep" / "file")
    status = (target / "uploads").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o750, 1000)


def test_database_and_caches_come_another_way_or_not_at_all(data: pathlib.Path) -> None:
    for name in ("webui.db", "webui.db-wal", "webui.db-shm", "audit.log"):
        (data / name).write_text(name)
    (data / "cache").mkdir()
    (data / "uploads" / "webui.db").write_text("somebody's own")
    _done, target = staged(data)
    assert sorted(path.name for path in target.iterdir()) == ["uploads"]
    assert (target / "uploads" / "webui.db").exists()


def test_nothing_is_followed_or_waited_for(data: pathlib.Path) -> None:
    os.mkfifo(data / "pipe")
    os.mknod(data / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    (data / "shadow").symlink_to("/etc/shadow")
    (data / "etc").symlink_to("/etc")
    with open(data / "holes", "wb") as file:
        file.truncate(2**40)
    done, target = staged(data)
    assert done["left_out"] == 3 and done["files"] == 1
    assert os.readlink(target / "shadow") == "/etc/shadow" and (target / "etc").is_symlink()
    assert not os.path.lexists(target / "pipe") and not os.path.lexists(target / "holes")


def test_what_is_nested_too_deeply_is_left_out(data: pathlib.Path) -> None:
    here = os.getcwd()
    os.chdir(data)
    try:
        for _depth in range(500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    done, _target = staged(data)
    assert done["left_out"] == 1


def test_a_folder_that_is_a_link_is_refused(data: pathlib.Path) -> None:
    (data.parent / "other").symlink_to("/etc")
    with pytest.raises(Refused, match="not a directory of the instance's own"):
        stage.stage(str(data.parent / "other"), str(data.parent / "stage"))


def test_on_a_disk_of_their_own_files_are_copied(data: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_arguments: object, **_options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    os.mkfifo(data / "pipe")
    done, target = staged(data)
    assert done == {"files": 1, "bytes": 4, "left_out": 1, "copied": 4}
    copy = target / "uploads" / "deep" / "file"
    assert copy.read_text() == "kept" and not copy.samefile(data / "uploads" / "deep" / "file")


def test_what_comes_back_is_harmless(data: pathlib.Path) -> None:
    os.mkfifo(data / "pipe")
    os.mknod(data / "uploads" / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 0))
    (data / "uploads" / "deep" / "file").chmod(0o6755)
    assert restore._make_harmless(str(data)) == 3
    assert stat.S_IMODE((data / "uploads" / "deep" / "file").stat().st_mode) == 0o755
    assert not os.path.lexists(data / "pipe") and not os.path.lexists(data / "uploads" / "disk")


def test_an_exchange_is_one_or_the_other(tmp_path: pathlib.Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "new").touch()
    restore._exchange(str(one), str(other))
    assert (other / "new").exists() and not one.exists()
    one.mkdir()
    restore._exchange(str(one), str(other))
    assert (one / "new").exists() and list(other.iterdir()) == []
    restore._exchange(str(tmp_path / "nothing"), str(one))
    assert (tmp_path / "nothing" / "new").exists() and not one.exists()


def test_data_on_a_disk_of_their_own_are_exchanged_and_come_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, aside = tmp_path / "data", tmp_path / ".before-restore-1"
    for folder, name in ((live, "old"), (aside / "data", "new")):
        (folder / "uploads").mkdir(parents=True)
        (folder / "uploads" / name).touch()
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(live))
    place = restore.Place(str(tmp_path), ".restore")
    place._exchange_data(str(aside))
    assert os.listdir(live / "uploads") == ["new"]
    assert (live / ".before-restore-1" / "uploads" / "old").exists()
    _done, target = staged(live)
    assert sorted(os.listdir(target)) == ["uploads"]
    place.take_back("1", ["data"])
    assert os.listdir(live) == ["uploads"] and os.listdir(live / "uploads") == ["old"]
    assert not aside.exists()


def test_a_network_file_system_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.file_system("/proc") == "proc" and database.file_system(str(tmp_path)) not in (None, "proc")
    monkeypatch.setattr(database, "file_system", lambda _path: "nfs4")
    with pytest.raises(Refused, match="network file system .nfs4."):
        database.copy_into(str(tmp_path), str(tmp_path))
