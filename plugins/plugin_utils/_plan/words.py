# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read of a client: its address, its limit, the notes of a run, and the hand-over record.

This is private to the collection.
"""

from __future__ import annotations

import shlex
import typing as t

import jinja2
from ansible_collections.mai.clients.plugins.filter.text import markdown_code, markdown_text
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import (
    family,
    host_in_url,
    is_everywhere,
    is_loopback,
)
from ansible_collections.mai.clients.plugins.module_utils._people import passwords
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

Values = t.Mapping[str, t.Any]

PERIODS = {
    "monthly": " per calendar month (UTC)",
    "weekly": " per week (UTC)",
    "daily": " per day (UTC)",
    None: " in all",
}


def who(client: Values) -> str:
    """The client, as sentences about it begin."""
    return f"{shown(client['mai_client_name'] or client['slug'])} ({client['slug']})"


def counted(counts: t.Mapping[str, int]) -> list[str]:
    """What a database holds, as in 3 × user."""
    return [f"{rows} × {table}" for table, rows in counts.items()]


def address(client: Values, instance: Values) -> dict[str, str]:
    """Where people reach the instance, and what to know about that."""
    if client["mai_domain"]:
        return {"url": f"https://{client['mai_fqdn']}", "note": ""}
    bind = instance["bind"]
    at_home = is_loopback(bind)
    # An address of its own may be another than that by which the machine is managed
    url = f"http://{host_in_url(client['machine'] if is_everywhere(bind) else bind)}:{client['mai_port']}"
    if not instance["administered"]:
        note = " (from its own machine only, until it has an administrator)"
    elif at_home:
        note = " (from its own machine only)"
    else:
        note = " (plain HTTP: passwords and chats cross the network readable; set mai_domain)"
    return {"url": url, "note": note}


def limit(key: Values) -> str:
    if key["limit"] is None:
        return "NO LIMIT"
    reset = key.get("limit_reset")
    return f"{key['limit']:.2f} USD{PERIODS.get(reset, f' ({reset})')}"


def limit_wanted(client: Values) -> str:
    """What the inventory says."""
    wanted = money(client["mai_monthly_limit"])
    return limit({"limit": wanted, "limit_reset": None if wanted is None else "monthly"})


def notes(
    client: Values,
    instance: Values,
    key: Values,
    checks: t.Sequence[Values],
    credit: Values | None,
    warnings: list[str],
) -> list[str]:
    """What an operator should know after a run."""
    found = list(warnings)
    if credit is not None and credit["left"] <= 0:
        found.append("the OpenRouter account has no credit left: chats will fail")
    wanted = money(client["mai_monthly_limit"])
    if key["limit"] is None:
        found.append("NO LIMIT is set for this client")
    elif wanted is not None and wanted - key["limit"] >= 0.02:
        found.append(
            "what a replaced key used this month counts towards the limit: after the month, onboard_client.yml or "
            f"site.yml sets {wanted:.2f} USD again"
        )
    if key["disabled"]:
        found.append("the client is suspended: its key is disabled, resume it with resume_client.yml")
    if key["expiry"] and not any(key["expiry"] == check["detail"] for check in checks):
        found.append(key["expiry"])
    places = family(client["machine"]), family(instance["bind"])
    if is_everywhere(instance["bind"]) and None not in places and places[0] != places[1]:
        found.append(
            f"it listens on IPv{places[1]} alone, and {shown(client['machine'])} is IPv{places[0]}: people reach it by "
            "another address of the machine, or mai_bind_address is to be corrected"
        )
    if instance["keeps_image"]:
        found.append("image differs from the inventory: run upgrade_client.yml, which backs up first")
    if instance["database"]["keeps_image"]:
        found.append("image of its database differs from the inventory: run upgrade_client.yml, which backs up first")
    found.extend(instance["beside"])
    if instance["not_applied"]:
        found.append(
            "settings that the instance keeps in its database and takes no longer from the inventory, change them in "
            f"its own administration: {', '.join(instance['not_applied'])}"
        )
    return list(dict.fromkeys(found + [check["detail"] for check in checks if check["status"] != "ok"]))


def database(client: Values, seen: Values) -> dict[str, str]:
    """Which one it has, and where that is."""
    if client["mai_database"] == "sqlite":
        return {"name": "SQLite", "place": f"{client['mai_deployment_dir']}/data/webui.db"}
    if client["mai_database"] == "postgresql":
        return {"name": "PostgreSQL beside the instance", "place": f"{client['mai_deployment_dir']}/postgresql"}
    return {"name": "PostgreSQL elsewhere", "place": shown(seen["database"]["path"])}


def readers(facts: Values) -> list[str]:
    """Who can read chats and the key, from the actual settings."""
    return [
        "Root on the machine: everything, the key and all chats.",
        "Administrators of the instance: the chats of every user (ENABLE_ADMIN_CHAT_ACCESS is on)."
        if facts["admin_chat_access"]
        else "Administrators of the instance: not the chats of other users (ENABLE_ADMIN_CHAT_ACCESS is off).",
        "Administrators can download the whole database, with chats and the key (ENABLE_ADMIN_EXPORT is on)."
        if facts["admin_export"]
        else "Administrators cannot download the database (ENABLE_ADMIN_EXPORT is off).",
        "Administrators see the client's key under Settings, Connections.",
        "OpenRouter and the provider of the chosen model: what is sent to a model"
        + (", with name and e-mail of the user." if facts["forward_user_info"] else "."),
    ]


def summary(client: Values, place: Values, key: Values, record: str, told: t.Sequence[str]) -> dict[str, t.Any]:
    """What a run ends with."""
    return {
        "client": who(client),
        "address": place["url"] + place["note"],
        "key": shown(f"{client['mai_key_name']} ({key['label']}), {limit(key)}"),
        "administrator": client["mai_admin_email"] or "none yet",
        "record": record,
        "notes": list(told),
    }


def handover(client: Values, place: Values, key: Values) -> dict[str, t.Any]:
    """What was handed over, for the next step of a workflow: whoever may see the job reads it, so no secret."""
    return {
        "name": shown(client["mai_client_name"] or client["slug"]),
        "url": place["url"],
        "machine": shown(client["machine"]),
        "port": int(client["mai_port"]),
        "key_name": shown(client["mai_key_name"]),
        "key_hash": key["hash"],
        "limit": key["limit"],
        "limit_reset": key.get("limit_reset"),
        "suspended": bool(key["disabled"]),
        "administrator": client["mai_admin_email"] or None,
    }


def markdown(template: str, **values: t.Any) -> str:
    """A record, in which what others wrote is data: by ``text`` and ``code`` it becomes no Markdown."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters.update(text=markdown_text, code=markdown_code, quote=lambda value: shlex.quote(shown(value)))
    return environment.from_string(template).render(**values)


def record(
    template: str, client: Values, seen: Values, instance: Values, key: Values, site: Values, stamp: str = ""
) -> str:
    """The hand-over record, in Markdown."""
    place = address(client, instance)
    return markdown(
        template,
        client=client,
        key=key,
        limit=limit(key),
        url=place["url"],
        url_note=place["note"],
        site=site,
        image=instance["container"].get("image") or client["mai_image"],
        readers=readers(seen["facts"]),
        database=database(client, seen),
        stamp=stamp,
        first_password=_first_password(client, seen, instance),
        passwords=f"{client['mai_deployment_dir']}/{passwords.FILE}",
    )


def _first_password(client: Values, seen: Values, instance: Values) -> str:
    """By which command it is fetched; nothing where none was made."""
    first, email = seen["people"]["first_administrator"], client["mai_admin_email"]
    if not email or not (first or "admin.env" in instance["env_files"]):
        return ""
    return passwords.command(shown(client["mai_deployment_dir"]), shown(email), first and shown(first))
