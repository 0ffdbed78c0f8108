# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made by hand on a machine, as an operator reads it, and the entries of an inventory to adopt it with.

This is private to the collection. Everything that an instance says of itself is data: it is proposed, never obeyed.
"""

from __future__ import annotations

import difflib
import os
import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import amount
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet, free_slug, slug_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan import adoption_extras
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import key_names, other_variable
from ansible_collections.mai.clients.plugins.plugin_utils._variables import SLUG

Values = t.Mapping[str, t.Any]

DEPLOYMENTS = "/opt/mai/deployments"
# What the collection gives each instance, where somebody decided otherwise
_USUAL = {"BYPASS_MODEL_ACCESS_CONTROL": "true", "ENV": "prod", "TZ": "UTC"}
# As the guide and mAI's own scripts call keys
_KEY_FORMS = re.compile(r"(?:client-|mai client: ?)", re.IGNORECASE)


def entry(
    one: Values, keys: t.Mapping[str, Key], machine: str, fleet: Fleet, taken: t.Collection[str]
) -> dict[str, t.Any]:
    """``slug``, ``host`` (its line in hosts.yml) and ``variables`` (its host_vars)."""
    key = _own_key(one, keys)
    row = next((row for row in one["database"]["organizations"] if row["is_active"]), {})
    name = row.get("name") or one["organization_name"] or (_KEY_FORMS.sub("", key.name) if key else one["container"])
    slug = free_slug(_slug(one, key, str(name)), Fleet(fleet.clients, {*fleet.names, *taken}))
    variables: dict[str, t.Any] = {"mai_client_name": name}
    identifier = row.get("id") or one["external_user"]
    if identifier and identifier != f"{slug}-001":
        variables["mai_client_id"] = identifier
    if key:
        variables["mai_monthly_limit"] = "none" if key["limit"] is None else key["limit"]
    for variable, field in (("mai_markup_rate", "markup_rate"), ("mai_billing_email", "billing_email")):
        if row.get(field) not in (None, "", 1.3):
            variables[variable] = row[field]
    directory = _directory(one)
    if directory and directory != f"{DEPLOYMENTS}/client-{slug}":
        variables["mai_deployment_dir"] = directory
    variables["mai_image"] = one["image"]
    if one["host_ip"] not in (None, "", "0.0.0.0", "::"):
        variables["mai_bind_address"] = one["host_ip"]
    if not one["database"]["organizations_table"] and one["database"]["users"] is not None:
        variables["mai_database_create_table"] = True
    kept = {n: value for n, value in one["settings"].items() if value != _USUAL.get(n, name) and n != "WEBUI_URL"}
    if kept:
        variables["mai_extra_env"] = kept
    variables.update(adoption_extras.wanted(one["extras"]))
    host = {"ansible_host": machine, "mai_port": one["port"] or one["inner_port"]}
    return {"slug": slug, "host": host, "variables": variables}


def _own_key(one: Values, keys: t.Mapping[str, Key]) -> Key | None:
    return next((keys[place["hash"]] for place in one["key_candidates"] if place["hash"] in keys), None)


def _slug(one: Values, key: Key | None, name: str) -> str:
    """As it is called already, by its directory, its organisation or its key; else by its name."""
    folder = os.path.basename(_directory(one) or "")
    told = (
        folder[7:] if folder.startswith("client-") else "",
        (one["external_user"] or "")[:-4] if str(one["external_user"]).endswith("-001") else "",
        key.name[7:] if key and key.name.startswith("client-") else "",
    )
    return next((slug for slug in told if SLUG.fullmatch(slug)), "") or slug_of(name) or slug_of(one["container"])


def _directory(one: Values) -> str | None:
    """The one in which its data need not move."""
    source = one["data"]["source"] if one["data"]["kind"] == "bind" else None
    if source and os.path.basename(source.rstrip("/")) == "data":
        return os.path.dirname(source.rstrip("/"))
    return None


def rows(found: t.Sequence[Values], keys: t.Mapping[str, Key]) -> list[tuple[str, ...]]:
    """One line for each, its headings first."""
    lines = [("container", "state", "port", "data", "people", "key", "limit")]
    for one in found:
        key, data = _own_key(one, keys), one["data"]
        lines.append(
            (
                *(shown(one["container"], 40), shown(one["state"]), str(one["port"] or "none")),
                shown(data["volume"] or data["source"] or "in the container", 50),
                "?" if one["database"]["users"] is None else str(one["database"]["users"]),
                shown(key.name, 40) if key else "none of this account",
                amount(key["limit"]) if key else "",
            )
        )
    return lines


def unclaimed(found: t.Sequence[Values], keys: t.Sequence[Key], fleet: Fleet) -> list[tuple[Key, str]]:
    """The keys of the account that belong to no client of the inventory, and whose each of them could be."""
    owned = set(key_names(fleet.clients).values())
    holders = {place["hash"]: one["container"] for one in found for place in one["key_candidates"]}
    names = {
        str(other_variable(one, "mai_client_name") or slug): f"client {slug}" for slug, one in fleet.clients.items()
    }
    names.update((str(one["organization_name"] or one["container"]), f"container {one['container']}") for one in found)
    listed = []
    for key in sorted(keys, key=lambda key: key.name):
        if key.name in owned or "~" in key.name:
            continue
        bare = _KEY_FORMS.sub("", key.name)
        near = difflib.get_close_matches(bare.casefold(), [name.casefold() for name in names], n=1, cutoff=0.6)
        like = next((whose for name, whose in names.items() if near and name.casefold() == near[0]), "")
        holder = holders.get(key.hash)
        listed.append((key, f"container {holder} has it" if holder else f"by its name: {like}" if like else ""))
    return listed
