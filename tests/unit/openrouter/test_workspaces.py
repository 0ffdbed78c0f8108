# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key in a workspace: made there, moved there, and never made twice."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors

from tests.unit.openrouter.fakes import NAME, Killed, World

THERE: dict[str, t.Any] = {"fields": {"workspace_id": "large"}}
LOST = {"lost_secret": "replace"}


def calls(world: World) -> list[str]:
    """Those of OpenRouter since the last time."""
    made = [step.split()[0] for step in world.steps if step[0].isupper()]
    world.steps.clear()
    return made


def assert_moved(world: World, stored: bool = True) -> None:
    [key] = world.named()
    assert (key["workspace_id"], key["disabled"]) == ("large", False)
    assert not stored or key["hash"] == world.file_hash()
    assert world.pending() == []
    calls(world)
    assert world.run(stored=stored, **THERE)["changed"] is False
    assert calls(world) == ["GET"]


@pytest.mark.parametrize("stored", [True, False])
def test_made_there(stored: bool) -> None:
    world = World()
    world.run(stored=stored, **THERE)
    assert world.writes == ["POST", "PATCH"]
    assert_moved(world, stored)


@pytest.mark.parametrize("place", ["default", "a third one"])
def test_moved_there(place: str) -> None:
    """A key keeps its secret; the hash of the stored secret leads to it wherever it is."""
    world = World()
    world.add(NAME, workspace_id=place, usage=3.0)
    world.file = "s"
    check = world.run(check_mode=True, **THERE)
    assert (world.writes, check["key"]["workspace_id"]) == ([], "large")
    assert [action["changes"] for action in check["actions"]] == [{"workspace_id": "large"}]
    world.run(**THERE)
    assert world.writes == ["PATCH"]
    assert_moved(world)


def test_moved_from_the_default_workspace_without_a_file() -> None:
    world = World()
    world.add(NAME)
    world.run(stored=False, **THERE)
    assert world.writes == ["PATCH"]
    assert_moved(world, stored=False)


def test_where_no_workspace_is_asked_for_a_moved_key_stays() -> None:
    world = World()
    world.add(NAME, workspace_id="large")
    world.file = "s"
    assert world.run()["changed"] is False


@pytest.mark.parametrize("secret", [None, "here"])
def test_one_name_in_two_workspaces(secret: str | None) -> None:
    world = World()
    world.file = secret
    keys = [world.add(NAME, "here"), world.add(NAME, "there", workspace_id="large")]
    with pytest.raises(errors.DuplicateName) as caught:
        world.run(**THERE, **LOST)
    for key in keys:
        assert key["hash"] in str(caught.value)
        assert f"in workspace {key['workspace_id']}" in str(caught.value)
    assert world.writes == []


def test_what_interrupted_runs_left_in_the_former_workspace_is_removed() -> None:
    world = World()
    world.add(NAME)
    world.add(f"{NAME} ~pending-0dd0dd", "garbage")
    world.file = "s"
    world.run(locked=True, **THERE)
    assert sorted(world.writes) == ["DELETE", "PATCH"]
    assert_moved(world)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_a_lost_key_is_replaced_in_another_workspace(moment: str) -> None:
    cut = 0
    while True:
        world = World()
        old = world.add(NAME, "old", usage=3.0)

        def die(step: str, world: World = world, at: int = cut) -> None:
            if len(world.steps) == at + (moment == "after"):
                raise Killed

        setattr(world, f"{moment}_step", die)
        try:
            world.run(**THERE, **LOST)
        except Killed:
            cut += 1
        else:
            break
        setattr(world, f"{moment}_step", lambda step: None)
        world.run(locked=True, **THERE, **LOST)
        assert world.keys[old["hash"]]["disabled"]
        assert_moved(world)
    assert cut == 7


def test_suspended_wherever_it_is_but_removed_only_there() -> None:
    world = World()
    world.add(NAME)
    assert not world.run(stored=False, state="absent", **THERE)["changed"]
    world.run(stored=False, state="disabled", fields={"disabled": True, "workspace_id": "large"})
    [key] = world.named()
    assert (key["disabled"], key["workspace_id"]) == (True, "large")
    assert world.run(stored=False, state="absent", **THERE)["changed"]
    assert world.keys == {}
