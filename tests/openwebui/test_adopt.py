# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Open WebUI that was started by hand, as its own documentation says, is adopted while somebody is signed in."""

from __future__ import annotations

import json
import time
import typing as t

import httpx
import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.project import Result
from tests.kit.figures import PEOPLE
from tests.openwebui.conftest import NEWER, SLUG, START_SECONDS

HAND, PORT = "taken-over", 8106
KEY_NAME = "mAI Client: Taken Over"
BOSS = {"email": "boss@takenover.example", "password": "of the b0ss"}
CHAT = {"title": "a chat of before", "models": [], "messages": [], "history": {"messages": {}, "currentId": None}}


@pytest.fixture(scope="module")
def by_hand(fleet: Fleet, onboarded: Result) -> t.Iterator[httpx.Client]:
    """Somebody is signed in, and has a chat."""
    openrouter, host = fleet.openrouter, fleet.host(SLUG)
    headers = {"Authorization": f"Bearer {openrouter.provisioning_key}"}
    body = {"name": KEY_NAME, "limit": 200, "limit_reset": "monthly"}
    made = httpx.post(f"{openrouter.url}/keys", json=body, headers=headers, trust_env=False).json()
    variables = {"OPENAI_API_BASE_URL": openrouter.url, "OPENAI_API_KEY": made["key"], "ENABLE_OLLAMA_API": "false"}
    variables.update(WEBUI_ADMIN_EMAIL=BOSS["email"], WEBUI_ADMIN_PASSWORD=BOSS["password"])
    given = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    where = ["--name", "open-webui", "--publish", f"{PORT}:8080", "--volume", "open-webui:/app/backend/data"]
    host.exec("docker", "run", "--detach", *where, *given, fleet.known(SLUG)["mai_image"])
    url = f"http://{host.address()}:{PORT}"
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as api:
        deadline = time.monotonic() + START_SECONDS
        while not _is_up(api):
            assert time.monotonic() < deadline, host.exec("docker", "logs", "open-webui").stderr[-2000:]
            time.sleep(1)
        token = api.post("/api/v1/auths/signin", json=BOSS).raise_for_status().json()["token"]
        api.headers["Authorization"] = f"Bearer {token}"
        api.post("/api/v1/chats/new", json={"chat": CHAT}).raise_for_status()
        yield api


def _is_up(api: httpx.Client) -> bool:
    try:
        return api.get("/health").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def adopted(fleet: Fleet, by_hand: httpx.Client) -> Result:
    variables = {"mai_client_name": "Taken Over", "mai_monthly_limit": 200, "mai_port": PORT, "mai_image_pull": "never"}
    image = fleet.known(SLUG)["mai_image"]
    fleet.put(HAND, fleet.host(SLUG), mai_image=image, mai_database_create_table=True, **variables)
    adopt = {"playbook": "playbooks/adopt_client.yml", "seconds": START_SECONDS}
    rehearsed = fleet.run(HAND, "--check", **adopt)
    assert f"Would rename its key {KEY_NAME}" in rehearsed.said and fleet.writes == []
    return fleet.run(HAND, "-e", "restart=true", **adopt)


def test_who_was_signed_in_still_is_and_has_everything(fleet: Fleet, by_hand: httpx.Client, adopted: Result) -> None:
    assert by_hand.get("/api/v1/auths/").raise_for_status().json()["email"] == BOSS["email"]
    assert [chat["title"] for chat in by_hand.get("/api/v1/chats/").json()] == [CHAT["title"]]
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Good morning"}]}
    assert by_hand.post("/api/chat/completions", json=body).status_code == 200
    key = fleet.only_key(HAND)
    assert key["usage"] > 0 and key["limit"] == 200
    assert fleet.organization(HAND)["id"] == f"{HAND}-001"


def test_it_is_a_client_like_all_others(fleet: Fleet, adopted: Result) -> None:
    started = fleet.started(HAND)
    again = fleet.run(HAND)
    assert (again.total("changed"), fleet.writes) == (0, []), again.output
    assert fleet.started(HAND) == started


def test_its_people_are_those_of_the_inventory(fleet: Fleet, by_hand: httpx.Client, adopted: Result) -> None:
    """Also those whose password nobody here ever knew."""
    fleet.change(HAND, mai_users=[{"email": "anna@takenover.example", "name": "Anna O'Neil"}])
    fleet.run(HAND)
    assert sign_in(fleet, by_hand, "anna@takenover.example")
    reset = fleet.run(HAND, "-e", f"email={BOSS['email']}", playbook="playbooks/reset_password.yml")
    assert f"{BOSS['email']} has a new password" in reset.said
    assert sign_in(fleet, by_hand, BOSS["email"])
    assert by_hand.get("/api/v1/auths/").status_code == 401
    PEOPLE.add(
        f"added, and a new password for the administrator, of an adopted Open WebUI {NEWER}",
        f"Open WebUI {NEWER}",
        "both sign in, the old session ends",
    )


def sign_in(fleet: Fleet, api: httpx.Client, email: str) -> str:
    """With the password that lies on the machine."""
    password = json.loads(fleet.file(HAND, "people.json"))[email]
    answer = api.post("/api/v1/auths/signin", json={"email": email, "password": password})
    return str(answer.raise_for_status().json()["token"])
