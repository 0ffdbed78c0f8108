# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What work on an instance's own things can reach, and that it always comes to an end. Run as root, as modules are."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
import time

import pytest
from ansible_collections.mai.clients.plugins.module_utils import _confined
from ansible_collections.mai.clients.plugins.module_utils._confined import MIB, Refused, confined


@pytest.fixture
def folder(tmp_path):
    """An instance's folder beside a neighbour's; root owns the rest."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "secret").write_text("the victim's")
    folder = tmp_path / "evil" / "data"
    folder.mkdir(parents=True)
    return folder


def read(path):
    with open(path) as file:
        return file.read()


def test_the_result_is_what_the_work_returns(folder):
    (folder / "own").write_text("mine")
    assert confined("it", read, "own", folder=str(folder)) == "mine"
    assert confined("it", lambda *given: {"given": list(given)}, 1, None, "ż\ud800") == {"given": [1, None, "ż\ud800"]}


@pytest.mark.parametrize(
    "target", ["../../victim/secret", "{tmp}/victim/secret", "/etc/passwd", "chain", "/proc/self/root"]
)
def test_a_link_leads_nowhere(folder, tmp_path, target):
    (folder / "chain").symlink_to("/victim/secret")
    (folder / "link").symlink_to(target.format(tmp=tmp_path))
    with pytest.raises(Refused, match="No such file") as caught:
        confined("the file", read, "link", folder=str(folder))
    assert caught.value.reason == "unreadable"


def test_the_way_up_leads_nowhere(folder):
    assert confined("it", os.listdir, "../../..", folder=str(folder)) == []
    assert confined("it", os.getcwd, folder=str(folder)) == "/"


@pytest.mark.parametrize("kind", ["link", "fifo", "file"])
def test_the_folder_itself_is_no_link_and_no_file(folder, tmp_path, kind):
    folder.rmdir()
    if kind == "link":
        folder.symlink_to(tmp_path / "victim")
    elif kind == "fifo":
        os.mkfifo(folder)
    else:
        folder.touch()
    with pytest.raises(Refused, match="no run follows a link") as caught:
        confined("it", os.listdir, ".", folder=str(folder))
    assert caught.value.reason == "foreign"


def test_a_folder_that_is_not_there(folder):
    folder.rmdir()
    with pytest.raises(Refused, match="There is no directory") as caught:
        confined("it", os.listdir, ".", folder=str(folder))
    assert caught.value.reason == "missing"


def _attempts(parent):
    """What the work could try with root's rights: the name of each that succeeded."""

    def mount_nothing():
        os.chroot("/")

    tries = {
        "change root": mount_nothing,
        "make a device": lambda: os.mknod("sda", 0o600 | 0o060000, os.makedev(8, 0)),
        "change user": lambda: os.setuid(1000),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
        "a lower niceness": lambda: os.nice(-5),
        "an open directory": lambda: [os.fchdir(number) for number in range(3, 64) if _is_directory(number)] or 1 / 0,
    }
    done = []
    for name, attempt in tries.items():
        try:
            attempt()
            done.append(name)
        except Exception:
            continue
    return done


def _is_directory(number):
    try:
        return os.path.isdir(number)
    except OSError:
        return False


def test_no_privilege_is_left_but_to_read_and_write_there(folder):
    kept = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(kept, True)
    try:
        assert confined("it", _attempts, os.getpid(), folder=str(folder)) == []
    finally:
        os.close(kept)
    # A file of somebody else's, in a folder of somebody else's, is read and written, and a new one given to them
    (folder / "own").write_text("mine")
    for path in (folder / "own", folder):
        path.chmod(0o600 if path.is_file() else 0o700)
        os.chown(path, 12345, 12345)

    def write():
        with open("new", "w") as file:
            os.fchown(file.fileno(), 12345, 12345)
        return read("own")

    assert confined("it", write, folder=str(folder)) == "mine"
    assert (folder / "new").stat().st_uid == 12345


def test_a_pipe_without_a_writer_is_given_up(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(Refused, match="The file does not come to an end, so it was given up") as caught:
        confined("the file", read, "pipe", folder=str(folder), seconds=0.3)
    assert caught.value.reason == "endless"


def _children():
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
        return file.read().split()


@pytest.mark.parametrize(
    "work",
    [
        lambda: [None for _number in itertools.count()],
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()) and 0 or time.sleep(60),
        lambda: b"x" * (4096 * MIB),
        lambda: "x" * (20 * MIB),
        lambda: os.kill(os.getpid(), signal.SIGSEGV),
        lambda: os._exit(3),
        lambda: time.sleep(60),
        lambda: sys.exit(0),
        lambda: [os.closerange(3, 100), time.sleep(60)],
    ],
    ids=["memory", "signals blocked", "much at once", "a long answer", "a crash", "an end", "no end", "exit", "closed"],
)
def test_whatever_the_work_does_it_ends_in_a_sentence(folder, work):
    before = _children()
    with pytest.raises(Refused) as caught:
        confined("the work", work, folder=str(folder), seconds=3)
    assert str(caught.value).startswith("The work ")
    assert str(caught.value).endswith(".")
    assert caught.value.reason in ("endless", "unreadable")
    assert _children() == before


@pytest.mark.parametrize("answer", [object(), {1, 2}, b"bytes", 1j])
def test_an_answer_that_is_no_json(folder, answer):
    with pytest.raises(Refused, match="not what an instance writes"):
        confined("the work", lambda: answer)


def test_the_text_of_an_unexpected_error_is_not_passed_on():
    def fail():
        raise KeyError("sk-or-v1-secret")

    with pytest.raises(Refused) as caught:
        confined("the work", fail)
    assert str(caught.value) == "The work cannot be read: it is not what an instance writes (KeyError)."


def test_a_refusal_of_the_work_is_passed_on():
    def refuse():
        raise Refused("it is a link", "foreign")

    with pytest.raises(Refused, match="it is a link") as caught:
        confined("the work", refuse)
    assert caught.value.reason == "foreign"


def test_a_file_larger_than_was_said_cannot_be_written(folder):
    def write():
        with open("large", "wb") as file:
            file.seek(2 * MIB)
            file.write(b"x")

    with pytest.raises(Refused, match="large"):
        confined("the work", write, folder=str(folder), largest_file=MIB)


def test_what_is_opened_before_is_at_hand(folder, tmp_path):
    outside = tmp_path / "victim" / "secret"
    got = confined(
        "it", lambda file: os.read(file, 3).decode(), folder=str(folder), before=lambda: os.open(outside, os.O_RDONLY)
    )
    assert got == "the"


def test_without_root_the_bounds_stay(folder):
    """Where the run is the instance's own user no root directory is changed; a child of this test becomes that user."""
    os.chmod(folder, 0o777)
    for parent in list(folder.parents)[:-2]:
        os.chmod(parent, 0o755)
    os.mkfifo(folder / "pipe", 0o666)
    (folder / "own").write_text("mine")

    def as_nobody():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        found = [confined("it", read, "own", folder=str(folder))]
        try:
            confined("the file", read, "pipe", folder=str(folder), seconds=0.3)
        except Refused as refused:
            found.append(refused.reason)
        return found

    assert confined("the test", as_nobody) == ["mine", "endless"]


def test_without_ctypes_it_is_confined_all_the_same(folder, monkeypatch):
    monkeypatch.setattr(_confined, "HAS_CTYPES", False)
    assert confined("it", os.listdir, "/", folder=str(folder)) == []
