# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One chat of one token through the instance, and what OpenRouter recorded of it."""

from __future__ import annotations

import time
from urllib.parse import quote

from ansible_collections.mai.clients.plugins.module_utils._database_base import number
from ansible_collections.mai.clients.plugins.module_utils._instance import probe, session, web
from ansible_collections.mai.clients.plugins.module_utils._openrouters_word import is_openrouters
from ansible_collections.mai.clients.plugins.module_utils._secret import LOOKS_SECRET, MASK
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, shown, shown_or_none

# A generation appears some seconds after its answer.
_RECORD_SECONDS = 15


class Outcome(Exception):
    """Why the chat stops here: failed, or unknown where it could not be tried."""

    def __init__(self, status: str, reason: str | None):
        super().__init__(reason)
        self.status = status
        self.reason = reason


def chat(url: str, token: str, base_url: str, key: str, user: str | None, model: str | None) -> dict:
    """Costs a fraction of a cent. The generation is asked for with the client's key: who else paid is not told."""
    result: dict = {"model": model, "cost": None, "generation": None, "external_user": None}
    told = True
    try:
        if model is None:
            result["model"], told = _cheapest(base_url, _models(url, token))
        _say(url, token, user, result)
        _record(base_url, key, result)
    except Outcome as outcome:
        status, reason = outcome.status, outcome.reason
        if not told and status == "failed":
            # It may be a model of another connection: that says nothing about this one
            status, reason = "unknown", f"{reason}; it is not in OpenRouter's list of prices: name one with model"
        return all_shown(dict(result, status=status, reason=reason))
    return all_shown(dict(result, status="ok", reason=None))


def session_of(secret_key: str | None, administrator: dict | None) -> str:
    if not secret_key:
        raise Outcome("unknown", "WEBUI_SECRET_KEY is not known on this host, so no session can be made")
    if not administrator:
        raise Outcome("unknown", "the instance has no administrator yet, in whose name a chat could be tried")
    return session.token(secret_key, administrator)


def _models(url: str, token: str) -> list[str]:
    status, reason, offered = probe.models(url, token)
    if not offered:
        raise Outcome(status, reason)
    names = [str(model["id"]) for model in offered if isinstance(model, dict) and "id" in model]
    if not names:
        raise Outcome("unknown", "the instance lists models that have no name")
    return names


def _cheapest(base_url: str, offered: list[str]) -> tuple[str, bool]:
    """The model of the instance that costs least, and whether OpenRouter has a price for it; else the first one.

    Those that cost nothing have limits of their own. The list of prices is asked without a key: it may not answer.
    """
    prices = {}
    priced = web.request(base_url + "/models", timeout=30, proxies=True).get("data")
    for one in priced if isinstance(priced, list) else []:
        try:
            price = sum(float(one["pricing"][part]) for part in ("prompt", "completion"))
            name = str(one["id"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if price > 0:
            prices[name] = price
    # Open WebUI puts the prefix of a connection before its models: PREFIX.NAME
    named = ((prices.get(name, prices.get(name.partition(".")[2])), name) for name in offered)
    known = sorted((price, name) for price, name in named if price is not None)
    return (known[0][1], True) if known else (offered[0], False)


def _say(url: str, token: str, user: str | None, result: dict) -> None:
    body = {
        "model": result["model"],
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "stream": False,
    }
    if user:
        body["user"] = user
    answer = web.request(url + "/api/chat/completions", body=body, token=token, timeout=120)
    if answer.status is None:
        raise Outcome("failed", f"the instance gave no answer to a chat: {answer.error}")
    generation = answer.get("id")
    if not answer.ok or not answer.get("choices"):
        raise Outcome("failed", f"a chat through the instance is answered with HTTP {answer.status}{_message(answer)}")
    usage = answer.get("usage")
    result["generation"] = str(generation) if generation else None
    result["cost"] = number(usage.get("cost")) if isinstance(usage, dict) else None


def _message(answer: web.Answer) -> str:
    """What OpenRouter or the instance says of it; a text of theirs, so it is cut short."""
    for place in (answer.get("error"), answer.get("detail")):
        if isinstance(place, dict):
            place = place.get("message")
        # A key can be cut in two, so a text with one is not told at all
        if isinstance(place, str) and "sk-or-" not in place:
            return ": " + shown(LOOKS_SECRET.sub(MASK, place), 200)
    return ""


def _record(base_url: str, key: str, result: dict) -> None:
    end = time.monotonic() + _RECORD_SECONDS
    # The instance says which: it may be any text
    address = f"{base_url}/generation?id={quote((result['generation'] or '')[:200], safe='')}"
    while True:
        answer = web.request(address, token=key, timeout=20, proxies=True)
        found = answer.get("data")
        if answer.ok and isinstance(found, dict):
            result["external_user"] = shown_or_none(found.get("external_user"))
            result["cost"] = number(found.get("total_cost", result["cost"]))
            return
        # A gateway's page says nothing about a record
        if answer.status != 404 or not is_openrouters(answer.data):
            raise Outcome(
                "unknown",
                f"the chat was answered, but its record could not be read: {answer.error or f'HTTP {answer.status}'}",
            )
        if time.monotonic() > end:
            raise Outcome(
                "failed",
                "the chat was answered, but OpenRouter has no record of it under the client's key: the instance pays "
                "with another key",
            )
        time.sleep(1)
