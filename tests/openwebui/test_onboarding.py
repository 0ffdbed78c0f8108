# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One whole onboarding of the real Open WebUI on a host, and the same again."""

from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.project import Result
from tests.openwebui.conftest import SLUG


def test_it_is_onboarded(fleet: Fleet, onboarded: Result) -> None:
    assert onboarded.total("failed") == onboarded.total("unreachable") == 0
    with fleet.api(SLUG) as api:
        assert api.get("/ready").json() == {"status": True}
        assert api.get("/api/version").json()["version"] == "0.12.4"
        closed = {"email": "stranger@example.com", "password": "a-password", "name": "Stranger"}
        assert api.post("/api/v1/auths/signup", json=closed).status_code == 403


def test_key_connection_and_row_are_one(fleet: Fleet, onboarded: Result) -> None:
    key = fleet.only_key(SLUG)
    stored = {row["key"]: row["value"] for row in fleet.table(SLUG, "config")}
    [secret] = json.loads(stored["openai.api_keys"])
    assert hashlib.sha256(secret.encode()).hexdigest() == key["hash"]
    assert json.loads(stored["openai.api_base_urls"]) == [fleet.openrouter.url]
    assert fleet.organization(SLUG)["openrouter_api_key"] == secret
    assert fleet.secret(SLUG) == secret
    assert secret not in onboarded.output


def test_the_administrator_chats_and_the_client_pays(fleet: Fleet, api: httpx.Client) -> None:
    before = fleet.only_key(SLUG)["usage"]
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Good morning"}]}
    answer = api.post("/api/chat/completions", json=body)
    assert answer.status_code == 200
    assert fleet.only_key(SLUG)["usage"] - before == pytest.approx(answer.json()["usage"]["cost"])


def test_the_second_run_changes_nothing(fleet: Fleet, onboarded: Result) -> None:
    started = fleet.started(SLUG)
    again = fleet.run(SLUG)
    assert again.total("changed") == again.total("failed") == 0
    assert fleet.writes == []
    assert fleet.started(SLUG) == started
