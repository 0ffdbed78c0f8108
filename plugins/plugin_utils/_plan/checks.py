# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does the instance work as it was set up? Each check is ok, failed or unknown, from one look at it.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import show_url, shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import (
    CELL,
    found,
    has_url,
    is_unhealthy,
    some_of,
    unreadable,
)
from ansible_collections.mai.clients.plugins.plugin_utils._plan import people, proxy
from ansible_collections.mai.clients.plugins.plugin_utils._plan.database import SQLITE_ONLY

Seen = t.Mapping[str, t.Any]

STATUSES = ("ok", "failed", "unknown")
# Why a database cannot be read that wait and rest do not cure: of what the instance, or its people, put there.
HOPELESS = ("foreign", "endless", "damaged", "unreadable", "refused")


def _health(seen: Seen, _expected: Seen) -> tuple[str, str]:
    health = seen["health"]
    if not health["ok"]:
        return "failed", f"the instance is not healthy: {health['url']} answers with {health['status'] or 'nothing'}"
    if is_unhealthy(seen):
        return "failed", (
            "Docker calls the container unhealthy, though the instance answers: what asks Docker (Traefik, autoheal) "
            "sends nobody there. See docker inspect for what its health check says"
        )
    if health["ready"] is False:
        return "failed", "the instance is up but not ready: its start or its database has a fault, see its log"
    return "ok", "the instance is healthy"


def _key_stored(seen: Seen, expected: Seen) -> tuple[str, str]:
    if seen["key_hash"] == expected["key"]["hash"]:
        return "ok", "the key on the machine is the client's"
    return "failed", "the key in api_key.env is not the client's key at OpenRouter: run onboard_client.yml again"


def _reached(seen: Seen, expected: Seen) -> tuple[str, str]:
    """From the controller OpenRouter answers, or nobody would know the client's key."""
    key, models = seen["probe"]["key"], seen["probe"]["models"]
    if key["reached"] or (models["status"] == "ok" and models["count"]):
        return "ok", "OpenRouter answers the machine"
    if key["reached"] is None and "SSL" in (key["error"] or "") and models["status"] == "failed":
        return "failed", (
            f"{key['error']}, and the instance lists no model: something between the machine and OpenRouter (a "
            "firewall) answers with a certificate of its own. Let openrouter.ai pass it by"
        )
    if key["reached"] is None or not expected["answered"] or (key["status"] and not expected["same_api"]):
        return "unknown", f"whether OpenRouter answers the machine could not be tried: {key['error']}"
    return "failed", not_reached(key)


def not_reached(key: Seen) -> str:
    return (
        f"the machine does not reach OpenRouter, though the controller does: {key['error']}. Correct its name "
        "resolution or firewall; where it needs a proxy, set HTTPS_PROXY (and NO_PROXY) in mai_extra_env, "
        "or correct it there"
    )


def _key_works(seen: Seen, expected: Seen) -> tuple[str, str]:
    key = seen["probe"]["key"]
    if key["ok"]:
        left = key["limit_remaining"]
        if left is not None and left <= 0:
            return "failed", "the key's limit is used up: raise mai_monthly_limit, or wait for the reset"
        return "ok", "OpenRouter accepts the key"
    if key["refused"]:
        why = f"OpenRouter refuses the client's key (HTTP {key['status']}): it is disabled or was deleted"
        return "failed", expected["expiry"] or why
    return "unknown", f"the key could not be tried from the machine: {key['error'] or key['status']}"


def _key_saved(seen: Seen, expected: Seen) -> tuple[str, str]:
    if seen["database"]["error"]:
        return "unknown", "which key is saved in Open WebUI is not known: the database could not be read"
    stored = seen["stored_connection"]
    if stored["form"] == "none" or not stored["connections"]:
        return "ok", "the instance takes its key from its environment"
    ours = [c for c in stored["connections"] if c["key_hash"] == expected["key"]["hash"]]
    if not ours:
        return "failed", (
            "the key saved in Open WebUI is not the client's: somebody replaced it under Settings, Connections; "
            "put the client's connection back there"
        )
    url = expected["api_base_url"]
    if not any(has_url(connection, url) for connection in ours):
        return "failed", f"the client's key is saved in Open WebUI with another URL than {show_url(url)}"
    return "ok", "the key saved in Open WebUI is the client's"


def _models(seen: Seen, _expected: Seen) -> tuple[str, str]:
    models = seen["probe"]["models"]
    if models["status"] == "ok" and not models["count"]:
        return "failed", "the instance lists no model: its connection does not work"
    if models["status"] == "ok":
        return "ok", f"the instance lists {models['count']} models"
    return models["status"], f"models could not be listed through the instance: {models['reason']}"


def _signup(seen: Seen, _expected: Seen) -> tuple[str, str]:
    closed = seen["probe"]["signup_closed"]
    if closed is None:
        return "unknown", "whether strangers can sign up could not be tried"
    if closed:
        return "ok", "strangers cannot sign up"
    if seen["health"]["onboarding"]:
        # Without an administrator the instance listens on loopback only; the hand-over says so.
        return "unknown", "the instance has no administrator yet, so the first sign-up is open"
    return "failed", "strangers can sign up: switch it off under Settings, General"


def _organization(seen: Seen, expected: Seen) -> tuple[str, str]:
    database = seen["database"]
    if database["error"]:
        status = "failed" if database.get("error_reason") in HOPELESS else "unknown"
        return status, f"the database could not be read: {database['error']}"
    active = [row for row in database["organizations"] if row["is_active"]]
    if len(active) != 1:
        names = some_of(row["id"] for row in active) or "none"
        return "failed", f"exactly one active organisation must be in the database, found: {names}"
    row = active[0]
    # What was found is as it is shown, so what is expected is made so
    for field, wanted in (("id", shown(expected["client_id"])), ("name", shown(expected["client_name"]))):
        if row[field] != wanted:
            was = shown(row[field], CELL)
            return "failed", f"the organisation's {field} in the database is {was!r}, not {shown(wanted, CELL)!r}"
    if row["key_hash"] != expected["key"]["hash"]:
        return "failed", "the organisation in the database has another key than the client's: usage would be lost"
    return "ok", "the organisation is recorded"


def _usage_page(seen: Seen, _expected: Seen) -> tuple[str, str]:
    status = seen["probe"]["usage_page"]["status"]
    if status is not None and status >= 500 and seen["database"].get("kind") == "postgresql":
        return "unknown", SQLITE_ONLY
    if status in (None, 401, 403, 404):
        return "unknown", "this release has no usage page that could be tried"
    if 200 <= status < 300:
        return "ok", "the usage page answers"
    return "failed", f"the usage page answers with HTTP {status}"


CHECKS: dict[str, t.Callable[[Seen, Seen], tuple[str, str]]] = {
    "instance healthy": _health,
    "OpenRouter from the machine": _reached,
    "key stored": _key_stored,
    "key accepted by OpenRouter": _key_works,
    "key saved in Open WebUI": _key_saved,
    "models listed": _models,
    "sign-up closed": _signup,
    "organisation recorded": _organization,
    "usage page": _usage_page,
    "people as listed": people.as_listed,
    "address over HTTPS": proxy.https,
    "web socket through the proxy": proxy.websocket,
}
# Of those who are not published, there is nothing to say about that
OF_LISTED = "people as listed"
OF_PUBLISHED = ("address over HTTPS", "web socket through the proxy")


def judge(check: str, seen: Seen, expected: Seen) -> tuple[str, str]:
    """One check. Raises anything where what it looks at is of another kind than it knows."""
    status, detail = CHECKS[check](seen, expected)
    if status not in STATUSES:
        raise ValueError("no status")
    return status, detail


def verification(seen: Seen, expected: Seen) -> list[dict[str, str]]:
    """One entry per check: ``name``, ``status`` (ok, failed, unknown) and ``detail`` for an operator."""
    results, look = [], found(seen)
    for name in CHECKS:
        if name in OF_PUBLISHED and not (expected.get("site") or {}).get("fqdn"):
            continue
        if name == OF_LISTED and not (expected.get("people") or {}).get("listed"):
            continue
        try:
            status, detail = judge(name, look, expected)
        # The instance's people can make it anything, which must not keep the other checks from running
        except Exception:
            status, detail = "failed", unreadable(name)
        results.append({"name": name, "status": status, "detail": shown(detail)})
    return results
