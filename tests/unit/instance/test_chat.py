# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One token through the instance: what was sent, who paid, and what is said when it does not work."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import chat as chats
from ansible_collections.mai.clients.plugins.modules import instance_chat

from .conftest import KEY, SECRET_KEY, SECRETS, OpenWebUI, make_database, write_env

NO_RECORD = (404, {"error": {"code": 404, "message": "Generation not found"}})


@pytest.fixture
def chat(open_webui: OpenWebUI, directory: Path, run_module, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chats, "_RECORD_SECONDS", 0)
    make_database(directory)
    write_env(directory / "api_key.env", OPENAI_API_KEY=KEY)
    write_env(directory / "secrets.env", WEBUI_SECRET_KEY=SECRET_KEY)

    def chat(**options) -> dict:
        result = run_module(
            instance_chat,
            url=open_webui.url,
            base_url=open_webui.url + "/api/v1",
            deployment_dir=str(directory),
            **options,
        )
        assert not [secret for secret in SECRETS if secret in str(result)]
        return result

    return chat


def test_one_token_is_asked_for_and_paid_with_the_clients_key(chat, open_webui: OpenWebUI) -> None:
    open_webui.models.append({"id": "cheap/one", "owned_by": "openai"})
    open_webui.prices = {"a/b": "0.5", "cheap/one": "0.001", "free/one": "0", "not/offered": "0.0001"}
    result = chat(user="company-abc-001")
    assert (result["changed"], result["status"], result["reason"]) == (False, "ok", None)
    assert (result["model"], result["generation"], result["cost"]) == ("cheap/one", "gen-1", 0.002)
    assert result["external_user"] == "org_user_1"
    [sent] = open_webui.chats
    assert (sent["model"], sent["max_tokens"], sent["user"]) == ("cheap/one", 1, "company-abc-001")


def test_the_model_that_is_asked_for(chat, open_webui: OpenWebUI) -> None:
    assert chat(model="a/b")["status"] == "ok"
    assert open_webui.chats[0]["model"] == "a/b"
    assert "user" not in open_webui.chats[0]


def test_check_mode_pays_for_nothing(chat, open_webui: OpenWebUI) -> None:
    result = chat(_check=True)
    assert (result["status"], result["reason"]) == ("unknown", "not tried in check mode")
    assert open_webui.requests == []


@pytest.mark.parametrize(
    ("attribute", "value", "status", "reason"),
    [
        ("chat_answer", (402, {"error": {"message": "No credits"}}), "failed", "HTTP 402: No credits"),
        ("chat_answer", (400, {"detail": "Model not found"}), "failed", "HTTP 400: Model not found"),
        ("chat_answer", (403, {"error": {"message": f"{KEY} is disabled"}}), "failed", "HTTP 403"),
        ("chat_answer", (200, None), "failed", "HTTP 200"),
        ("generation", NO_RECORD, "failed", "the instance pays with another key"),
        # A gateway's page, and one that forwards chats alone
        ("generation", (404, None), "unknown", "its record could not be read: HTTP 404"),
        ("generation", (404, {"detail": "Not Found"}), "unknown", "its record could not be read: HTTP 404"),
        ("generation", (500, {"error": {}}), "unknown", "its record could not be read: HTTP 500"),
        ("models", [{"name": "x"}], "unknown", "models that have no name"),
        ("models", [{"id": "arena-model", "owned_by": "arena"}], "failed", "the instance lists no model"),
        ("models", None, "failed", "without a list of models"),
        ("session_stamp", "another", "unknown", "refuses a session made on its host (HTTP 401)"),
    ],
)
def test_what_does_not_work_is_named(
    chat, open_webui: OpenWebUI, attribute: str, value: object, status: str, reason: str
) -> None:
    setattr(open_webui, attribute, value)
    result = chat()
    assert (result["status"], result["rc"]) == (status, 0)
    assert reason in result["reason"]


@pytest.mark.parametrize("prices", [{}, None, {"other/model": "0.1"}, {"a/b": "free of charge"}])
def test_without_a_price_any_model_will_do(chat, open_webui: OpenWebUI, prices: object) -> None:
    open_webui.prices = prices
    assert (chat()["status"], open_webui.chats[0]["model"]) == ("ok", "a/b")


def test_a_model_with_the_prefix_of_its_connection_has_its_price(chat, open_webui: OpenWebUI) -> None:
    open_webui.models = [{"id": "dear.a/b"}, {"id": "cheap.c/d"}]
    open_webui.prices = {"a/b": "0.5", "c/d": "0.001"}
    assert chat()["model"] == "cheap.c/d"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("chat_answer", (400, {"detail": "Model not found"})), ("generation", NO_RECORD)],
)
def test_a_model_of_another_connection_says_nothing_about_the_key(
    chat, open_webui: OpenWebUI, attribute: str, value: object
) -> None:
    open_webui.prices = None
    setattr(open_webui, attribute, value)
    result = chat()
    assert result["status"] == "unknown"
    assert result["reason"].endswith("it is not in OpenRouter's list of prices: name one with model")


def test_without_the_means_for_a_session_it_is_unknown(chat, directory: Path) -> None:
    (directory / "data" / "webui.db").unlink()
    assert "no administrator" in chat()["reason"]
    (directory / "secrets.env").unlink()
    assert "WEBUI_SECRET_KEY is not known" in chat()["reason"]


def test_without_the_key_it_is_an_error(chat, directory: Path) -> None:
    (directory / "api_key.env").unlink()
    assert "does not exist" in chat()["msg"]
