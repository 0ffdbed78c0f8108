# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proposed for a client that is to come, and what it would clash with. Nothing is asked or written here.

This is private to the collection.
"""

from __future__ import annotations

import difflib
import re
import statistics
import typing as t
import unicodedata
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import (
    DEPLOYMENTS_DIR,
    WAY,
    neighbour_problems,
    other_variable,
    place_of,
)
from ansible_collections.mai.clients.plugins.plugin_utils._variables import (
    MACHINE,
    RULES,
    SLUG,
    fault,
    is_directory,
    money,
    number,
    quoted,
)

Variables = t.Mapping[str, t.Any]

LONGEST_SLUG = 50
FIRST_PORT = 8001
GUIDES_LIMIT = 500
GUIDES_MARKUP = 1.3

# What Unicode does not take apart, and what German writes with two letters
_LETTERS = str.maketrans(
    {
        **{"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d"},
        **{"þ": "th", "ħ": "h", "ı": "i", "ŋ": "n", "ĸ": "k", "ŧ": "t", "ə": "e", "&": " ", "'": "", "\u2019": ""},
    }
)
_LEGAL_FORMS = re.compile(
    r"-(?:sp-z-o-o|sp-j|spolka|gmbh|mbh|ag|kg|ohg|ug|se|co|inc|llc|llp|ltd|limited|plc|corp|corporation|s-a|sa|sas|sarl"
    r"|s-r-l|srl|s-p-a|spa|s-r-o|sro|a-s|b-v|bv|n-v|nv|oy|oyj|e-v|ev|pty|pte)$"
)

SECRETS = {
    *("mai_admin_password", "mai_registry_password", "mai_backup_password", "mai_backup_recovery_password"),
    *("mai_database_url", "mai_backup_environment"),
}
WRITABLE = {
    *(name for name in RULES if name.startswith("mai_") and not name.endswith(("_fault", "_bytes"))),
    *("mai_extra_env", "mai_compose_extra"),
}


@dataclass(frozen=True)
class Fleet:
    """The clients of an inventory by their slugs, and every name of a host or group in it."""

    clients: t.Mapping[str, Variables]
    names: t.Collection[str] = ()

    def of_name(self, name: str) -> str | None:
        """The client that is called so."""
        return next(
            (slug for slug, one in self.clients.items() if other_variable(one, "mai_client_name") == name), None
        )

    def machine_of(self, slug: str) -> str | None:
        place = place_of(slug, self.clients[slug])
        return None if place[0] is None else str(place[0])

    def machines(self) -> list[str]:
        """Each once, in the inventory's order."""
        return list(dict.fromkeys(machine for slug in self.clients if (machine := self.machine_of(slug))))

    def on(self, machine: str) -> list[str]:
        """The clients of a machine; of several ways to machines at this address, those of the last client's."""
        found = [slug for slug in self.clients if self.machine_of(slug) == machine]
        way = place_of(found[-1], self.clients[found[-1]]) if found else None
        return [slug for slug in found if place_of(slug, self.clients[slug]) == way]


def slug_of(name: str) -> str:
    """A slug for an organisation's name; empty where its script gives none."""
    folded = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS)
    letters = "".join(one for one in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(one))
    words = [word for word in re.split(r"[^a-z0-9]+", letters) if word]
    slug = "-".join(words)
    while (shorter := _LEGAL_FORMS.sub("", slug)) != slug:
        slug = shorter
    if len(slug) > LONGEST_SLUG:
        cut = slug[: LONGEST_SLUG + 1].rpartition("-")[0]
        slug = cut if len(cut) > LONGEST_SLUG // 2 else slug[:LONGEST_SLUG]
    return slug.strip("-")


def free_slug(wanted: str, fleet: Fleet) -> str:
    """The wanted one, or the next that is free: also once the dashes are left out, as containers and addresses do."""
    if not wanted:
        return ""
    slug, turn = wanted, 1
    while slug_fault(slug, fleet):
        turn += 1
        end = f"-{turn}"
        slug = wanted[: LONGEST_SLUG - len(end)].rstrip("-") + end
    return slug


def slug_fault(slug: t.Any, fleet: Fleet) -> str | None:
    """What keeps a new client from being called so."""
    if not isinstance(slug, str) or not SLUG.fullmatch(slug):
        return (
            f"{quoted(slug)} is not a slug: use 1 to 50 lower-case letters, digits and dashes, neither first nor last "
            "a dash (for example company-abc)"
        )
    if slug in fleet.clients:
        return f"there is a client {slug} already"
    if slug in fleet.names or slug in ("all", "ungrouped", "localhost"):
        return f"{slug} is another host or a group of the inventory already"
    bare = slug.replace("-", "")
    like = next((other for other in fleet.clients if other.replace("-", "") == bare), None)
    if like:
        return f"{slug} and the client {like} are alike without their dashes: both would be called mai-{bare}"
    return None


def machine_fault(machine: t.Any) -> str | None:
    if isinstance(machine, str) and MACHINE.fullmatch(machine):
        return None
    return f"the machine is {quoted(machine)}: give its host name or address, as Ansible is to reach it"


def free_port(fleet: Fleet, neighbours: t.Iterable[str], listening: t.Collection[int]) -> int:
    taken = {*listening, *ports_of(fleet, neighbours)}
    return next(port for port in range(FIRST_PORT, 65536) if port not in taken)


def ports_of(fleet: Fleet, slugs: t.Iterable[str]) -> dict[int, str]:
    """The ports that the inventory has given, and to whom, as far as it can be known outside their own runs."""
    found = {}
    for slug in slugs:
        port = other_variable(fleet.clients[slug], "mai_port")
        if not fault("mai_port", port):
            found[int(port)] = slug
    return found


def limit_of(fleet: Fleet) -> tuple[float, str]:
    """A limit to begin with, and where it comes from."""
    limits = [number(other_variable(one, "mai_monthly_limit")) for one in fleet.clients.values()]
    known = [one for one in limits if one]
    if not known:
        return GUIDES_LIMIT, "the guide's example"
    many = f"the median of your {len(known)} clients' limits" if len(known) > 1 else "your other client's limit"
    return _short(statistics.median(known)), many


def markup_of(fleet: Fleet) -> tuple[float, str]:
    """The factor that counts if none is written: what all clients have, else the guide's."""
    rates = {number(other_variable(one, "mai_markup_rate", GUIDES_MARKUP)) for one in fleet.clients.values()}
    [rate] = rates if len(rates) == 1 else [None]
    if rate and rate != GUIDES_MARKUP:
        return _short(rate), "as your other clients"
    return GUIDES_MARKUP, "the guide's, 30 % on top"


def _short(value: float) -> float:
    """As a person would write it: 750, not 750.0."""
    return int(value) if float(value).is_integer() else round(value, 2)


def typed(name: str, value: t.Any) -> t.Any:
    """A value as it belongs into the file: extra variables and answers are text. None where it is left out."""
    if isinstance(value, str) and name != "mai_client_name":
        value = value.strip()
    if value is None or value == "":
        return None
    if fault_of(name, value):
        return value
    if name == "mai_port":
        return int(value)
    if name == "mai_monthly_limit":
        limit = money(value)
        return "none" if limit is None else _short(limit)
    if name in ("mai_markup_rate", "mai_cpu_limit", "mai_health_timeout"):
        return _short(number(value) or 0)
    return value


def fault_of(name: str, value: t.Any) -> str | None:
    """What is wrong with one variable, seen alone."""
    return fault(name, value) if name in RULES else None


def strange(given: t.Iterable[str]) -> list[str]:
    """What of the variables that were given cannot be written."""
    found = []
    for name in sorted(given):
        if name in SECRETS:
            found.append(f"{name} holds a secret: put it into the client's variables yourself, in a vault")
        elif name not in WRITABLE:
            near = difflib.get_close_matches(name, WRITABLE, n=1)
            found.append(f"{name} is no variable of a client" + (f": did you mean {near[0]}?" if near else ""))
    return found


def differences(fleet: Fleet, slug: str, machine: str | None, given: Variables) -> list[str]:
    """How a client that is there already is not what was asked for."""
    known = fleet.clients[slug]
    found = []
    if machine and machine != fleet.machine_of(slug):
        found.append(f"its machine is {shown(fleet.machine_of(slug), 60)}, not {shown(machine, 60)}")
    for name, value in given.items():
        there = other_variable(known, name)
        if typed(name, there) != value:
            found.append(f"its {name} is {quoted(there)}, not {quoted(value)}")
    return found


def problems(fleet: Fleet, slug: str, machine: str, listening: t.Collection[int], variables: Variables) -> list[str]:
    """All that is wrong with a new client, seen alone, on its machine and beside the others."""
    neighbours = fleet.on(machine)
    found = [slug_fault(slug, fleet), machine_fault(machine)]
    found += [fault_of(name, value) for name, value in variables.items()]
    port = variables.get("mai_port")
    owner = ports_of(fleet, neighbours).get(port) if isinstance(port, int) else None
    if owner is None and port in listening:
        found.append(f"something listens on port {port} of {shown(machine, 60)} already: choose another mai_port")
    own_id = variables.get("mai_client_id", f"{slug}-001")
    found += [
        f"mai_client_id {quoted(own_id)} is also that of {other}: choose another"
        for other, one in fleet.clients.items()
        if other_variable(one, "mai_client_id", f"{other}-001") == own_id
    ]
    others = {**fleet.clients, slug: _place(fleet, machine, neighbours)}
    found += neighbour_problems(_as_client(slug, variables, fleet), others)
    return list(dict.fromkeys(filter(None, found)))


def _place(fleet: Fleet, machine: str, neighbours: t.Sequence[str]) -> Variables:
    """By which way the new client's machine is reached: its neighbours'."""
    way = {name: other_variable(fleet.clients[neighbours[-1]], name) for name in WAY} if neighbours else {}
    return {**way, "ansible_host": machine}


def _as_client(slug: str, variables: Variables, fleet: Fleet) -> dict[str, t.Any]:
    """What is compared with the other clients. What all of them have, from their group, the new one will have, too."""
    client: dict[str, t.Any] = {"slug": slug, "mai_port": None, "mai_backup_repository": None}
    for name in ("mai_domain", "mai_deployments_dir"):
        values = [other_variable(one, name) for one in fleet.clients.values()]
        client[name] = values[0] if values and all(one == values[0] for one in values) else None
    client.update(variables)
    directory, domain = client["mai_deployments_dir"] or DEPLOYMENTS_DIR, client["mai_domain"]
    defaults = {
        "mai_key_name": f"client-{slug}",
        "mai_deployment_dir": f"{directory}/client-{slug}" if is_directory(directory) else None,
        "mai_fqdn": f"mai-{slug.replace('-', '')}.{domain}" if domain else "",
    }
    return {**defaults, **client}
