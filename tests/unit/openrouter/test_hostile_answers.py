# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in good JSON with something else in them than there should be: unknown, or refused, and never a traceback."""

from __future__ import annotations

import itertools
import json
import re
import typing as t

import httpx
import pytest
from ansible_collections.mai.clients.plugins.filter.client_keys import client_keys
from ansible_collections.mai.clients.plugins.filter.client_overview import (
    client_overview,
    overview_csv,
    overview_table,
)
from ansible_collections.mai.clients.plugins.plugin_utils._client import unclaimed_keys
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import client as client_module
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.bulk_plan import Entry, PruneRule, plan_keys
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import FIELDS, Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired, plan
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import Stored
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.usage import totals_of, usage_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.values import masked, number

from tests.unit.openrouter.fakes import NAME, NOW, PROVISIONING_KEY, World, a_key
from tests.unit.openrouter.test_client import Script, error_answer

GOOD = {
    **{name: None for name in FIELDS},
    **a_key(NAME, limit=10.0, limit_reset="monthly", limit_remaining=4.0).data,
    **{name: 6.0 for name in FIELDS if "usage" in name},
    "label": "sk-or-v1-0e6...1c9",
    "last_used_at": "2026-11-20T10:00:00Z",
    "updated_at": "2026-11-20T10:00:00Z",
    "expires_at": "2027-11-20T10:00:00.000Z",
    "creator_user_id": "user_1",
    "external_user": "company",
}
ODD = ["text", "1e5", "", [], [1], {}, {"a": {"b": 1}}, True, False, -1, 1e-300, 1e16, 10**400]
ODD += [float("nan"), float("inf"), -float("inf"), "2026-13-45", "9" * 5000, "a\nb\x1b[31m\u202e", None]
# What null would say something else of than "unknown", so nothing odd may become null.
DECISIVE = {
    "disabled",
    "limit",
    "limit_reset",
    "include_byok_in_limit",
    "expires_at",
    "last_used_at",
    "workspace_id",
}
CLIENT = {
    "slug": "abc",
    "name": "ABC",
    "machine": "mai-01",
    "port": 8001,
    "url": "https://abc.example.org",
    "key_name": NAME,
    "limit": 10.0,
    "deployment": "docker",
    "instance": {"settings_differ": [], "image_differs": False},
    "problems": [],
    "unreachable": False,
}


def use(data: dict[str, t.Any]) -> Key | None:
    """Everything that is done with a key; None where OpenRouter is said not to be understood."""
    try:
        key = Key.from_api(data)
    except errors.ServerFailed as error:
        assert str(error).isprintable() and len(str(error)) < 2000
        return None
    decide(key)
    assert isinstance(key.disabled, bool) and isinstance(key.unused, bool)
    assert key.created is None or key["created_at"]
    assert (key.expires is None) == (key["expires_at"] is None)
    assert str(key).isprintable() and len(str(key)) < 1500
    results = {"key": key.shown(), "settings": key.settings(), "usage": usage_of(key), "totals": totals_of([key])}
    json.dumps(results, allow_nan=False)
    for name, value in key.shown().items():
        assert name in ("name", "hash") or not isinstance(value, str) or (value.isprintable() and len(value) <= 500)
    assert Key.from_api(json.loads(json.dumps(dict(key.data)))).data == key.data
    show(key.shown())
    return key


def decide(key: Key) -> None:
    """All plans that there are."""
    stores = [None, Stored("/file", None, {}), Stored("/file", "digest", {"OPENAI_API_KEY": key.hash})]
    limit = {"limit": 5.0, "limit_reset": "monthly", "disabled": False}
    for store, more, fields in itertools.product(
        stores,
        [{}, {"state": "absent"}, {"state": "disabled"}, {"rotate": True, "carry_usage": True}],
        [{}, limit, {"limit": None}],
    ):
        try:
            steps = plan(Desired(name=NAME, fields=fields, **more), [key], store, NOW, "0a0a0a")
            json.dumps([step.shown() for step in steps.actions], allow_nan=False)
        except (errors.LostSecret, errors.ForeignSecret, errors.NotFound, errors.ServerFailed) as error:
            assert str(error).isprintable()
            assert key["usage_monthly"] is None or not isinstance(error, errors.ServerFailed)
    entries = [Entry(0, Desired(name="another", fields=limit)), Entry(1, Desired(name=NAME, expires_at="2027-01-01"))]
    plan_keys(entries, {None: [key]}, {}, PruneRule("client-"), NOW, lambda: "0a0a0a")
    plan_keys(entries[:1], {None: [key]}, {}, PruneRule("client-", used=True), NOW, lambda: "0a0a0a")


def show(key: dict[str, t.Any]) -> None:
    assert client_keys([key], NAME) in ([], [key])
    row = client_overview({}, CLIENT, [key])
    assert overview_table([row]) and overview_csv([row])
    unclaimed_keys([key], [])


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("hash", "name")])
def test_odd_values_are_unknown_or_refused(field: str) -> None:
    for odd in ODD:
        key = use({**GOOD, field: odd})
        if key is None:
            assert field in DECISIVE
        elif key[field] != odd and not isinstance(odd, str):
            assert key[field] is None and field not in DECISIVE
        if "usage" in field and number(odd, 0) is None:
            assert key and key[field] is None


@pytest.mark.parametrize("odd", ["yes", 0, 1, None, [], {}])
def test_whether_a_key_is_disabled_is_not_guessed(odd: t.Any) -> None:
    with pytest.raises(errors.ServerFailed, match="with a disabled that cannot be understood"):
        Key.from_api({**GOOD, "disabled": odd})


@pytest.mark.parametrize("odd", ["0", [], {}, False, -1, float("nan"), None])
@pytest.mark.parametrize("field", ["usage", "byok_usage"])
def test_what_is_not_known_counts_as_used(field: str, odd: t.Any) -> None:
    assert a_key(NAME).unused
    assert not Key.from_api({**a_key(NAME).data, field: odd}).unused
    assert not Key.from_api({**a_key(NAME).data, "last_used_at": ""}).unused


@pytest.mark.parametrize("hostile", ["x\nforged: line", "\x1b[2J", "\u202egpj", "x" * 900, "sk-or-v1-" + "7" * 64])
def test_a_name_stays_what_it_is_and_forges_nothing(hostile: str) -> None:
    key = use({**GOOD, "name": f"{NAME}{hostile}"})
    assert key and key.name == key.shown()["name"] == f"{NAME}{hostile}"
    assert hostile not in str(key)
    assert hostile not in str(use({**GOOD, "label": hostile, "created_at": hostile}).shown())


@pytest.mark.parametrize(
    "broken",
    [
        *({"hash": odd} for odd in (None, 1, "", "aa", "A" * 64, "../" * 30, "a" * 64 + "\n", ["a" * 64])),
        *({"name": odd} for odd in (None, 1, [], {"a": 1}, "x" * 1001)),
    ],
    ids=repr,
)
def test_without_hash_or_name_it_is_no_key(broken: dict[str, t.Any]) -> None:
    with pytest.raises(errors.ServerFailed, match="described"):
        Key.from_api({**GOOD, **broken})
    for odd in (None, [], "text", 1):
        with pytest.raises(errors.ServerFailed):
            Key.from_api(odd)


def test_nothing_else_of_an_answer_is_kept() -> None:
    assert set(Key.from_api({**GOOD, "key": "sk-or-v1-" + "7" * 64, "more": ["x"] * 1000}).data) == set(FIELDS)


def test_a_successor_gets_no_limit_from_an_unknown_usage() -> None:
    """What was used is taken off the monthly limit; unknown is not nothing."""
    old = Key.from_api({**GOOD, "usage_monthly": "6"})
    retired = Key.from_api({**GOOD, "name": f"{NAME} ~retired-carried-aaaaaa", "usage_monthly": None})
    for keys, more in (([old], {"rotate": True, "carry_usage": True}), ([retired], {})):
        desired = Desired(name=NAME, fields={"limit": 10.0, "limit_reset": "monthly"}, **more)
        with pytest.raises(errors.ServerFailed, match="does not say what replaced keys"):
            plan(desired, keys, None, NOW, "0a0a0a")
        assert plan(Desired(name=NAME, state="absent"), keys, None, NOW, "0a0a0a")


# Lists


def pages(answer: t.Callable[[int], list[t.Any]]) -> tuple[t.Any, int]:
    """How a listing ends, and after how many requests."""
    asked: list[int] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(int(request.url.params["offset"]))
        return httpx.Response(200, json={"data": answer(asked[-1])})

    client = World().client(transport=httpx.MockTransport(respond))
    try:
        return client.list_keys(), len(asked)
    except errors.ServerFailed as error:
        return error, len(asked)


def some_keys(first: int, count: int = 100) -> list[dict[str, t.Any]]:
    return [dict(a_key(f"key {number}", f"secret {number}").data) for number in range(first, first + count)]


def test_an_ignored_offset_is_told_and_never_a_complete_list() -> None:
    same = some_keys(0)
    error, requests = pages(lambda offset: same)
    assert "ignores the parameter offset" in str(error) and requests == 2
    error, requests = pages(lambda offset: same[:1] * 100)
    assert "ignores the parameter offset" in str(error) and requests == 2


def test_always_another_full_page() -> None:
    error, requests = pages(some_keys)
    assert "has no end" in str(error) and requests == client_module.MAX_PAGES
    counter = itertools.count()
    error, requests = pages(lambda offset: some_keys(1000 * next(counter)))
    assert "changed all the time" in str(error) and requests <= 10


def test_many_keys_and_slow_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_KEYS", 150)
    assert pages(some_keys)[1] == 2
    monkeypatch.undo()
    monkeypatch.setattr(client_module, "MAX_LISTING", -1.0)
    error, requests = pages(some_keys)
    assert "has no end" in str(error) and requests == 1
    assert len(pages(lambda offset: some_keys(0, 99))[0]) == 99


@pytest.mark.parametrize("page", [[1], ["text"], [None], [[]], [{}], [{"hash": "a" * 64}]])
def test_a_page_with_something_that_is_no_key(page: list[t.Any]) -> None:
    error, _requests = pages(lambda offset: page)
    assert isinstance(error, errors.ServerFailed)


# The account


@pytest.mark.parametrize("odd", [odd for odd in ODD if number(odd) is None])
def test_credits_are_numbers(odd: t.Any) -> None:
    for data in ({"total_credits": odd, "total_usage": 1}, {"total_credits": 1, "total_usage": odd}):
        answer = httpx.Response(200, text=json.dumps({"data": data}))
        with pytest.raises(errors.ServerFailed, match="no usable numbers"):
            Script(answer).client(retries=0).credits()


def test_whether_a_key_is_valid() -> None:
    assert Script(httpx.Response(200, json={"data": {"label": "\x1b"}})).client().is_valid() is True
    assert Script(error_answer(401)).client().is_valid() is False
    with pytest.raises(errors.ServerFailed):
        Script(httpx.Response(200, json={"data": []})).client(retries=0).is_valid()


def test_rows_of_activity_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_ROWS", 2)
    for rows in ([{}, {}, {}], [1], [[]]):
        with pytest.raises(errors.ServerFailed, match="rows that cannot be read"):
            Script(httpx.Response(200, json={"data": rows})).client(retries=0).activity()
    assert Script(httpx.Response(200, json={"data": [{}, {}]})).client().activity() == [{}, {}]


# Words

TAIL = "".join(f"{number:02x}" for number in range(7, 39))
SECRET = f"sk-or-v1-{TAIL}"


def split(text: str, separator: str, size: int) -> str:
    return separator.join(text[start : start + size] for start in range(0, len(text), size))


def shows_some(text: str, secret: str = SECRET) -> bool:
    """Whether 16 characters of a secret are to be read in the text, whatever is between them."""
    read = re.sub(r"[^!-~]", "", text).lower()
    return any(secret[start : start + 16].lower() in read for start in range(len(secret) - 15))


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        f"Bearer {SECRET}",
        TAIL,
        TAIL.upper(),
        TAIL[:16],
        TAIL[-16:],
        TAIL[5:40],
        SECRET[:20],
        f"x{TAIL}y",
        f"({TAIL})",
        *(
            split(SECRET, separator, size)
            for separator in (" ", "\n", "\t \t", "\u200b", "\u202e")
            for size in (1, 8, 17)
        ),
        *(split(TAIL, separator, size) for separator in (" ", "\r\n", "\xa0", "\x1b") for size in (1, 4, 15)),
    ],
)
def test_no_run_of_the_provisioning_key_is_said(echo: str) -> None:
    for text in (echo, f"No: {echo} is wrong", f"{'a ' * 990}{echo}", f"{echo} {echo}", f'{{"key": "{echo}"}}'):
        said = masked(text, SECRET, "GET /keys")
        assert "***" in said or len(text) > 1000
        assert not shows_some(said)
        assert said.isprintable() and len(said) <= 300


def test_hashes_that_were_not_sent_may_be_secrets() -> None:
    other = "0123456789abcdef" * 4
    where = f"GET https://openrouter.test/keys/{'a1' * 32}"
    assert masked(f"{'a1' * 32} is gone", SECRET, where) == f"{'a1' * 32} is gone"
    for echo in (other, other.upper(), f"sk-or-v1-{other}", split(other, " ", 8), f"key={other}", other[:50]):
        assert not shows_some(masked(f"No {echo}.", SECRET, where), other)


@pytest.mark.parametrize(
    "text", ["User not found", "Limit 12.50 must be > 0 (expires_at)", "Ein Schlüssel fehlt – 日本"]
)
def test_plain_words_stay(text: str) -> None:
    assert masked(text, SECRET, "") == text
    assert masked("a\nb\x1b[31m\u202ec", SECRET, "") == "a b␛[31m<U+202E>c"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 429, 500])
def test_every_error_masks(status: int) -> None:
    echoes = f"{PROVISIONING_KEY[7:]} {split(PROVISIONING_KEY, ' ', 6)} {TAIL}\nforged: line"
    calls: list[t.Callable[[t.Any], t.Any]] = [
        lambda client: client.list_keys(),
        lambda client: client.create_key({"name": "x"}),
        lambda client: client.update_key("a1" * 32, {}),
        lambda client: client.credits(),
        lambda client: client.activity(),
    ]
    for call in calls:
        script = Script(error_answer(status, echoes))
        with pytest.raises(errors.OpenRouterError) as caught:
            call(script.client(retries=1))
        told = " ".join([str(caught.value), *(reason for _seconds, reason in script.told)])
        assert not shows_some(told, PROVISIONING_KEY) and not shows_some(told, TAIL)
        assert told.isprintable()


@pytest.mark.parametrize("secret", ["", "two words", "key\n", 1, None, [], "x" * 501])
def test_a_new_secret_that_cannot_be_one(secret: t.Any) -> None:
    script = Script(httpx.Response(201, json={"data": dict(a_key("x").data), "key": secret}))
    with pytest.raises(errors.ServerFailed, match="without the new key's secret"):
        script.client().create_key({"name": "x"})
