# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All clients at a glance: a row for each, a table for people, and what somebody should be woken up for.

What the machine and OpenRouter say was written by others. Whatever it is, every client has its row, a row is a line.
"""

from __future__ import annotations

import csv
import io
import typing as t
from datetime import datetime, timezone

from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.module_utils._text import shown, shown_or_none
from ansible_collections.mai.clients.plugins.plugin_utils._answers import FAIL_ON, FAIL_ON_WISH
from ansible_collections.mai.clients.plugins.plugin_utils._client import (
    CELL,
    GIB,
    NOT_KNOWN,
    amount,
    found,
    is_unhealthy,
    keys_of,
    limit_difference,
    number,
    own_container,
    told,
    unreadable,
)
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import (
    Key,
    carried_usage,
    is_pending,
)
from ansible_collections.mai.clients.plugins.plugin_utils._plan.backup import TOO_OLD_HOURS, age_text
from ansible_collections.mai.clients.plugins.plugin_utils._plan.proxy import https
from ansible_collections.mai.clients.plugins.plugin_utils._variables import quoted

Row = t.Dict[str, t.Any]
Values = t.Mapping[str, t.Any]

# A spreadsheet takes such a text for a formula
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
TROUBLE = ("down", "unhealthy", "unreachable", "unknown")
KEY_TROUBLE = {"expired": "its key expired", "expires": "its key expires within days"}
COLUMNS = {
    "client": "CLIENT",
    "machine": "MACHINE",
    "port": "PORT",
    "url": "ADDRESS",
    "state": "STATE",
    "image": "IMAGE",
    "key": "KEY",
    "limit": "LIMIT",
    "used": "USED THIS MONTH",
    "percent": "%",
    "last_used": "LAST USED",
    "backup": "BACKUP",
}


def client_overview(seen: Values | None, client: Values, keys: t.Sequence[Values] | None) -> Row:
    """One client: ``seen`` is what M(mai.clients.instance_info) found or nothing, ``keys`` are those of the account."""
    seen, now = found(seen), datetime.now(timezone.utc)
    of_name = keys_of(keys, client["key_name"])
    current = [key for key in of_name if key.name == client["key_name"]]
    key = current[0] if current else None
    used = sum(one["usage_monthly"] or 0 for one in of_name) if keys is not None else None
    # What a replaced key used counts towards the client's limit only where it was taken off that of the new key
    carried = carried_usage(of_name, client["key_name"])
    counted = (key["usage_monthly"] or 0) + carried if key else None
    limit = key["limit"] if key else None
    if number(limit) is not None:
        limit += carried
    return told(
        {
            "client": client["slug"],
            "name": client["name"],
            "machine": client["machine"],
            "port": client["port"],
            "url": client["url"],
            "state": _or("unknown", _state, seen, client, key),
            "image": _or(NOT_KNOWN, _image, seen, client),
            "key_hash": key.hash if key else None,
            "key_state": "unknown" if keys is None else _key_state(key, now),
            "limit": limit,
            "limit_reset": key["limit_reset"] if key else None,
            "used_this_month": used,
            "percent_of_limit": _percent(counted, limit),
            "last_used_at": key["last_used_at"] if key else None,
            "certificate_trouble": bool(seen) and any(_or([], lambda: list(_address_fails(seen, client)))),
            "certificate_until": _or(None, lambda: shown(seen["proxy"]["answer"]["certificate"]["not_after"])),
            "backup_age_hours": _or(None, lambda: number(client["backup"]["age_hours"])),
            "backup": _backup(client),
            "usage_trouble": list(map(str, client.get("usage_history", {}).get("trouble", ()))),
            "disk_free_bytes": _or(None, lambda: number(seen["directory"]["free_bytes"])) if seen else None,
            "differs": [
                *client["problems"],
                *map(str, client.get("backup", {}).get("warnings", ())),
                *map(str, client.get("usage_history", {}).get("trouble", ())),
                *_differences(seen, client, of_name, current, keys is not None),
                *([key.expiry(now)[1]] if key and not key.disabled and key.expiry(now)[0] else []),
            ],
        }
    )


def _percent(used: float | None, limit: t.Any) -> float | None:
    return number(round(100 * used / limit, 1)) if number(limit) and used is not None else None


def _or(otherwise: t.Any, tell: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
    """What can be told; what was found may be of any kind."""
    try:
        return tell(*arguments)
    except Exception:
        return otherwise


def _key_state(key: Key | None, now: datetime) -> str:
    if key is None:
        return "missing"
    return "disabled" if key.disabled else {"expired": "expired", "soon": "expires"}.get(key.expiry(now)[0], "enabled")


def _state(seen: Values | None, client: Values, key: Key | None) -> str:
    if not seen:
        return "unreachable" if client["unreachable"] else "unknown"
    directory = seen["directory"]
    if not directory["managed"]:
        return "not onboarded" if not directory["exists"] or directory["empty"] else "not ours"
    suspended = bool(key and key.disabled)
    if seen["health"]["ok"] and not is_unhealthy(seen):
        return "up, suspended" if suspended else "up"
    if suspended:
        return "suspended"
    return "unhealthy" if seen["port"]["ours"] or own_container(seen).get("state") == "running" else "down"


def _backup(client: Values) -> str:
    """How old the last one is; what was not looked at is not known."""
    planned = client.get("backup") or {}
    if not planned:
        return NOT_KNOWN
    if not planned["wanted"]:
        return "none"
    return "never" if planned["age_hours"] is None else age_text(planned["age_hours"])


def _image(seen: Values | None, client: Values) -> str | None:
    if client["deployment"] != "docker":
        return client["deployment"]
    return shown_or_none(own_container(seen).get("image")) if seen else None


def _differences(
    seen: Values, client: Values, of_name: t.Sequence[Key], current: t.Sequence[Key], keys_known: bool
) -> t.Iterator[str]:
    here = _or(False, lambda: bool(seen and seen["directory"]["managed"]))
    if len(current) > 1:
        yield f"{len(current)} keys at OpenRouter have the name {client['key_name']}"
    if any(is_pending(key, client["key_name"]) for key in of_name):
        yield "a provisional key was left behind: the next onboard_client.yml clears it up"
    if here and keys_known and not current:
        yield f"there is no key {client['key_name']} at OpenRouter"
    if len(current) == 1:
        carried = carried_usage(of_name, client["key_name"])
        yield from _readable("key", _key_differences(seen if here else None, client, current[0], carried))
    if here:
        for where, differences in INSTANCE.items():
            yield from _readable(where, differences(seen, client))


def _readable(where: str, differences: t.Iterator[str]) -> t.Iterator[str]:
    """Where one thing cannot be read, the others still are."""
    try:
        yield from differences
    except Exception:
        yield unreadable(where)


def _key_differences(seen: Values | None, client: Values, key: Key, carried: float) -> t.Iterator[str]:
    differs = limit_difference(key, carried, client["limit"])
    if differs:
        yield differs
    if seen is None:
        yield "the key has no instance on its machine" if not client["unreachable"] else "its machine does not answer"
    elif seen["key_hash"] != key.hash:
        yield "the key on the machine is not the client's"


def _saved_key(seen: Values, _client: Values) -> t.Iterator[str]:
    saved = [one["key_hash"] for one in seen["stored_connection"]["connections"]]
    if saved and seen["key_hash"] not in saved:
        yield "the key saved in Open WebUI is not the one on the machine"


def _settings(_seen: Values, client: Values) -> t.Iterator[str]:
    if client["instance"].get("settings_differ"):
        yield f"settings: {', '.join(client['instance']['settings_differ'])}"


def _address_fails(seen: Values, client: Values) -> t.Iterator[bool]:
    """Of one that was published."""
    if (client.get("proxy") or {}).get("exists"):
        yield from (True for status, _detail in _answers(seen, client) if status == "failed")


def _address(seen: Values, client: Values) -> t.Iterator[str]:
    yield from (detail for status, detail in _answers(seen, client) if status == "failed" or client["proxy"]["held"])


def _answers(seen: Values, client: Values) -> t.Iterator[tuple[str, str]]:
    site = client.get("proxy") or {}
    if site.get("fqdn") and not site["off"]:
        yield https(seen, {"site": site, "off": False, "now": datetime.now(timezone.utc)})


def _container_image(seen: Values, client: Values) -> t.Iterator[str]:
    if client["instance"].get("image_differs") and seen["image"]["present"]:
        yield "image: run upgrade_client.yml"


def _database(seen: Values, _client: Values) -> t.Iterator[str]:
    database = seen["database"]
    if database["error"]:
        yield f"the database cannot be read: {database['error']}"
    elif database["exists"]:
        active = [row for row in database["organizations"] if row["is_active"]]
        if len(database["organizations"]) != 1 or len(active) > 1:
            yield f"{len(database['organizations'])} organisations in the database instead of one"
        elif database["organizations"][0]["key_hash"] != seen["key_hash"]:
            yield "the organisation in the database has another key"


INSTANCE = {
    "connections": _saved_key,
    "settings": _settings,
    "containers": _container_image,
    "proxy": _address,
    "database": _database,
}


def overview_table(rows: t.Sequence[Row], unclaimed: t.Iterable[str] = ()) -> str:
    """For people: a line for each client, and below what differs from the inventory."""
    table = [COLUMNS, *(_cells(row) for row in rows)]
    widths = {name: max(len(cells[name]) for cells in table) for name in COLUMNS}
    right = ("port", "limit", "used", "percent")
    lines = [
        "  ".join(
            cells[name].rjust(width) if name in right else cells[name].ljust(width) for name, width in widths.items()
        ).rstrip()
        for cells in table
    ]
    differing = [f"{row['client']}: {difference}" for row in rows for difference in row["differs"]]
    differing += [f"no client of the inventory has the key {name}" for name in unclaimed]
    if differing:
        lines += ["", "Differs from the inventory:", *map(shown, differing)]
    return "\n".join(lines)


def overview_csv(rows: t.Sequence[Row]) -> str:
    """For spreadsheets: the rows with a line of names before them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    for row in rows:
        cells = {**row, "differs": "; ".join(map(str, row["differs"]))}
        writer.writerow({name: _no_formula(value) for name, value in cells.items()})
    return text.getvalue()


def _no_formula(value: t.Any) -> t.Any:
    if value is None or isinstance(value, (int, float)):
        return value
    text = shown(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: Row) -> dict[str, str]:
    percent, used = number(row["percent_of_limit"]), number(row["used_this_month"])
    key = f"{row['key_hash'][:8]} " if row["key_hash"] else ""
    cells = {
        "client": row["client"],
        "machine": row["machine"],
        "port": row["port"] or "",
        "url": row["url"],
        "state": row["state"],
        "image": row["image"] or "",
        "key": key + row["key_state"],
        "limit": amount(row["limit"]) if row["key_hash"] else NOT_KNOWN,
        "used": NOT_KNOWN if used is None else f"{used:.2f}",
        "percent": "" if percent is None else f"{percent:.0f}",
        "last_used": (row["last_used_at"] or "never")[:10] if row["key_hash"] else NOT_KNOWN,
        "backup": row["backup"],
    }
    return {name: shown(cell, CELL) for name, cell in cells.items()}


def overview_alarms(rows: t.Sequence[Row], conditions: str) -> list[str]:
    """What of ``conditions`` (``down,limit80,disk5``) is true of which client."""
    alarms: list[str] = []
    for condition in filter(None, (word.strip() for word in str(conditions).split(","))):
        match = FAIL_ON.fullmatch(condition)
        if not match:
            raise AnsibleFilterError(f"fail_on has {quoted(condition)}: {FAIL_ON_WISH}.")
        what, least = match.group(1) or match.group(3), match.group(4) or ""
        alarms += [shown(f"{row['client']}: {alarm}") for row in rows for alarm in _alarms(row, what, least)]
    return alarms


def _alarms(row: Row, what: str, least: str) -> t.Iterator[str]:
    if what == "down" and row["state"] in TROUBLE:
        yield row["state"]
    if what == "down" and row["key_state"] in KEY_TROUBLE:
        yield KEY_TROUBLE[row["key_state"]]
    if what == "down" and row["certificate_trouble"]:
        yield "its address has no certificate, or one that ends soon"
    percent, free = number(row["percent_of_limit"]), number(row["disk_free_bytes"])
    if what == "limit" and (percent or 0) >= int(least or 80):
        yield f"{percent or 0:.0f} % of its limit used"
    if what == "backup" and row["backup"] == "never":
        yield "it has no backup yet"
    if what == "backup" and (number(row["backup_age_hours"]) or 0) > int(least or TOO_OLD_HOURS):
        yield f"its last backup is {row['backup']} old"
    if what == "usage":
        yield from row["usage_trouble"]
    if what == "disk" and free is not None and free < int(least or 1) * GIB:
        yield f"only {free / GIB:.1f} GiB free on its machine"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "client_overview": client_overview,
            "overview_alarms": overview_alarms,
            "overview_csv": overview_csv,
            "overview_table": overview_table,
        }
