# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys beyond what the SDK shows: pages, validation, permissions, lists that lag."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from tests.openrouter_simulator import Simulator


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [key["name"] for key in response.json()["data"]]


def test_pages_of_250_keys_most_recent_first(agency: httpx.Client, new_key) -> None:
    for number in range(250):
        new_key(f"key-{number}")
    pages = [names(agency.get("/keys", params={"offset": offset})) for offset in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert sum(pages, []) == [f"key-{number}" for number in reversed(range(250))]


def test_names_are_not_unique_and_label_is_ignored(agency: httpx.Client, new_key) -> None:
    (first, _secret), (second, secret) = new_key("twice", label="mine"), new_key("twice", label="mine")
    assert first["hash"] != second["hash"]
    assert second["label"] == f"{secret[:12]}...{secret[-3:]}"


def test_expires_at_cannot_be_patched(agency: httpx.Client, new_key) -> None:
    key, _secret = new_key(expires_at="2030-01-01T00:00:00Z")
    response = agency.patch(f"/keys/{key['hash']}", json={"expires_at": None, "name": "renamed"})
    assert response.status_code == 200
    assert (response.json()["data"]["expires_at"], response.json()["data"]["name"]) == (key["expires_at"], "renamed")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"limit": -1}, "limit"),
        ({"limit": "500"}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": [5]}, "limit"),
        ({"limit_reset": "yearly"}, "limit_reset"),
        ({"include_byok_in_limit": "yes"}, "include_byok_in_limit"),
        ({"expires_at": "2030-01-01T00:00Z"}, "expires_at"),
        ({"expires_at": "2030-13-01T00:00:00Z"}, "expires_at"),
        ({"external": "someone"}, "external"),
    ],
)
def test_invalid_create(agency: httpx.Client, simulator: Simulator, fields: dict, said: str) -> None:
    response = agency.post("/keys", json={"name": "client-x", **fields})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == 400 and said in error["message"]
    assert simulator.control.all_keys() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": "x", "limit": NaN}',
        b'{"name": "x", "limit": 1e999}',
        b'{"name": "\\ud800"}',
        b"\xff",
    ],
)
def test_not_json(agency: httpx.Client, simulator: Simulator, body: bytes) -> None:
    assert agency.post("/keys", content=body).status_code == 400
    assert simulator.control.writes()[-1][2] == 400


def test_invalid_patch_changes_nothing(agency: httpx.Client, simulator: Simulator, new_key) -> None:
    key, _secret = new_key(limit=5)
    assert agency.patch(f"/keys/{key['hash']}", json={"name": "other", "limit": "much"}).status_code == 400
    assert simulator.control.all_keys() == [key]


@pytest.mark.parametrize("query", ["offset=-1", "offset=x", "include_disabled=1", "include_expired=yes"])
def test_invalid_query(agency: httpx.Client, query: str) -> None:
    assert agency.get(f"/keys?{query}").status_code == 400


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_unknown_hash(agency: httpx.Client, method: str) -> None:
    response = agency.request(method, f"/keys/{'0' * 64}", json={})
    assert (response.status_code, response.json()["error"]["code"]) == (404, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("GET", "/credits"),
        ("GET", "/activity"),
        ("GET", "/workspaces"),
        ("POST", "/workspaces"),
    ],
)
def test_who_may_manage(as_client, simulator: Simulator, new_key, method: str, path: str) -> None:
    _key, secret = new_key()
    bare = httpx.request(method, simulator.url + path, json={"name": "x"}, trust_env=False)
    ordinary = as_client(secret).request(method, path, json={"name": "x"})
    unknown = as_client("sk-or-v1-unknown").request(method, path, json={"name": "x"})
    assert [response.status_code for response in (bare, ordinary, unknown)] == [401, 401, 401]
    assert len(simulator.control.all_keys()) == 1


def test_disabled_deleted_and_expired_keys_are_refused(agency, as_client, simulator: Simulator, new_key) -> None:
    disabled, disabled_secret = new_key("disabled")
    deleted, deleted_secret = new_key("deleted")
    _expiring, expiring_secret = new_key("expiring", expires_at="2030-01-01T00:00:00Z")
    agency.patch(f"/keys/{disabled['hash']}", json={"disabled": True})
    agency.delete(f"/keys/{deleted['hash']}")
    simulator.control.set_clock("2029-12-31T23:59:00Z")
    assert as_client(expiring_secret).get("/key").status_code == 200
    assert names(agency.get("/keys")) == ["expiring"]

    simulator.control.advance_clock(120)
    for secret in (disabled_secret, deleted_secret, expiring_secret):
        assert as_client(secret).get("/key").status_code == 401
        chat = {"messages": [{"role": "user", "content": "hello"}]}
        assert as_client(secret).post("/chat/completions", json=chat).status_code == 401
    assert names(agency.get("/keys")) == []
    assert names(agency.get("/keys?include_expired=true&include_disabled=true")) == ["expiring", "disabled"]

    agency.patch(f"/keys/{disabled['hash']}", json={"disabled": False})
    assert as_client(disabled_secret).get("/key").status_code == 200


def test_a_fresh_key_appears_in_lists_later(agency: httpx.Client, simulator: Simulator, new_key) -> None:
    simulator.control.list_lag(60)
    key, _secret = new_key()
    assert names(agency.get("/keys")) == []
    assert agency.get(f"/keys/{key['hash']}").status_code == 200
    assert [one["hash"] for one in simulator.control.all_keys()] == [key["hash"]]
    simulator.control.advance_clock(61)
    assert names(agency.get("/keys")) == [key["name"]]


def test_no_secret_is_kept(simulator: Simulator, agency: httpx.Client, new_key) -> None:
    key, secret = new_key(external={"user": "partner-7"})
    assert key["external_user"] == "partner-7"
    assert key["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    agency.get(f"/keys/{secret}")
    everything = f"{simulator.control.all_keys()}{simulator.control.journal(everything=True)}"
    assert secret not in everything and simulator.provisioning_key not in everything


def test_keys_are_planted_and_all_is_forgotten(agency: httpx.Client, simulator: Simulator, new_key) -> None:
    used, _secret = new_key("client-used")
    simulator.control.usage(used["hash"], 3)
    planted = simulator.control.plant_keys(["client-1", "client-2"])
    listed = agency.get("/keys").json()["data"]
    assert [key["hash"] for key in listed] == [*reversed(planted), used["hash"]]
    assert listed[0]["name"] == "client-2"
    simulator.control.credits(7)
    simulator.control.advance_clock(86400)
    simulator.control.list_lag(5)
    simulator.control.fault(kind="cut")
    simulator.control.reset()
    assert simulator.control.journal() == simulator.control.faults() == simulator.control.all_keys() == []
    assert agency.get("/credits").json()["data"] == {"total_credits": 100, "total_usage": 0}
    key, _secret = new_key("client-new")
    assert [found["hash"] for found in agency.get("/keys").json()["data"]] == [key["hash"]]
    assert abs(datetime.fromisoformat(key["created_at"]) - datetime.now(timezone.utc)) < timedelta(hours=1)
