# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Money: limits, their resets at UTC midnight, credits, prices."""

from __future__ import annotations

import httpx
import pytest

from tests.openrouter_simulator import Simulator

CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


def remaining(agency: httpx.Client, key: dict) -> float | None:
    return agency.get(f"/keys/{key['hash']}").json()["data"]["limit_remaining"]


def test_monthly_limit_is_enforced_and_reset(agency, as_client, simulator: Simulator, new_key) -> None:
    simulator.control.set_clock("2030-01-31T23:50:00Z")
    key, secret = new_key(limit=5, limit_reset="monthly")
    http = as_client(secret)
    assert http.post("/chat/completions", json=CHAT).status_code == 200
    simulator.control.usage(key["hash"], 5)
    assert remaining(agency, key) == 0
    refused = http.post("/chat/completions", json=CHAT)
    assert refused.status_code == 403 and "limit exceeded (monthly limit)" in refused.json()["error"]["message"]
    assert http.get("/key").json()["data"]["effective_budget"]["resets_at"] == "2030-02-01T00:00:00.000Z"

    simulator.control.advance_clock(660)
    assert remaining(agency, key) == 5
    described = agency.get(f"/keys/{key['hash']}").json()["data"]
    assert described["usage"] > 5 and described["usage_monthly"] == 0
    assert http.post("/chat/completions", json=CHAT).status_code == 200


@pytest.mark.parametrize(
    ("interval", "before", "after"),
    [
        ("daily", "2030-01-15T23:59:00Z", "2030-01-16T00:01:00Z"),
        # 2030-01-20 is a Sunday.
        ("weekly", "2030-01-20T23:59:00Z", "2030-01-21T00:01:00Z"),
        ("monthly", "2030-12-31T23:59:00Z", "2031-01-01T00:01:00Z"),
    ],
)
def test_windows(agency, simulator: Simulator, new_key, interval: str, before: str, after: str) -> None:
    simulator.control.set_clock(before)
    key, _secret = new_key(limit=10, limit_reset=interval)
    simulator.control.usage(key["hash"], 4)
    assert remaining(agency, key) == 6
    simulator.control.set_clock(after)
    assert remaining(agency, key) == 10
    assert agency.get(f"/keys/{key['hash']}").json()["data"][f"usage_{interval}"] == 0


def test_a_limit_without_reset_is_for_life(agency, as_client, simulator: Simulator, new_key) -> None:
    key, secret = new_key(limit=1)
    simulator.control.usage(key["hash"], 1)
    simulator.control.advance_clock(400 * 86400)
    assert remaining(agency, key) == 0
    refused = as_client(secret).post("/chat/completions", json=CHAT)
    assert refused.status_code == 403 and "total limit" in refused.json()["error"]["message"]
    agency.patch(f"/keys/{key['hash']}", json={"limit": None})
    assert as_client(secret).post("/chat/completions", json=CHAT).status_code == 200


def test_credits_shrink_and_run_out(agency, as_client, simulator: Simulator, new_key) -> None:
    key, secret = new_key()
    simulator.control.credits(10)
    simulator.control.usage(key["hash"], 10)
    assert agency.get("/credits").json()["data"] == {"total_credits": 10, "total_usage": 10}
    assert as_client(secret).post("/chat/completions", json=CHAT).status_code == 402


def test_stream_on_the_wire(as_client, new_key, simulator: Simulator) -> None:
    _key, secret = new_key()
    response = as_client(secret).post("/chat/completions", json={**CHAT, "stream": True, "user": "company-abc-001"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert response.text.endswith("data: [DONE]\n\n")
    (generation,) = simulator.control.generations()
    assert (generation["data"]["external_user"], generation["data"]["streamed"]) == ("company-abc-001", True)


def test_content_in_parts_and_unknown_models(as_client, new_key) -> None:
    http = as_client(new_key()[1])
    parts = [{"type": "text", "text": "in"}, {"type": "text", "text": "parts"}]
    answer = http.post("/chat/completions", json={"messages": [{"role": "user", "content": parts}]})
    assert answer.json()["choices"][0]["message"]["content"] == "You said: in parts"
    assert http.post("/chat/completions", json={**CHAT, "model": "no/such"}).status_code == 400
    assert http.post("/chat/completions", json={**CHAT, "messages": []}).status_code == 400


def test_a_generation_belongs_to_its_key(as_client, new_key) -> None:
    mine, other = as_client(new_key("mine")[1]), as_client(new_key("other")[1])
    made = mine.post("/chat/completions", json=CHAT).json()["id"]
    assert mine.get("/generation", params={"id": made}).status_code == 200
    assert other.get("/generation", params={"id": made}).status_code == 404


def test_the_url_that_mai_takes_for_openrouter(as_client, simulator: Simulator, new_key) -> None:
    assert "openrouter.ai" in simulator.openrouter_like_url
    headers = {"Authorization": f"Bearer {new_key()[1]}"}
    answer = httpx.get(simulator.openrouter_like_url + "/key", headers=headers, trust_env=False)
    assert answer.status_code == 200
