# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One listing for all hosts of a play."""

from __future__ import annotations

import fcntl
import pathlib
import threading
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import listing as listing_module
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.listing import Listing
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired

from tests.unit.openrouter.fakes import NAME, PROVISIONING_KEY, World


def run(world: World, directory: pathlib.Path, **desired: t.Any) -> dict[str, t.Any]:
    with world.client() as client:
        listing = Listing(client, str(directory))
        return Reconciler(client, Desired(**{"name": NAME, **desired}), listing=listing).run()


def lists(world: World) -> int:
    return world.steps.count("GET /keys")


def test_many_hosts_and_one_listing(tmp_path: pathlib.Path) -> None:
    world = World()
    for number in range(30):
        world.add(f"client-{number}", f"secret {number}")
    threads = [threading.Thread(target=run, args=(world, tmp_path), kwargs={"name": f"client-{n}"}) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert world.steps == ["GET /keys"]
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert PROVISIONING_KEY not in file.name + file.read_text()


def test_own_changes_are_seen(tmp_path: pathlib.Path) -> None:
    world = World()
    world.add(NAME)
    assert run(world, tmp_path, fields={"limit": 1.0})["changed"]
    assert not run(world, tmp_path, fields={"limit": 1.0})["changed"]
    assert lists(world) == 2


def test_nothing_is_created_deleted_or_refused_from_an_old_listing(tmp_path: pathlib.Path) -> None:
    world = World()
    run(world, tmp_path, name="somebody else")
    world.add(NAME, "made in the dashboard")
    assert not run(world, tmp_path)["changed"]
    twin = world.add(NAME, "twin")
    del world.keys[twin["hash"]]
    assert not run(world, tmp_path)["changed"]
    assert world.writes == ["POST", "PATCH"]


@pytest.mark.parametrize("more", [{"state": "disabled"}, {}])
def test_suspending_and_resuming_look_for_themselves(tmp_path: pathlib.Path, more: dict[str, t.Any]) -> None:
    world = World()
    disabled = not more
    world.add(NAME, disabled=not disabled)
    run(world, tmp_path)
    next(iter(world.keys.values()))["disabled"] = disabled
    assert run(world, tmp_path, fields={"disabled": not disabled}, **more)["changed"]


def test_an_old_listing_is_forgotten(tmp_path: pathlib.Path) -> None:
    world = World()
    world.add(NAME)
    with world.client() as client:
        for at, expected in ((1000.0, 1), (1059.0, 1), (1060.0, 2), (900.0, 3)):
            Listing(client, str(tmp_path), clock=lambda at=at: at).keys(None, fresh=False)
            assert lists(world) == expected


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x00\xff", b"{", b"[]", b"null", b"{}", b"[" * 100_000),
        *(b'{"time": %s, "keys": []}' % odd for odd in (b"null", b'"1"', b"NaN", b"1e999", b"1" * 400, b"[]", b"true")),
        *(
            b'{"time": 1000, "keys": %s}' % odd
            for odd in (b"null", b"1", b'"ab"', b'{"a": 1}', b"[1]", b'[{"hash": 1}]')
        ),
        b'{"time": 1000}',
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_listing_that_cannot_be_read_is_none(tmp_path: pathlib.Path, content: bytes) -> None:
    world = World()
    world.add(NAME)
    with world.client() as client:
        for expected in (1, 2, 2):
            [key] = Listing(client, str(tmp_path), clock=lambda: 1001.0).keys(None, fresh=False)
            assert (key.name, lists(world)) == (NAME, expected)
            [file] = tmp_path.iterdir()
            if expected == 1:
                file.write_bytes(content)


def test_a_task_lists_once_until_it_changes_something(tmp_path: pathlib.Path) -> None:
    world = World()
    with world.client() as client:
        listing = Listing(client, str(tmp_path))
        for fresh in (False, True, False, True):
            assert listing.keys(None, fresh) == []
        assert lists(world) == 1
        listing.forget(None)
        assert listing.keys(None, False) == listing.keys(None, True) == []
        assert lists(world) == 2
        other = Listing(client, str(tmp_path))
        assert other.keys(None, False) == [] and lists(world) == 2
        assert other.keys(None, True) == [] and lists(world) == 3


def test_what_thirty_clients_cost(tmp_path: pathlib.Path) -> None:
    """A new key needs a look of its own; a fleet that is as it should be needs one for all."""
    world = World()
    for number in range(30):
        run(world, tmp_path, name=f"client-{number}", fields={"limit": 5.0})
    # Without a file there is another look at the end, whether another run made the same.
    assert (lists(world), len(world.keys)) == (30 + 30, 30)
    world.steps.clear()
    for number in range(30):
        run(world, tmp_path, name=f"client-{number}", fields={"limit": 5.0})
    assert world.steps == ["GET /keys"]


def test_accounts_and_workspaces_are_kept_apart(tmp_path: pathlib.Path) -> None:
    world = World()
    with world.client() as client:
        for workspace in (None, "one", "two"):
            Listing(client, str(tmp_path)).keys(workspace, fresh=False)
    assert (lists(world), len(list(tmp_path.iterdir()))) == (3, 3)


def test_nobody_waits_for_ever(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "PATIENCE", 0.2)
    world = World()
    world.add(NAME)
    run(world, tmp_path)
    [file] = tmp_path.iterdir()
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not run(world, tmp_path)["changed"]
    assert lists(world) == 2
