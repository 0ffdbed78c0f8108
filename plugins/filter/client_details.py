# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about one client, in sections; and those for people."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.filter.client_overview import account_keys, own_container
from ansible_collections.mai.clients.plugins.module_utils._openrouter.keys import owner_of

Values = t.Mapping[str, t.Any]

KEY = (
    *("name", "label", "hash", "disabled", "limit", "limit_reset", "limit_remaining"),
    *("usage_daily", "usage_weekly", "usage_monthly", "usage", "last_used_at", "created_at", "expires_at"),
)
CONTAINER = ("name", "state", "health", "image", "image_id", "started_at", "restart_count", "memory_limit_bytes")
DATABASE = ("kind", "path", "size_bytes", "schema_revision", "users", "administrators", "chats", "error")
HEALTH = ("url", "status", "ok", "ready", "version")


def client_details(
    seen: Values, row: Values, keys: t.Sequence[Values] | None, key_name: str, handover: str
) -> dict[str, t.Any]:
    """``row`` is the client's of P(mai.clients.client_overview#filter); what is not known is left out."""
    client = ("client", "name", "machine", "url", "port", "state", "used_this_month", "percent_of_limit", "differs")
    details: dict[str, t.Any] = {"client": _some(row, client)}
    own = [key for key in account_keys(keys or ()) if owner_of(key) == key_name]
    details["keys at OpenRouter"] = None if keys is None else [{name: key[name] for name in KEY} for key in own]
    if not seen:
        return details
    database = seen["database"]
    return {
        **details,
        "directory": _some(seen["directory"], ("path", "managed", "mode", "free_bytes")),
        "hand-over": {
            "on the machine": f"{seen['directory']['path']}/HANDOVER.md" if "HANDOVER.md" in seen["files"] else None,
            "on the controller": handover,
        },
        "instance": {**_some(own_container(seen), CONTAINER), "answers": _some(seen["health"], HEALTH)},
        "key on the machine": seen["key_hash"],
        "connections saved in Open WebUI": seen["stored_connection"]["connections"],
        "database": _some(database, DATABASE),
        "organisations": database["organizations"],
        "tracking": database["tracking"],
        "machine": _some(seen["machine"], ("hostname", "system_id", "system_version", "memory_available_bytes")),
    }


def _some(values: Values, names: t.Iterable[str]) -> dict[str, t.Any]:
    return {name: values[name] for name in names if name in values}


def details_text(details: Values) -> str:
    """A block for each section, a line for each value."""
    return "\n\n".join("\n".join(_lines(name, value, "")) for name, value in details.items())


def _lines(name: str, value: t.Any, indent: str) -> t.Iterator[str]:
    if isinstance(value, t.Mapping) and value:
        yield f"{indent}{name}:"
        for inner, one in value.items():
            yield from _lines(inner, one, indent + "  ")
    elif isinstance(value, list) and value:
        for number, one in enumerate(value, 1):
            yield from _lines(f"{name}, {number}" if len(value) > 1 else name, one, indent)
    else:
        yield f"{indent}{name.removesuffix('_bytes').replace('_', ' ')}: {_word(name, value)}"


def _word(name: str, value: t.Any) -> str:
    if value is None and name == "limit":
        return "NO LIMIT"
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return f"{value / 1024**2:,.1f} MiB"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return " ".join(str(value).split())


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"client_details": client_details, "details_text": details_text}
