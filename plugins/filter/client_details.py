# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about one client, in sections; and those for people."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import (
    found,
    keys_of,
    number,
    own_container,
    told,
    unreadable,
)

Values = t.Mapping[str, t.Any]

KEY = (
    *("name", "label", "hash", "disabled", "limit", "limit_reset", "limit_remaining"),
    *("usage_daily", "usage_weekly", "usage_monthly", "usage", "last_used_at", "created_at", "expires_at"),
)
CONTAINER = ("name", "state", "health", "image", "image_id", "started_at", "restart_count", "memory_limit_bytes")
DATABASE = ("kind", "path", "size_bytes", "schema_revision", "users", "administrators", "chats", "error")
HEALTH = ("url", "status", "ok", "ready", "version")
BACKUP = (
    *("repository", "last_success", "snapshot", "bytes", "files", "left_out", "seconds", "image", "schema_revision"),
    *("checked", "warning", "error", "error_time"),
)
CONNECTION = ("url", "key_hash")
NAME = 60


def client_details(
    seen: Values, row: Values, keys: t.Sequence[Values] | None, key_name: str, handover: str
) -> dict[str, t.Any]:
    """``row`` is the client's of P(mai.clients.client_overview#filter); what is not known is left out."""
    client = ("client", "name", "machine", "url", "port", "state", "used_this_month", "percent_of_limit", "differs")
    own = [{name: key[name] for name in KEY} for key in keys_of(keys, key_name)]
    details: dict[str, t.Any] = {"client": _some(row, client), "keys at OpenRouter": None if keys is None else own}
    look = found(seen)
    if look:
        details.update((name, _section(name, section, look)) for name, section in SECTIONS.items())
        if isinstance(details["hand-over"], dict):
            details["hand-over"]["on the controller"] = handover
    return told(details)


def _section(name: str, section: t.Callable[[Values], t.Any], seen: Values) -> t.Any:
    """Where one section cannot be read, the others still are."""
    try:
        return section(seen)
    except Exception:
        return unreadable(name)


def _on_the_machine(seen: Values) -> dict[str, t.Any]:
    record = f"{seen['directory']['path']}/HANDOVER.md" if "HANDOVER.md" in seen["files"] else None
    return {"on the machine": record}


def _address(proxy: Values) -> dict[str, t.Any]:
    answer = proxy["answer"] or {}
    return {
        "caddy": proxy["version"],
        "published": proxy["site"]["exists"],
        "certificate": answer.get("certificate"),
        "resolves to": [one["address"] for one in proxy["names"]],
    }


SECTIONS: dict[str, t.Callable[[Values], t.Any]] = {
    "directory": lambda seen: _some(seen["directory"], ("path", "managed", "mode", "free_bytes")),
    "hand-over": _on_the_machine,
    "instance": lambda seen: {**_some(own_container(seen), CONTAINER), "answers": _some(seen["health"], HEALTH)},
    "key on the machine": lambda seen: seen["key_hash"],
    "connections saved in Open WebUI": lambda seen: [
        _some(one, CONNECTION) for one in seen["stored_connection"]["connections"]
    ],
    "database": lambda seen: _some(seen["database"], DATABASE),
    "organisations": lambda seen: seen["database"]["organizations"],
    "tracking": lambda seen: seen["database"]["tracking"],
    "address": lambda seen: _address(seen["proxy"]) if seen.get("proxy") else None,
    "backup": lambda seen: _backup(seen["backup"]),
    "usage history": lambda seen: _usage(seen["usage"]),
    "machine": lambda seen: _some(
        seen["machine"], ("hostname", "system_id", "system_version", "memory_available_bytes")
    ),
}


def _backup(backup: Values) -> dict[str, t.Any] | None:
    if not backup["installed"]:
        return None
    return {"next": backup["next"], **_some(backup["state"] or {}, BACKUP)}


def _usage(usage: Values) -> dict[str, t.Any]:
    return {"next reading": usage["next"], "last reading": usage["last"], "days without": usage["missing"]}


def _some(values: Values, names: t.Iterable[str]) -> dict[str, t.Any]:
    return {name: values[name] for name in names if name in values}


def details_text(details: Values) -> str:
    """A block for each section, a line for each value."""
    return "\n\n".join("\n".join(_lines(name, value, "")) for name, value in told(details).items())


def _lines(name: str, value: t.Any, indent: str) -> t.Iterator[str]:
    if isinstance(value, dict) and value:
        yield f"{indent}{shown(name, NAME)}:"
        for inner, one in value.items():
            yield from _lines(inner, one, indent + "  ")
    elif isinstance(value, list) and value:
        for position, one in enumerate(value, 1):
            yield from _lines(f"{name}, {position}" if len(value) > 1 else name, one, indent)
    else:
        words = shown(name, NAME).removesuffix("_bytes").replace("_", " ")
        yield f"{indent}{words}: {_word(name, value)}"


def _word(name: str, value: t.Any) -> str:
    if value is None and name == "limit":
        return "NO LIMIT"
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes") and number(value) is not None:
        return f"{value / 1024**2:,.1f} MiB"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return shown(value)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"client_details": client_details, "details_text": details_text}
