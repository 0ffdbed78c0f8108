# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new key for the real Open WebUI, while somebody chats ten times a second."""

from __future__ import annotations

import hashlib
import json

import httpx

from tests.e2e.fleet import Fleet
from tests.e2e.operations import record_operation
from tests.kit.probe import CHAT, Probe
from tests.openwebui.conftest import SLUG

ROTATE = "playbooks/rotate_key.yml"


def test_the_key_is_rotated_and_nobody_is_interrupted(fleet: Fleet, api: httpx.Client) -> None:
    old = fleet.key(SLUG)
    started = fleet.started(SLUG)
    with Probe(api) as probe:
        first = fleet.run(SLUG, playbook=ROTATE)
    record_operation("rotate_key, Open WebUI 0.12.4", first=first, gap=probe.longest_gap)
    assert probe.refused == 0 and probe.answers > 10
    assert fleet.started(SLUG) == started

    keys = {key["hash"]: key for key in fleet.control.all_keys() if f"client-{SLUG}" in key["name"]}
    new = fleet.key(SLUG)
    assert new["hash"] != old["hash"] and not new["disabled"] and keys[old["hash"]]["disabled"]
    stored = {row["key"]: row["value"] for row in fleet.table(SLUG, "config")}
    [secret] = json.loads(stored["openai.api_keys"])
    assert hashlib.sha256(secret.encode()).hexdigest() == new["hash"]
    assert fleet.organization(SLUG)["openrouter_api_key"] == secret

    answer = api.post("/api/chat/completions", json=CHAT)
    assert answer.status_code == 200
    paid = {key["hash"]: key["usage"] for key in fleet.control.all_keys()}
    assert paid[new["hash"]] > new["usage"] and paid[old["hash"]] == keys[old["hash"]]["usage"]

    again = fleet.run(SLUG, "-e", "older_than_days=1", playbook=ROTATE)
    assert again.total("changed") == 0 and fleet.writes == []
    record_operation("rotate_key, Open WebUI 0.12.4", first=first, again=again, gap=probe.longest_gap)
