# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP: what is repeated, how long, and what the errors say (and never say)."""

from __future__ import annotations

import typing as t

import httpx
import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import client as client_module
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client

from tests.unit.openrouter.fakes import PROVISIONING_KEY, World, a_key

SECRET = "sk-or-v1-" + "7" * 64


class Script:
    """Answers in turn; the last one for ever."""

    def __init__(self, *answers: t.Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.told: list[tuple[float, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, type):
            raise answer(f"failed with Bearer {PROVISIONING_KEY}", request=request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: t.Any) -> Client:
        return Client(
            PROVISIONING_KEY,
            "https://openrouter.test/api/v1/",
            transport=httpx.MockTransport(self),
            sleep=self.waits.append,
            on_wait=lambda seconds, reason: self.told.append((seconds, reason)),
            **options,
        )


def error_answer(status: int, message: str = "Something", **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": status, "message": message}}, headers=headers)


ONE = httpx.Response(200, json={"data": dict(a_key("one").data)})


@pytest.mark.parametrize("failure", [error_answer(500), error_answer(429), httpx.ReadTimeout, httpx.ConnectError])
@pytest.mark.parametrize("call", ["get", "update", "delete"])
def test_repeats_what_is_safe_to_repeat(call: str, failure: t.Any) -> None:
    script = Script(failure, failure, httpx.Response(200, json={"deleted": True}) if call == "delete" else ONE)
    if call == "get":
        script.client().get_key("aa")
    elif call == "update":
        script.client().update_key("aa", {"limit": 1})
    else:
        script.client().delete_key("aa")
    assert len(script.requests) == 3
    assert len(script.waits) == 2
    assert 0.25 <= script.waits[0] <= 0.5 <= script.waits[1] <= 1.0


@pytest.mark.parametrize("failure", [error_answer(500), error_answer(502), httpx.ReadTimeout, httpx.ReadError])
def test_a_create_is_never_repeated_when_it_may_have_worked(failure: t.Any) -> None:
    script = Script(failure)
    with pytest.raises(errors.ServerFailed):
        script.client().create_key({"name": "x"})
    assert len(script.requests) == 1


@pytest.mark.parametrize("failure", [error_answer(429, **{"Retry-After": "7"}), httpx.ConnectError])
def test_a_create_is_repeated_when_it_cannot_have_worked(failure: t.Any) -> None:
    script = Script(failure, httpx.Response(201, json={"data": dict(a_key("x").data), "key": SECRET}))
    assert script.client().create_key({"name": "x"})[1] == SECRET
    assert len(script.requests) == 2


def test_retry_after_is_obeyed_and_told() -> None:
    script = Script(error_answer(429, "Slow down", **{"Retry-After": "7"}), ONE)
    script.client().get_key("aa")
    assert script.waits == [7.0]
    assert script.told[0][0] == 7.0
    assert "Slow down" in script.told[0][1]


def test_waiting_is_bounded_by_number() -> None:
    script = Script(error_answer(503))
    with pytest.raises(errors.ServerFailed, match="Tried 4 times") as caught:
        script.client(retries=3).get_key("aa")
    assert (caught.value.status, len(script.requests)) == (503, 4)


def test_waiting_is_bounded_by_time() -> None:
    script = Script(error_answer(429, **{"Retry-After": "50"}))
    with pytest.raises(errors.RateLimited, match="more than 120 s"):
        script.client(retries=100).get_key("aa")
    assert script.waits == [50.0, 50.0]
    script = Script(error_answer(500))
    with pytest.raises(errors.ServerFailed):
        script.client(retries=100).get_key("aa")
    assert sum(script.waits) <= 120 and max(script.waits) <= 20


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, errors.Rejected, "does not accept"),
        (401, errors.NotManagementKey, "not a management key"),
        (402, errors.InsufficientCredits, "out of credits"),
        (403, errors.NotManagementKey, "not a management key"),
        (404, errors.NotFound, "no such thing"),
        (422, errors.Rejected, "does not accept"),
        (429, errors.RateLimited, "Too many requests"),
        (500, errors.ServerFailed, "fault at OpenRouter"),
        (302, errors.Rejected, "redirection"),
    ],
)
def test_what_an_error_says(status: int, kind: type, words: str) -> None:
    script = Script(error_answer(status, "Their words"))
    with pytest.raises(kind) as caught:
        script.client(retries=0).update_key("aa", {})
    assert caught.value.status == status
    for word in (words, f"{status}", "PATCH https://openrouter.test/api/v1/keys/aa"):
        assert word in str(caught.value)
    assert status == 302 or "Their words" in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(400, f"Your key {SECRET} and {PROVISIONING_KEY} and Bearer {'x' * 50}"),
        httpx.Response(200, text=f"<html>{SECRET}</html>"),
        httpx.Response(201, content=f'{{"key": "{SECRET}", "data": '.encode()),
        httpx.Response(201, json={"key": SECRET, "data": {"hash": None}}),
        httpx.Response(201, json={"key": SECRET}),
        httpx.Response(500, text=SECRET),
        httpx.ReadError,
        httpx.ConnectError,
    ],
)
def test_no_secret_in_an_error_or_what_it_carries(answer: t.Any) -> None:
    script = Script(answer)
    with pytest.raises(errors.OpenRouterError) as caught:
        script.client(retries=0).create_key({"name": "x"})
    error: BaseException | None = caught.value
    while error is not None:
        for secret in (SECRET, PROVISIONING_KEY, "x" * 50):
            assert secret not in str(error)
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_long_messages_are_cut_and_hashes_kept() -> None:
    """Only a hash that was sent: another could be the secret part of a key."""
    script = Script(error_answer(400, "a1" * 32 + " " + "b2" * 32 + " word" * 1000))
    with pytest.raises(errors.Rejected) as caught:
        script.client().get_key("a1" * 32)
    assert "a1" * 32 + " *** word" in str(caught.value)
    assert "b2" * 8 not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 200, 1000])
def test_all_pages(count: int) -> None:
    world = World()
    for number in range(count):
        world.add(f"key {number}", f"secret {number}")
    keys = world.client().list_keys()
    assert sorted(key.name for key in keys) == sorted(f"key {number}" for number in range(count))
    assert len(world.steps) <= -(-count // 100) + 2


def test_key_deleted_between_two_pages_hides_no_other() -> None:
    world = World()
    for number in range(150):
        world.add(f"key {number}", f"secret {number}")
    newest = list(world.keys)[-1]

    def vanish(step: str) -> None:
        if len(world.steps) == 1:
            del world.keys[newest]

    world.after_step = vanish
    keys = world.client().list_keys()
    assert {key.name for key in keys} == {f"key {number}" for number in range(149)}


def test_list_that_never_stands_still_ends() -> None:
    world = World()
    for number in range(2000):
        world.add(f"key {number}", f"secret {number}")

    def vanish(step: str) -> None:
        for key_hash in list(world.keys)[-2:]:
            del world.keys[key_hash]

    world.after_step = vanish
    with pytest.raises(errors.ServerFailed, match="changed all the time"):
        world.client().list_keys()


@pytest.mark.parametrize("key", ["", "two words", "two\nlines", "key\u0142"])
def test_provisioning_key_that_cannot_be_one(key: str) -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        Client(key, "https://openrouter.test")
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("url", ["openrouter.ai", "ftp://x", "https://", "https://user:password@x/", "https://x/?a=b"])
def test_base_url_that_cannot_be_one(url: str) -> None:
    with pytest.raises(errors.InvalidOption, match="base_url") as caught:
        Client(PROVISIONING_KEY, url)
    assert "password@" not in str(caught.value)


def test_missing_httpx_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HAS_HTTPX", False)
    with pytest.raises(errors.MissingLibrary, match=r"httpx.*meta/execution-environment\.yml"):
        Client(PROVISIONING_KEY, "https://openrouter.test")


GATEWAYS = {
    "Cloudflare's page": httpx.Response(403, html="<title>Attention Required</title>"),
    "a company's proxy": httpx.Response(403, text="blocked by policy"),
    "a page instead of a login": httpx.Response(401, html="<form>"),
    "another vendor": httpx.Response(401, json={"error": {"message": "Invalid token", "code": "invalid_token"}}),
    "another vendor's way": httpx.Response(403, json={"message": "Forbidden"}),
    "one word": httpx.Response(404, json={"error": "not found"}),
    "a proxy that wants a password": httpx.Response(407, html="<h1>Proxy Authentication Required</h1>"),
    "no API there": httpx.Response(405, html="nginx"),
}


@pytest.mark.parametrize("name", GATEWAYS)
@pytest.mark.parametrize("call", ["list", "get", "create", "update", "delete", "credits"])
def test_what_a_gateway_says_is_not_openrouters_word(name: str, call: str) -> None:
    script = Script(GATEWAYS[name])
    client = script.client()
    calls: dict[str, t.Callable[[], t.Any]] = {
        "list": client.list_keys,
        "get": lambda: client.get_key("aa"),
        "create": lambda: client.create_key({"name": "x"}),
        "update": lambda: client.update_key("aa", {"limit": 1}),
        "delete": lambda: client.delete_key("aa"),
        "credits": client.credits,
    }
    with pytest.raises(errors.NotOpenRouter) as caught:
        calls[call]()
    assert (caught.value.code, len(script.requests)) == ("not_openrouter", 1)
    said = str(caught.value)
    assert "something that is not OpenRouter's answer" in said
    assert "management key" not in said and PROVISIONING_KEY not in said
    assert ("or others: write them into HTTPS_PROXY, as http://user:password@host:port" in said) == (
        caught.value.status == 407
    )


@pytest.mark.parametrize(
    ("proxy_says", "failure", "attempts"),
    [
        ("407 Proxy Authentication Required", errors.NotOpenRouter, 1),
        ("403 Forbidden", errors.NotOpenRouter, 1),
        ("503 Service Unavailable", errors.Unreachable, 6),
        ("", errors.Unreachable, 6),
    ],
)
def test_what_a_proxy_says_to_connect_is_told(proxy_says: str, failure: type[Exception], attempts: int) -> None:
    script = Script(*[httpx.ProxyError(proxy_says)] * attempts)
    with pytest.raises(failure) as caught:
        script.client().list_keys()
    assert len(script.requests) == attempts
    assert ("answered 407" in str(caught.value)) == proxy_says.startswith("407")


def test_a_fault_that_may_be_of_something_in_between_is_told_as_that() -> None:
    script = Script(httpx.Response(502, html="<h1>Bad gateway</h1>"))
    with pytest.raises(errors.ServerFailed, match="a fault at OpenRouter, or of something before it"):
        script.client(retries=0).get_key("aa")
