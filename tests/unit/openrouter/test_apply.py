# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against an account and a target in memory, cut at every step and interleaved at every step."""

from __future__ import annotations

import typing as t

import httpx
import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.apply import Reconciler
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import MAX_WAIT
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired

from tests.unit.openrouter.fakes import NAME, NOW, Killed, MemoryStore, World

LOST = {"lost_secret": "replace"}


def assert_converged(world: World, keeps: t.Iterable[str] = ()) -> None:
    """One enabled key of the name, its secret stored, no provisional one, nothing with usage destroyed."""
    assert [key["hash"] for key in world.named()] == [world.file_hash()]
    assert not world.named()[0]["disabled"]
    assert world.pending() == []
    for key_hash in keeps:
        assert key_hash in world.keys
        assert world.keys[key_hash]["disabled"] == (key_hash != world.file_hash())


def test_create_then_nothing_to_do() -> None:
    world = World()
    result = world.run(fields={"limit": 500.0, "limit_reset": "monthly"})
    assert [step.split()[0] for step in world.steps] == ["observe", "GET", "POST", "store", "PATCH"]
    assert (result["changed"], result["key"]["limit"], result["key"]["name"]) == (True, 500.0, NAME)
    assert result["key"]["hash"] == result["secret_file"]["hash"] == world.file_hash()
    assert "secret" not in result
    assert_converged(world)
    world.writes.clear()
    again = world.run(fields={"limit": 500.0, "limit_reset": "monthly"})
    assert (again["changed"], again["actions"], world.writes) == (False, [], [])
    assert again["diff"]["before"] == again["diff"]["after"]
    changed = world.run(fields={"limit": 250.0})
    assert world.writes == ["PATCH"]
    assert (changed["changed"], changed["key"]["limit"]) == (True, 250.0)


def test_without_a_file_the_creating_run_alone_returns_the_secret() -> None:
    world = World()
    first = world.run(stored=False)
    assert first["secret"].startswith("sk-or-v1-")
    assert [key["name"] for key in world.keys.values()] == [NAME]
    assert "secret" not in world.run(stored=False)


@pytest.mark.parametrize("start", ["nothing", "lost", "interrupted"])
def test_check_mode_tells_what_would_happen_and_writes_nothing(start: str) -> None:
    world = World()
    if start != "nothing":
        world.add(NAME, "old", usage=3.0)
    if start == "interrupted":
        world.file = "new"
        world.add(f"{NAME} ~pending-abcdef", "new")
    before = {key_hash: dict(key) for key_hash, key in world.keys.items()}
    check = world.run(check_mode=True, fields={"limit": 5.0}, **LOST)
    assert (world.writes, world.keys) == ([], before)
    real = world.run(fields={"limit": 5.0}, **LOST)
    assert [action["action"] for action in check["actions"]] == [action["action"] for action in real["actions"]]
    assert check["changed"] and real["changed"]
    for name in ("name", "limit", "disabled"):
        assert check["key"][name] == real["key"][name]


def starts(world: World, start: str) -> list[str]:
    """Prepares the world; returns the hashes of keys that have usage."""
    if start == "nothing":
        return []
    used = world.add(NAME, "old", usage=3.0, last_used_at="2026-11-01T00:00:00Z")
    return [used["hash"]]


def number_of_steps(start: str, stored: bool = True) -> int:
    world = World()
    starts(world, start)
    world.run(stored=stored, **LOST)
    return len(world.steps)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("start", ["nothing", "lost"])
def test_killed_at_any_step_and_run_again(start: str, moment: str) -> None:
    cut = 0
    for at in range(number_of_steps(start)):
        world = World()
        used = starts(world, start)

        def die(step: str, world: World = world, at: int = at) -> None:
            if len(world.steps) == at + (moment == "after"):
                raise Killed

        setattr(world, f"{moment}_step", die)
        with pytest.raises(Killed):
            world.run(**LOST)
        setattr(world, f"{moment}_step", lambda step: None)
        world.run(locked=True, **LOST)
        assert_converged(world, used)
        writes = len(world.writes)
        assert world.run(**LOST)["changed"] is False
        assert len(world.writes) == writes
        cut += 1
    assert cut == {"nothing": 5, "lost": 6}[start]


FAULTS = ["status 500", "status 502", "status 503", "cut", "hang", "html", "not json", "truncated", "no key in it"]


def answer_with(fault: str, request: httpx.Request) -> httpx.Response:
    if fault.startswith("status"):
        return httpx.Response(int(fault.split()[1]), json={"error": {"code": 5, "message": "Bad gateway"}})
    if fault == "cut":
        raise httpx.RemoteProtocolError("Server disconnected", request=request)
    if fault == "hang":
        raise httpx.ReadTimeout("timed out", request=request)
    if fault == "html":
        return httpx.Response(200, html="<h1>Gateway</h1>")
    if fault == "truncated":
        return httpx.Response(200, content=b'{"data": {"hash": "ab')
    return httpx.Response(200, json={"data": 7} if fault == "no key in it" else [1])


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("start", ["nothing", "lost"])
def test_one_failed_answer_of_openrouter(start: str, method: str, fault: str, committed: bool) -> None:
    """Is overcome within the run, and never leaves a key too many."""
    world = World()
    used = starts(world, start)
    world.add(f"{NAME} ~pending-0dd0dd", "garbage", age=7200)
    real, hits = world._answer, []

    def faulty(request: httpx.Request) -> httpx.Response:
        if request.method != method or hits:
            return real(request)
        hits.append(request)
        if committed:
            real(request)
        return answer_with(fault, request)

    world._answer = faulty  # type: ignore[method-assign]
    semantic = method != "POST" and fault == "no key in it"  # well-formed nonsense is not worth a repetition
    if semantic:
        with pytest.raises(errors.ServerFailed):
            world.run(**LOST)
        world.run(locked=True, **LOST)
    else:
        world.run(**LOST)
    assert hits
    assert_converged(world, used)


def test_two_lost_answers_are_an_error_that_leaves_nothing() -> None:
    world = World()
    real = world._answer

    def faulty(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            real(request)
            return httpx.Response(502)
        return real(request)

    world._answer = faulty  # type: ignore[method-assign]
    with pytest.raises(errors.CreateFailed, match="two attempts") as caught:
        world.run()
    assert caught.value.status == 502
    assert (world.keys, world.file) == ({}, None)
    assert world.writes == ["POST", "DELETE", "POST", "DELETE"]


def test_lost_answer_and_no_way_to_look() -> None:
    world = World()
    real = world._answer

    def faulty(request: httpx.Request) -> httpx.Response:
        if "POST" in world.writes:
            return httpx.Response(503)
        answer = real(request)
        return httpx.Response(502) if request.method == "POST" else answer

    world._answer = faulty  # type: ignore[method-assign]
    with pytest.raises(errors.CreateFailed, match="may exist; a later run removes it"):
        world.run()
    assert len(world.pending()) == 1
    world._answer = real  # type: ignore[method-assign]
    world.run(locked=True)
    assert_converged(world)


def test_fresh_key_that_the_list_shows_late() -> None:
    world = World()
    real, lists = world._answer, []

    def lagging(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "POST" in world.writes:
            lists.append(request)
            if len(lists) < 3:
                return httpx.Response(200, json={"data": []})
        answer = real(request)
        return httpx.Response(502) if request.method == "POST" and not lists else answer

    world._answer = lagging  # type: ignore[method-assign]
    world.run()
    assert_converged(world)


def test_stored_key_that_the_list_does_not_show_yet() -> None:
    world = World()
    world.run()
    real = world._answer

    def lagging(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/keys"):
            return httpx.Response(200, json={"data": []})
        return real(request)

    world._answer = lagging  # type: ignore[method-assign]
    assert world.run(**LOST)["changed"] is False


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 422])
def test_definite_no_to_a_create(status: int) -> None:
    world = World()
    real = world._answer
    world._answer = lambda request: (  # type: ignore[method-assign]
        httpx.Response(status, json={"error": {"code": status, "message": "No"}})
        if request.method == "POST"
        else real(request)
    )
    with pytest.raises(errors.Rejected) as caught:
        world.run()
    assert caught.value.status == status
    assert (world.writes, world.keys) == ([], {})


def test_secret_that_does_not_belong_to_the_key() -> None:
    world = World()
    real = world._answer

    def faulty(request: httpx.Request) -> httpx.Response:
        answer = real(request)
        if request.method != "POST":
            return answer
        return httpx.Response(201, json={**answer.json(), "key": "sk-or-v1-other"})

    world._answer = faulty  # type: ignore[method-assign]
    with pytest.raises(errors.CreateFailed, match="does not belong"):
        world.run()
    assert (world.keys, world.file) == ({}, None)


def failing_store(world: World, error: BaseException, stores: bool = False) -> None:
    def before(step: str) -> None:
        if step == "store" and not stores:
            raise error

    def after(step: str) -> None:
        if step == "store" and stores:
            raise error

    world.before_step, world.after_step = before, after


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("start", ["nothing", "lost"])
def test_store_refused_or_unknown(start: str, stored: bool) -> None:
    """A refusal removes the new key; an unknown outcome leaves it for the next run."""
    world = World()
    used = starts(world, start)
    failing_store(world, errors.StoreUnknown("cut.") if stored else errors.StoreRefused("disk full."), stored)
    with pytest.raises(errors.OpenRouterError) as caught:
        world.run(**LOST)
    if stored:
        assert len(world.pending()) == 1
        assert world.pending()[0]["hash"] in str(caught.value)
        assert caught.value.details["pending_left"][0]["name"] == world.pending()[0]["name"]
    else:
        assert "removed again" in str(caught.value)
        assert world.pending() == []
        assert set(world.keys) == set(used)
    world.before_step = world.after_step = lambda step: None
    world.run(**LOST)
    assert_converged(world, used)


def test_rename_that_fails_for_good_is_finished_by_the_next_run() -> None:
    world = World()
    real = world._answer
    world._answer = lambda request: (  # type: ignore[method-assign]
        httpx.Response(500) if request.method == "PATCH" else real(request)
    )
    for _again in range(2):
        with pytest.raises(errors.ServerFailed, match="run again, that finishes it"):
            world.run()
    world._answer = real  # type: ignore[method-assign]
    result = world.run()
    assert [action["action"] for action in result["actions"]] == ["commit"]
    assert_converged(world)


def test_rename_that_fails_without_a_file_leaves_no_key_whose_secret_nobody_has() -> None:
    world = World()
    real = world._answer
    world._answer = lambda request: (  # type: ignore[method-assign]
        httpx.Response(500) if request.method == "PATCH" else real(request)
    )
    with pytest.raises(errors.ServerFailed, match="removed again"):
        world.run(stored=False)
    assert world.keys == {}


def test_without_a_file_the_second_of_two_runs_gives_way() -> None:
    world = World()

    def other_run(step: str) -> None:
        if step.startswith("PATCH") and len(world.named()) == 1:
            world.add(NAME, "the other run's")

    world.after_step = other_run
    result = world.run(stored=False)
    assert [key["hash"] for key in world.named()] == [result["key"]["hash"]]
    assert "secret" not in result


def test_without_a_file_the_secret_survives_that_the_account_cannot_be_listed_again() -> None:
    world = World()
    real = world._answer
    world._answer = lambda request: (  # type: ignore[method-assign]
        httpx.Response(500) if request.method == "GET" and "PATCH" in world.writes else real(request)
    )
    assert world.run(stored=False)["secret"]


def test_lost_answer_in_the_workspace_of_the_key_that_is_replaced() -> None:
    world = World()
    old = world.add(NAME, "old", workspace_id="elsewhere")
    real, asked = world._answer, []

    def faulty(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.params.get("workspace_id")))
        answer = real(request)
        return httpx.Response(502) if request.method == "POST" and world.writes == ["POST"] else answer

    world._answer = faulty  # type: ignore[method-assign]
    world.run(fields={"workspace_id": "elsewhere"}, **LOST)
    assert asked[:4] == [("GET", "elsewhere"), ("GET", None), ("POST", None), ("GET", "elsewhere")]
    assert_converged(world, [old["hash"]])


TIMEOUT = 20.0


@pytest.mark.parametrize("creates", [False, True], ids=["nothing made", "made"])
@pytest.mark.parametrize("looks", ["hang", "status 503", "late", "at once", "never", "slow down"])
@pytest.mark.parametrize("fault", ["hang", "cut"])
def test_waiting_has_an_end(fault: str, looks: str, creates: bool) -> None:
    """Whatever happens to the creation and to the look-up after it; and it is said what may be left."""
    world = World()
    real, now, told = world._answer, [0.0], []

    def faulty(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            world.writes.append("POST")
            if creates:
                real(request)
            now[0] += TIMEOUT if fault == "hang" else 0
            return answer_with(fault, request)
        if "POST" not in world.writes or request.method == "DELETE" or looks == "at once":
            return real(request)
        if looks == "slow down":
            return httpx.Response(429, headers={"Retry-After": "50"})
        if looks in ("late", "never"):
            now[0] += TIMEOUT - 1  # slow, but not too slow
            found = looks == "late" and now[0] > 60
            return real(request) if found else httpx.Response(200, json={"data": []})
        now[0] += TIMEOUT if looks == "hang" else 0
        return answer_with(looks, request)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def clock() -> float:
        return now[0]

    world._answer = faulty  # type: ignore[method-assign]
    client = world.client(clock=clock, sleep=sleep, on_wait=lambda pause, why: told.append(pause))
    with client, pytest.raises(errors.OpenRouterError) as caught:
        Reconciler(client, Desired(name=NAME), MemoryStore(world), now=lambda: NOW, clock=clock).run()
    # No attempt begins later than after two minutes; the last creation and the look after it have their own time.
    assert now[0] <= MAX_WAIT + 2 * TIMEOUT
    assert bool(told) == (looks in ("hang", "status 503", "slow down"))
    assert all(key["name"] in str(caught.value) for key in world.keys.values())
    assert ("may exist; a later run removes it" in str(caught.value)) == (
        looks not in ("late", "at once") or not creates
    )
    world._answer = real  # type: ignore[method-assign]
    world.run(locked=True)
    assert_converged(world)
