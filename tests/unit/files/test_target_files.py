# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a client on its machine, through real shells."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal
from ansible_collections.mai.clients.plugins.plugin_utils._target_files import Change, Directory, File, put

SECRET = "sk-or-v1-" + "1" * 64
HOSTILE = ["", "\n", "no end", "a\nb\n", "$HOME `id` \"'\\\n", "Żółw\r\n", "mai: done\n", "x" * 200_000]


class Shell:
    """Runs commands as a connection does, and remembers what anybody could have seen of them."""

    def __init__(self, shell: str, greeting: str = "") -> None:
        self._shell = shell
        self._greeting = greeting
        self.seen = ""
        self.runs = 0

    def __call__(self, cmd: str, in_data: bytes | None = None) -> dict[str, t.Any]:
        assert cmd.startswith("sh -c ")
        done = subprocess.run(
            ["/bin/sh", "-c", f"{self._shell}{cmd[2:]}"], check=False, input=in_data, capture_output=True
        )
        self.runs += 1
        self.seen += cmd + done.stdout.decode() + done.stderr.decode()
        return {
            "rc": done.returncode,
            "stdout": self._greeting + done.stdout.decode(),
            "stderr": done.stderr.decode(),
        }


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest) -> Shell:
    """The script is run by sh: that is another one on every system."""
    return Shell(f"/bin/{request.param}", "Welcome!\n")


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    """A directory whose name means something to every shell."""
    directory = tmp_path / 'it\'s a "dir" $HOME `id`; ł'
    directory.mkdir()
    return directory


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_comes_in_one_transfer(shell: Shell, place: pathlib.Path) -> None:
    inner = place / "new" / "data"
    files = [File(str(inner / f"file {number}"), text) for number, text in enumerate(HOSTILE)]
    changes = put(shell, [Directory(str(inner)), *files])
    assert [change.path for change in changes] == [str(inner), *(file.path for file in files)]
    assert shell.runs == 1
    for file in files:
        assert pathlib.Path(file.path).read_bytes() == file.content.encode()
        assert mode(pathlib.Path(file.path)) == 0o600
    assert mode(inner) == 0o700
    assert put(shell, [Directory(str(inner)), *files]) == []
    assert sorted(os.listdir(inner)) == sorted(os.path.basename(file.path) for file in files)


def test_only_what_differs_is_written(shell: Shell, place: pathlib.Path) -> None:
    same, other, wider = place / "same", place / "other", place / "wider"
    files = [File(str(same), "a"), File(str(other), "b"), File(str(wider), "c", "0700")]
    put(shell, files)
    other.write_text("longer than it was")
    wider.chmod(0o755)
    inode = same.stat().st_ino
    assert [change.path for change in put(shell, files)] == [str(other), str(wider)]
    assert (other.read_text(), mode(wider), same.stat().st_ino) == ("b", 0o700, inode)


def test_what_was_there_is_kept_together(shell: Shell, place: pathlib.Path) -> None:
    """Also what stays as it is: the copies belong together."""
    files = [File(str(place / "a"), "1"), File(str(place / "b"), "1"), File(str(place / "c"), "1")]
    put(shell, files[:2])
    put(shell, [files[0], File(str(place / "b"), "2"), files[2]], keep_in=str(place / ".previous"))
    kept = {path.name: path.read_text() for path in (place / ".previous").iterdir()}
    assert kept == {"a": "1", "b": "1"}
    assert mode(place / ".previous") == 0o700


def test_to_look_writes_nothing(shell: Shell, place: pathlib.Path) -> None:
    kept, gone = place / "kept", place / "missing" / "file"
    put(shell, [File(str(kept), "a\n" * 50_000)])
    entries = [
        Directory(str(place / "missing")),
        File(str(kept), "b\n" * 50_000),
        File(str(gone), "c"),
        File(str(kept), "a\n" * 50_000),
    ]
    changes = put(shell, entries, keep_in=str(place / ".previous"), look=True)
    assert [change.path for change in changes] == [str(place / "missing"), str(kept), str(gone)]
    assert os.listdir(place) == ["kept"] and kept.read_text() == "a\n" * 50_000


def test_what_was_there_is_told_if_it_is_no_secret(shell: Shell, place: pathlib.Path) -> None:
    put(shell, [File(str(place / "open"), "one\n"), File(str(place / "closed"), f"{SECRET}\n", secret=True)])
    files = [File(str(place / "open"), "two\n"), File(str(place / "closed"), f"{SECRET}2\n", secret=True)]
    for look in (True, False):
        changes = put(shell, files, tell=True, look=look)
        assert changes == [Change(str(place / "open"), "one\n"), Change(str(place / "closed"), None)]
    assert SECRET not in shell.seen


@pytest.mark.parametrize("entry", [File("{}/link", "x"), File("{}/folder", "x"), Directory("{}/file")])
def test_what_is_something_else_is_left_alone(shell: Shell, place: pathlib.Path, entry: File | Directory) -> None:
    (place / "target").write_text("untouched")
    (place / "link").symlink_to(place / "target")
    (place / "folder").mkdir()
    (place / "file").write_text("untouched")
    path = entry.path.format(place)
    with pytest.raises(Refusal, match="put it away by hand") as refused:
        put(shell, [type(entry)(path, *(["x"] if isinstance(entry, File) else []))])
    assert path in str(refused.value)
    assert (place / "target").read_text() == (place / "file").read_text() == "untouched"


def test_a_directory_that_is_missing_is_named(shell: Shell, place: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="does not exist on the machine") as refused:
        put(shell, [File(str(place / "missing" / "file"), SECRET)])
    assert SECRET not in str(refused.value)
    assert os.listdir(place) == []


def test_an_answer_that_is_cut_off_is_no_success(place: pathlib.Path) -> None:
    def cut(cmd: str, in_data: bytes | None = None) -> dict[str, t.Any]:
        return {"rc": 0, "stdout": f"mai: changed {place}/a\n", "stderr": ""}

    with pytest.raises(Refusal, match="could not be written"):
        put(cut, [File(str(place / "a"), "x")])
