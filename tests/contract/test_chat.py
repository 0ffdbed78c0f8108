# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models and chats through the instance, and what of the provider's refusals reaches the caller."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.contract.conftest import Keys
from tests.contract.instance import Instance
from tests.openrouter_simulator import Simulator

MODEL = "openai/gpt-4o-mini"
ORIGIN = "https://mai-companyabc.example.com"


@pytest.fixture(scope="module")
def published(make_lasting: Callable[..., Instance], environment: dict[str, str]) -> Instance:
    """One that knows its origin."""
    return make_lasting(**environment, CORS_ALLOW_ORIGIN=ORIGIN).start()


@pytest.fixture(autouse=True)
def _no_faults_left(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.control.clear_faults()


# Models


def test_models_are_listed_through_the_instance(instance: Instance, admin: str) -> None:
    assert MODEL in instance.models(admin)


def test_the_list_outlives_its_provider_unless_refreshed(instance: Instance, admin: str, simulator: Simulator) -> None:
    assert MODEL in instance.models(admin, refresh=True)
    simulator.control.fault(kind="status", status=401, path="/models$", times=None)
    time.sleep(1.1)
    assert MODEL in instance.models(admin)
    assert MODEL not in instance.models(admin, refresh=True)
    simulator.control.clear_faults()
    assert MODEL in instance.models(admin, refresh=True)


def test_a_user_sees_no_models_unless_access_control_is_bypassed(published: Instance) -> None:
    instance = published
    assert "BYPASS_MODEL_ACCESS_CONTROL" not in instance.environment
    _user, token = instance.add_user("user@example.com")
    instance.models(instance.admin())
    assert instance.models(token) == []
    refused = instance.chat(token)
    assert refused.status_code == 400
    assert "Model not found" in refused.json()["detail"]

    instance.restart(BYPASS_MODEL_ACCESS_CONTROL="true")
    assert MODEL in instance.models(token)
    assert instance.chat(token).status_code == 200


# Chat


def test_a_chat_is_answered(instance: Instance, admin: str) -> None:
    answer = instance.chat(admin)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["usage"]["cost"] > 0


def test_a_chat_is_streamed(instance: Instance, admin: str) -> None:
    answer = instance.chat(admin, stream=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = [line[len("data: ") :] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(chunk) for chunk in data[:-1]]
    assert "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_plain_open_webui_sends_no_user(instance: Instance, admin: str, simulator: Simulator) -> None:
    instance.chat(admin)
    assert not simulator.control.generations()[-1]["data"]["external_user"]


def test_a_user_in_the_request_is_passed_on(instance: Instance, admin: str, simulator: Simulator) -> None:
    instance.chat(admin, user="somebody")
    assert simulator.control.generations()[-1]["data"]["external_user"] == "somebody"


def test_an_unknown_model_is_refused(instance: Instance, admin: str) -> None:
    answer = instance.chat(admin, model="no/such-model")
    assert answer.status_code in (400, 404)
    assert "not found" in answer.json()["detail"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 502])
def test_the_providers_refusal_reaches_the_caller(
    instance: Instance, admin: str, simulator: Simulator, status: int, stream: bool
) -> None:
    simulator.control.fault(
        kind="status",
        status=status,
        path="/chat/completions$",
        body=json.dumps({"error": {"code": status, "message": "as the provider says"}}),
    )
    answer = instance.chat(admin, stream=stream)
    assert answer.status_code == status
    assert "as the provider says" in answer.text


def test_a_disabled_key_is_not_an_empty_model_list_but_a_refused_chat(
    instance: Instance, admin: str, keys: Keys
) -> None:
    assert instance.chat(admin).status_code == 200
    key_hash = keys.last_used()
    keys.change(key_hash, disabled=True)
    try:
        assert MODEL in instance.models(admin)
        assert instance.chat(admin).status_code in (401, 403)
    finally:
        keys.change(key_hash, disabled=False)


def test_a_provider_out_of_reach_is_a_server_error(instance: Instance, admin: str, simulator: Simulator) -> None:
    assert MODEL in instance.models(admin)
    simulator.control.fault(kind="cut", path="/chat/completions$")
    assert instance.chat(admin).status_code >= 500


# Live connection


def websocket(instance: Instance, **more: str) -> str:
    url = f"ws://127.0.0.1:{instance.port}/ws/socket.io/?EIO=4&transport=websocket"
    with connect(url, additional_headers=more, proxy=None) as connection:
        return str(connection.recv(timeout=10))


def test_the_websocket_opens_without_a_login(instance: Instance) -> None:
    assert websocket(instance).startswith("0{")


def test_long_polling_is_refused(instance: Instance) -> None:
    assert instance.get("/ws/socket.io/?EIO=4&transport=polling").status_code == 400


def test_a_foreign_site_opens_no_websocket_where_origins_are_named(published: Instance) -> None:
    assert websocket(published, Origin=ORIGIN).startswith("0{")
    with pytest.raises(InvalidStatus):
        websocket(published, Origin="https://elsewhere.example.com")
