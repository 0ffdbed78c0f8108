# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many keys at once: what is planned is what is done, whatever is there and whatever fails."""

from __future__ import annotations

import copy
import hashlib
import itertools
import math
import typing as t
from datetime import timedelta

import httpx
import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import bulk, errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.bulk import Bulk
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.bulk_plan import Entry, PruneRule
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.decide import Decision
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key, owner_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.openrouter.fakes import NOW, Killed, World

Result = t.Dict[str, t.Any]


def entry(index: int, name: str, ignore: t.Sequence[str] = (), **desired: t.Any) -> Entry:
    return Entry(index, Desired(name=name, **desired), ignore)


def named(*names: str) -> list[Entry]:
    return [entry(index, name, fields={"limit": 5.0}) for index, name in enumerate(names)]


def run(world: World, entries: list[Entry], rule: PruneRule | None = None, **options: t.Any) -> Result:
    client_options = {name: options.pop(name) for name in ("transport", "max_wait", "retries") if name in options}
    with world.client(**client_options) as client:
        return Bulk(client, entries, rule, now=lambda: NOW, **options).run()


def secret_hashes(result: Result) -> dict[str, str]:
    return {one["name"]: hashlib.sha256(one["secret"].encode()).hexdigest() for one in result["created"]}


# What is done


def test_from_nothing_to_unchanged() -> None:
    world, entries = World(), named(*(f"k-{number}" for number in range(250)))
    checked = run(world, entries, check_mode=True)
    assert (len(checked["created"]), world.writes, checked["changed"]) == (250, [], True)
    assert "secret" not in checked["created"][0]

    created = run(world, entries)
    assert secret_hashes(created) == {key["name"]: key["hash"] for key in world.keys.values()}
    assert {key["limit"] for key in world.keys.values()} == {5.0}
    assert created["actions"] == checked["actions"]

    world.steps.clear()
    again = run(world, entries)
    assert (again["changed"], again["created"], len(again["unchanged"])) == (False, [], 250)
    assert len(world.steps) <= math.ceil(250 / 100) + 2
    assert set(world.steps) == {"GET /keys"}


def test_only_what_differs_is_changed() -> None:
    world = World()
    for name, fields in {"a": {"limit": 5.0}, "b": {"limit": 1.0}, "c": {"disabled": True}, "d": {}}.items():
        world.add(name, name, **fields)
    entries = [
        entry(0, "a", fields={"limit": 5.0}),
        entry(1, "b", fields={"limit": 5.0}),
        entry(2, "c", fields={"disabled": True}, state="disabled"),
        entry(3, "d", state="absent"),
        entry(4, "e", state="absent"),
    ]
    gone = world.named("d")[0]["hash"]
    result = run(world, entries)
    hashes = {name: world.named(name)[0]["hash"] for name in "abc"}
    assert result["updated"] == [{"name": "b", "hash": hashes["b"], "changes": {"limit": 5.0}}]
    assert result["deleted"] == [{"name": "d", "hash": gone, "why": "state is absent"}]
    assert result["unchanged"] == [
        {"name": "a", "hash": hashes["a"]},
        {"name": "c", "hash": hashes["c"]},
        {"name": "e", "hash": None},
    ]
    assert sorted(world.writes) == ["DELETE", "PATCH"]
    assert result["diff"]["before"]["keys"][hashes["b"]]["limit"] == 1.0
    assert result["diff"]["after"]["keys"][hashes["b"]]["limit"] == 5.0
    assert set(result["diff"]["before"]["keys"]) == {hashes["b"], gone}
    assert set(result["diff"]["after"]["keys"]) == {hashes["b"]}


def test_ignore_is_for_keys_that_exist() -> None:
    world = World()
    world.add("old", limit=1.0, limit_reset="daily", expires_at="2030-01-01T00:00:00Z")
    wanted = {"fields": {"limit": 5.0, "limit_reset": "monthly"}, "expires_at": "2031-01-01T00:00:00Z"}
    ignored = ["limit", "expires_at"]
    result = run(world, [entry(0, "old", ignored, **wanted), entry(1, "new", ignored, **wanted)])
    [old], [new] = world.named("old"), world.named("new")
    assert (old["limit"], old["limit_reset"], old["expires_at"]) == (1.0, "monthly", "2030-01-01T00:00:00Z")
    assert (new["limit"], new["limit_reset"], new["expires_at"]) == (5.0, "monthly", "2031-01-01T00:00:00Z")
    assert not result["failed_entries"]


def test_each_workspace_is_listed_for_itself() -> None:
    world = World()
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            asked.append(request.url.params.get("workspace_id"))
            if asked[-1] == "unknown":
                return httpx.Response(404, json={"error": {"code": 404, "message": "Workspace not found"}})
        return world.answer(request)

    entries = [entry(0, "a"), entry(1, "b", fields={"workspace_id": "unknown"}), entry(2, "c")]
    result = run(world, entries, transport=httpx.MockTransport(answer), check_mode=True)
    assert sorted(asked, key=str) == [None, "unknown"]
    assert [one["name"] for one in result["created"]] == ["a", "c"]
    assert [(one["index"], one["status"]) for one in result["failed_entries"]] == [(1, 404)]
    with pytest.raises(errors.NotFound):  # not a hundred times the same
        run(world, [entries[1]], transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("state", ["present", "disabled", "absent"])
def test_a_key_in_the_default_workspace_is_moved(state: str) -> None:
    world = World()
    world.add("here", "1", workspace_id="W")
    world.add("there", "2")
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            return world.answer(request)
        asked.append(request.url.params.get("workspace_id"))
        found = [key for key in world.keys.values() if key["workspace_id"] == (asked[-1] or "default")]
        return httpx.Response(200, json={"data": found})

    fields = {"workspace_id": "W", **({"disabled": True} if state == "disabled" else {})}
    entries = [entry(0, "here", fields={"workspace_id": "W"}), entry(1, "there", fields=fields, state=state)]
    options: dict[str, t.Any] = {"transport": httpx.MockTransport(answer)}
    checked = run(world, entries, PruneRule("t"), check_mode=True, **options)
    result = run(world, entries, PruneRule("t"), **options)
    assert result["actions"] == checked["actions"] and not result["failed_entries"]
    if state == "absent":
        assert not result["changed"] and set(asked) == {"W"}
        assert world.named("there")[0]["workspace_id"] == "default"
        return
    assert world.named("there")[0]["workspace_id"] == "W" and len(world.keys) == 2
    assert world.named("there")[0]["disabled"] == (state == "disabled")
    asked.clear()
    assert not run(world, entries, **options)["changed"]
    assert asked == ["W"]


def test_where_a_key_may_still_be_must_be_known() -> None:
    world = World()
    world.add("here", "1")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "workspace_id" not in request.url.params:
            return httpx.Response(403, json={})
        return world.answer(request)

    entries = [entry(index, name, fields={"workspace_id": "default"}) for index, name in enumerate(("here", "new"))]
    world.add("new ~pending-aaaaaa", "2", age=7200)
    result = run(world, entries, PruneRule("n"), transport=httpx.MockTransport(answer))
    assert [one["index"] for one in result["failed_entries"]] == [1] and world.writes == []


# Pruning


def test_prune_keeps_what_is_used_wanted_young_or_named_otherwise() -> None:
    world = World()
    world.add("k-wanted", "wanted", limit=5.0)
    world.add("k-wanted ~retired-aaaaaa", "retired", disabled=True)
    world.add("k-used", "used", usage=1.0)
    world.add("k-unknown", "unknown", usage=None)
    world.add("k-unused", "unused")
    world.add("k-off", "off", disabled=True)
    world.add("k-young ~pending-bbbbbb", "young", age=60)
    world.add("k-late ~pending-cccccc", "late", age=7200)
    world.add("other", "other")
    world.add("other k-", "inside")
    entries = named("k-wanted")
    rule = PruneRule("k-")
    untouched = run(world, entries)
    assert not untouched["changed"] and untouched["left"] == []

    checked = run(world, entries, rule, check_mode=True)
    result = run(world, entries, rule)
    assert {one["name"] for one in result["pruned"]} == {"k-unused", "k-off", "k-late ~pending-cccccc"}
    assert sorted(map(str, checked["pruned"])) == sorted(map(str, result["pruned"]))
    assert {one["name"]: one["why"] for one in result["left"]} == {
        "k-used": "has usage",
        "k-unknown": "has usage",
        "k-young ~pending-bbbbbb": "another run may be creating it",
    }
    assert len(world.keys) == 7
    assert not run(world, entries, rule)["changed"]

    run(world, entries, PruneRule("k-", used=True))
    assert {key["name"] for key in world.keys.values()} == {
        "k-wanted", "k-wanted ~retired-aaaaaa", "k-young ~pending-bbbbbb", "other", "other k-",
    }  # fmt: skip


def test_key_that_somebody_begins_to_use_is_not_pruned() -> None:
    world = World()
    key = world.add("k-unused")
    world.before_step = lambda step: key.update(usage=0.01) if step.startswith("GET /keys/") else None
    result = run(world, named("k-wanted"), PruneRule("k-"))
    assert result["pruned"] == [] and world.named("k-unused")
    assert [one["why"] for one in result["left"]] == ["has changed since it was listed"]


def test_what_cannot_be_pruned_is_told() -> None:
    world = World()
    world.add("k-1", "1")
    world.add("k-2", "2")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE" and request.url.path.endswith(world.named("k-1")[0]["hash"]):
            return httpx.Response(409, json={"error": {"code": 409, "message": "Busy"}})
        return world.answer(request)

    result = run(world, named("k-3"), PruneRule("k-"), transport=httpx.MockTransport(answer))
    assert result["failed"] and [one["name"] for one in result["pruned"]] == ["k-2"]
    assert "0 of 1 entries failed, and 1 keys could not be pruned" in result["msg"]
    assert "prune (k-1): Not pruned" in result["msg"]


# Failing


def test_one_failure_does_not_keep_the_others_from_being_done() -> None:
    world = World()
    world.add("b", "b1")
    world.add("b", "b2")
    world.add("e", "e", expires_at=None)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and b'"c ' in request.content:
            return httpx.Response(400, json={"error": {"code": 400, "message": "No such luck"}})
        return world.answer(request)

    entries = [
        *named("a", "b", "c", "d"),
        entry(4, "e", expires_at="2030-01-01T00:00:00Z"),
        entry(5, "f", state="disabled"),
    ]
    result = run(world, entries, transport=httpx.MockTransport(answer))
    assert result["failed"] and result["changed"]
    assert sorted(secret_hashes(result)) == ["a", "d"]
    failed = {one["index"]: one for one in result["failed_entries"]}
    assert {index: one["error"] for index, one in failed.items()} == {
        1: "duplicate_name",
        2: "rejected",
        4: "not_possible",
        5: "not_found",
    }
    assert sorted(failed[1]["hashes"]) == sorted(key["hash"] for key in world.named("b"))
    assert failed[2]["status"] == 400
    assert result["msg"].startswith("4 of 6 entries failed.")
    assert "api_keys[2] (c): " in result["msg"] and "No such luck" in result["msg"]
    assert not any(one["secret"] in str(result["msg"]) for one in result["created"])
    # The next run does the rest.
    again = run(world, entries[:4])
    assert [one["name"] for one in again["created"]] == ["c"]


def test_a_long_list_of_failures_is_short_in_the_message() -> None:
    world = World()
    entries = [entry(index, f"k-{index}", state="disabled") for index in range(50)]
    result = run(world, entries)
    assert len(result["failed_entries"]) == 50
    assert result["msg"].count("\n") == 6 and "45 more" in result["msg"]


def test_a_bug_costs_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    result_of = bulk.result_of

    def broken(decision: Decision, name: str, *arguments: t.Any) -> Result:
        if name == "b":
            raise ValueError("sk-or-v1-secret")
        return result_of(decision, name, *arguments)

    monkeypatch.setattr(bulk, "result_of", broken)
    world = World()
    result = run(world, named("a", "b", "c"))
    assert sorted(secret_hashes(result)) == ["a", "c"] == sorted(key["name"] for key in world.keys.values())
    assert [one["error"] for one in result["failed_entries"]] == ["bug"]
    assert "sk-or" not in result["msg"]


def test_lost_answers_of_many_at_once_leave_one_key_each() -> None:
    world = World()
    lost: set[str] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        response = world.answer(request)
        name = request.content.partition(b" ~")[0].decode()
        if request.method == "POST" and name not in lost:
            lost.add(name)
            raise httpx.ReadError("gone", request=request)
        return response

    entries = named(*(f"k-{number}" for number in range(20)))
    result = run(world, entries, transport=httpx.MockTransport(answer))
    assert not result["failed_entries"]
    assert secret_hashes(result) == {key["name"]: key["hash"] for key in world.keys.values()}
    assert len(world.keys) == 20


def test_an_outage_ends_the_run_in_time() -> None:
    """Each thread waits as long as one task may; whoever was not tried then is told so."""
    world = World()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ConnectError("down", request=request)
        return world.answer(request)

    result = run(
        world, named(*(f"k-{number}" for number in range(200))), transport=httpx.MockTransport(answer), concurrency=4
    )
    kinds = [one["error"] for one in result["failed_entries"]]
    assert len(kinds) == 200 and set(kinds) == {"unreachable", "not_tried"}
    assert sum(world.waits) <= 4 * 120
    assert world.keys == {}


def test_another_run_at_the_same_time_makes_this_one_give_way() -> None:
    world = World()
    listings = itertools.count()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and next(listings) == 1:  # the look at the end
            world.add("k-1", "of the other run")
        return world.answer(request)

    result = run(world, named("k-0", "k-1", "k-2"), transport=httpx.MockTransport(answer))
    assert [(one["index"], one["error"]) for one in result["failed_entries"]] == [(1, "store_conflict")]
    assert sorted(secret_hashes(result)) == ["k-0", "k-2"]
    assert len(world.named("k-1")) == 1 and "k-1" not in secret_hashes(result)


def test_no_last_look_costs_no_secret() -> None:
    world = World()
    listings = itertools.count()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and next(listings) >= 1:
            return httpx.Response(401, json={})
        return world.answer(request)

    assert len(secret_hashes(run(world, named("a", "b"), transport=httpx.MockTransport(answer)))) == 2


@pytest.mark.parametrize("survives", [False, True])
def test_an_interrupted_run_takes_back_what_nobody_will_have(survives: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def unreachable(_step: str) -> None:
        raise httpx.ConnectError("down")

    def interrupted(self: Bulk) -> None:
        if survives:
            world.before_step = unreachable
        raise Killed

    monkeypatch.setattr(Bulk, "_check_alone", interrupted)
    with world.client() as client:
        bulk = Bulk(client, named("a", "b", "c"), now=lambda: NOW)
        with pytest.raises(Killed):
            bulk.run()
        assert sorted(bulk.unfinished) == (["a", "b", "c"] if survives else [])
    assert len(world.keys) == (3 if survives else 0)
    assert world.waits == [0] * len(world.waits)


# Whatever is there, whatever is asked for


NAMES = ["k-a", "k-b", "k-c", "x-d"]
SUFFIXES = ["", "", "", " ~pending-aaaaaa", " ~pending-unsaved-bbbbbb", " ~retired-cccccc"]
KEYS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.builds("{}{}".format, st.sampled_from(NAMES), st.sampled_from(SUFFIXES)),
            "usage": st.sampled_from([0, 0, 1.5, None]),
            "disabled": st.booleans(),
            "limit": st.sampled_from([None, 5.0]),
            "age": st.sampled_from([60, 7200]),
        }
    ),
    max_size=8,
)
ENTRIES = st.lists(
    st.builds(
        lambda name, state, limit, disabled, ignore: (
            name,
            ignore,
            state,
            {**({} if limit == "" else {"limit": limit}), **({} if disabled is None else {"disabled": disabled})},
        ),
        st.sampled_from(NAMES),
        st.sampled_from(["present", "present", "disabled", "absent"]),
        st.sampled_from(["", None, 5.0, 7.0]),
        st.sampled_from([None, True, False]),
        st.lists(st.sampled_from(["limit", "disabled"]), unique=True),
    ),
    unique_by=lambda one: one[0],
    max_size=4,
)
RULES = st.none() | st.builds(PruneRule, st.sampled_from(["k-", "k-a", "x"]), st.booleans())


@settings(max_examples=150, deadline=None)
@given(keys=KEYS, asked=ENTRIES, rule=RULES, concurrency=st.sampled_from([1, 3]))
def test_the_plan_is_what_is_done_and_nothing_else(
    keys: list[Result], asked: list[t.Any], rule: PruneRule | None, concurrency: int
) -> None:
    world = World()
    for number, key in enumerate(keys):
        world.add(secret=str(number), **key)
    entries = [
        entry(
            index,
            name,
            [] if state == "disabled" else ignore,
            state=state,
            fields={**fields, "disabled": True} if state == "disabled" else fields,
        )
        for index, (name, ignore, state, fields) in enumerate(asked)
    ]
    before = copy.deepcopy(world.keys)
    checked = run(world, entries, rule, check_mode=True)
    assert world.keys == before
    result = run(world, entries, rule, concurrency=concurrency)

    def in_any_order(actions: list[Result]) -> list[str]:
        return sorted(map(str, actions))

    assert in_any_order(result["actions"]) == in_any_order(checked["actions"])
    assert result["changed"] == checked["changed"] == (world.keys != before)
    assert [one["index"] for one in result["failed_entries"]] == [one["index"] for one in checked["failed_entries"]]

    states = {name: state for name, _ignore, state, _fields in asked}
    for key_hash, old in before.items():
        key = Key.from_api(old)
        owner, gone = owner_of(key), key_hash not in world.keys
        if owner not in states and not (rule and key.name.startswith(rule.prefix)):
            assert world.keys[key_hash] == old
        if gone and not key.unused:
            assert states.get(key.name) == "absent" or (rule and rule.used and owner not in states)
        if gone and owner in states and states[owner] != "absent":
            assert "~pending-unsaved-" in key.name and key.created and key.created < NOW - timedelta(hours=1)
    for one in result["created"]:
        assert [key["hash"] for key in world.named(one["name"])] == [hashlib.sha256(one["secret"].encode()).hexdigest()]
    after = copy.deepcopy(world.keys)
    again = run(world, entries, rule)
    assert (again["changed"], again["actions"]) == (False, []) and world.keys == after
