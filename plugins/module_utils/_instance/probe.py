# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying what the instance is for: its key, its models, its closed door, its usage page. Nothing is ever created."""

from __future__ import annotations

from ansible_collections.mai.clients.plugins.module_utils._database_base import number
from ansible_collections.mai.clients.plugins.module_utils._instance import session, web
from ansible_collections.mai.clients.plugins.module_utils._openrouters_word import PASSING, is_openrouters
from ansible_collections.mai.clients.plugins.module_utils._text import shown_or_none

# Behind the question whether sign-up is open, and in front of everything that would create an account.
_NO_ADDRESS = "not-an-email-address"
_UNKNOWN_SESSION = 401
_REFUSED = (_UNKNOWN_SESSION, 403)
_NO_KEY = "api_key.env holds no OPENAI_API_KEY"
_OTHER_DATABASE = (
    "the instance does not know the administrator of the database in its directory (HTTP 401): it uses another "
    "database, or another secret key than that of secrets.env; see how it is started and what its environment says"
)
# The effective budget is the cap that blocks first: the key's own, or one of its workspace or guardrails.
_TOLD = ("limit", "limit_remaining", "label", "expires_at", "effective_budget")


def ask_key(base_url: str | None, secret: str | None, environment: dict[str, str]) -> web.Asked | None:
    """By way of the instance's proxies, else of this host's. Without a key, too: OpenRouter's refusal says enough."""
    if not base_url:
        return None
    proxies = web.proxies_of(environment)
    return web.Asked(base_url.rstrip("/") + "/key", token=secret, timeout=20, proxies=proxies or True)


def key(asked: web.Asked | None, secret: str | None) -> dict:
    outcome = dict.fromkeys(("status", "refused", "disabled", *_TOLD, "reached", "error"))
    outcome["ok"] = outcome["refused"] = False
    if asked is None:
        outcome["error"] = "base_url is not given" if secret else _NO_KEY
        return outcome
    answer = asked.answer()
    outcome["status"] = answer.status
    details = answer.get("data")
    outcome["reached"] = True
    if answer.ok and isinstance(details, dict):
        outcome["ok"] = True
        outcome["disabled"] = bool(details.get("disabled", False))
        outcome.update(
            limit=number(details.get("limit")),
            limit_remaining=number(details.get("limit_remaining")),
            label=shown_or_none(details.get("label")),
            expires_at=shown_or_none(details.get("expires_at")),
            effective_budget=_budget(details.get("effective_budget")),
        )
    elif answer.status in _REFUSED and is_openrouters(answer.data):
        outcome["refused"] = bool(secret)
        outcome["error"] = (
            f"OpenRouter refuses the key (HTTP {answer.status}): it is disabled, expired or deleted"
            if secret
            else _NO_KEY
        )
    elif answer.status is None:
        # A bare host may lack the certificates that the instance brings along
        outcome["reached"] = None if "SSL" in (answer.error or "") or answer.error == web.NOT_TRIED else False
        outcome["error"] = f"OpenRouter cannot be reached from this host: {answer.error}"
    else:
        # It says nothing about the way
        passing = answer.status in PASSING or answer.status >= 500
        outcome["reached"] = is_openrouters(answer.data) or (None if passing else False)
        outcome["error"] = (
            f"GET /key answered HTTP {answer.status} without a key's data: something between this host and OpenRouter "
            "answers, or base_url is not right"
        )
    return outcome


def _budget(told: object) -> dict | None:
    if not isinstance(told, dict):
        return None
    texts = {name: shown_or_none(told.get(name)) for name in ("scope", "guardrail_id", "budget_id")}
    amounts = {name: number(told.get(name)) for name in ("limit_usd", "remaining_usd")}
    return dict(texts, **amounts)


class Trial:
    """Models and usage page through a session of our own; the sign-up page as a stranger. All asked at once.

    The session is what the instance itself would make for an administrator of its database. Where it demands a second
    factor that is not enough; else, an instance that refuses it lives on another database.
    """

    def __init__(self, url: str, secret_key: str | None, administrator: dict | None, second_factor: bool) -> None:
        self._second_factor = second_factor
        self._reason = "there is no administrator yet" if secret_key else "WEBUI_SECRET_KEY is not known on this host"
        self._asked = {
            "signup": web.Asked(
                url + "/api/v1/auths/signup",
                body={"email": _NO_ADDRESS, "password": "", "name": ""},
                timeout=10,
            )
        }
        if secret_key and administrator:
            token = session.token(secret_key, administrator)
            usage = url + "/api/v1/usage-tracking/my-organization/usage-summary"
            self._asked["models"] = _ask_models(url, token)
            self._asked["usage"] = web.Asked(usage, token=token, timeout=20)

    def outcome(self) -> dict:
        answers = {name: asked.answer() for name, asked in self._asked.items()}
        status, reason, offered = "unknown", self._reason, None
        if "models" in answers:
            status, reason, offered = _models(answers["models"])
            if answers["models"].status == _UNKNOWN_SESSION and not self._second_factor:
                status, reason = "failed", _OTHER_DATABASE
        return {
            "signup_closed": {403: True, 400: False, 200: False}.get(answers["signup"].status or 0),
            "models": {"status": status, "count": None if offered is None else len(offered), "reason": reason},
            "usage_page": {"status": _page_status(answers["usage"]) if "usage" in answers else None},
        }

    def give_up(self) -> None:
        for asked in self._asked.values():
            asked.give_up()


def _page_status(answer: web.Answer) -> int | None:
    """An unknown address is answered with the page itself: 200, but no JSON."""
    return 404 if answer.ok and answer.data is None else answer.status


def models(url: str, token: str) -> tuple[str, str | None, list | None]:
    """Ok, failed or unknown, why, and the models that the instance offers (None: it gave no list)."""
    return _models(_ask_models(url, token).answer())


def _ask_models(url: str, token: str) -> web.Asked:
    return web.Asked(url + "/api/models?refresh=true", token=token, timeout=60)


def _models(answer: web.Answer) -> tuple[str, str | None, list | None]:
    listed = answer.get("data")
    if answer.status in _REFUSED:
        return "unknown", f"the instance refuses a session made on its host (HTTP {answer.status})", None
    if answer.status is None:
        return "unknown", f"the instance gave no list in time: {answer.error}", None
    if answer.status == 404 or (answer.ok and answer.data is None):
        return "unknown", "the instance has no /api/models", None
    if not answer.ok or not isinstance(listed, list):
        return "failed", f"the instance answered HTTP {answer.status} without a list of models", None
    # The arena is the instance's own invention and needs no key.
    offered = [model for model in listed if not (isinstance(model, dict) and model.get("owned_by") == "arena")]
    if not offered:
        return "failed", "the instance lists no model: its key or its connection does not work", offered
    return "ok", None, offered
