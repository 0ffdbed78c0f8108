# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a client: everything that a run will do and say, decided from what is wanted and what is there.

This is private to the collection. One place decides what is right, for every playbook, for check mode, for the list
and for the drift report; roles carry out what it says.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._stamp import without_stamp
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup, foreseen, usage, words
from ansible_collections.mai.clients.plugins.plugin_utils._plan import key as keys_of_client
from ansible_collections.mai.clients.plugins.plugin_utils._plan import people as people_of_client
from ansible_collections.mai.clients.plugins.plugin_utils._plan import proxy as proxies
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import verification
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import Situation, instance
from ansible_collections.mai.clients.plugins.plugin_utils._plan.machine import lacks, machine_problems, machine_warnings
from ansible_collections.mai.clients.plugins.plugin_utils._plan.organization import organization

Values = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Files:
    """What lies on the controller: the templates by name, and the record that was kept of the client."""

    templates: t.Mapping[str, str]
    record: str | None = None
    # Nothing where what is written there is thrown away
    record_path: str = ""
    # Which job of a controller this is
    stamp: str = ""
    # What timers start on the machine
    backup_program: str = ""
    usage_program: str = ""


@dataclass(frozen=True)
class Observed:
    """What was found before anything is decided."""

    seen: Values
    keys: t.Sequence[Key] | None = None  # of the account
    key: Values | None = None  # the client's, where a run knows it better than a listing
    credit: Values | None = None
    situation: Situation = field(default_factory=Situation)
    # The play's other clients on the same machine: slug, mai_port, needs_network
    neighbours: t.Sequence[Values] = ()
    same_api: bool = True  # whether the instance asks where the controller does, and no gateway of somebody's
    certificates: Values | None = None  # files of the controller for the proxy, see proxy.proxy
    archive: Values | None = None  # what brings a missing image: path, and bytes, None where it is not there


@dataclass(frozen=True)
class Aim:
    """What a run is for, where that is not everything that the inventory says."""

    key: keys_of_client.Aim = field(default_factory=keys_of_client.Aim)
    parts: t.Collection[str] | None = None  # those that the run changes; None: all


def plan(
    client: Values, observed: Observed, files: Files, aim: Aim = Aim(), now: datetime | None = None
) -> dict[str, t.Any]:
    """The plan, and with it the client's key and the checks that prove that it works."""
    seen = observed.seen
    now = now or datetime.now(timezone.utc)
    key_plan, key = _key(client, observed, aim, now)
    awaited, client = client, proxies.as_served(client, seen)
    becomes, situation = {**key, **key_plan["changes"]}, observed.situation
    if key_plan["makes"] and key["hash"]:
        # What has the old key will need another one
        situation = replace(situation, former_keys=(*situation.former_keys, key["hash"]))
        becomes["hash"] = None
    parts = instance(client, seen, becomes, files.templates, situation)
    site = proxies.proxy(
        awaited, seen, parts, bool(becomes["disabled"]), files.templates[proxies.TEMPLATE], observed.certificates
    )
    expected = _expected(client, key, key_plan["expiry"], observed)
    expected.update(proxies.expected(client, site, bool(becomes["disabled"]), now))
    people = people_of_client.people(client, seen, parts, bool(becomes["disabled"]))
    expected["people"] = people
    checks = verification(seen, expected) if seen["probe"] else []
    # What people are told goes on as it was; what is done about it is decided when the database answers
    told = parts
    if parts["administered"] is None:
        told = instance(client, seen, becomes, files.templates, replace(situation, administered=True))
    place = words.address(client, told)
    history = usage.usage_history(client, seen, bool(becomes["disabled"]), files.usage_program, now)
    planned: dict[str, t.Any] = {
        "suspended": bool(becomes["disabled"]),
        "problems": [
            *machine_problems(client, seen, observed.neighbours, observed.archive),
            *site["problems"],
            *backup.problems(client, seen),
            *_no_way_out(client, seen, checks),
        ],
        "machine": _machine(client, seen, parts, site),
        "key": {**keys_of_client.wanted(client), **key_plan},
        "instance": parts,
        "organization": organization(client, seen, becomes, parts["due"], people["moves"]),
        "people": people,
        "proxy": site,
        "backup": backup.backup(client, seen, files.backup_program, now),
        "usage_history": history,
        "record": _record(client, seen, told, becomes, files, site),
        "address": place,
        "limit": words.limit(key),
        "notes": words.notes(
            client,
            told,
            {**key, "expiry": key_plan["expiry"]},
            checks,
            observed.credit,
            [*machine_warnings(client, seen), *backup.warnings(client, seen, now), *history["notes"], *people["notes"]],
        ),
    }
    planned["handover"] = words.handover(client, place, key)
    kept = files.record_path or f"{shown(client['mai_deployment_dir'])}/HANDOVER.md on the machine"
    planned["summary"] = words.summary(client, place, key, kept, planned["notes"])
    if site["forward"]:
        planned["summary"]["forward"] = site["forward"]
    if not parts["administered"] and not becomes["disabled"]:
        proven = replace(situation, administered=True, open_signup=False)
        planned["instance_for_people"] = instance(client, seen, becomes, files.templates, proven)
    due = dict(_changes(planned))
    # Their names for Python, and for people
    planned["changes_by_part"] = [part for part in due if aim.parts is None or part in aim.parts]
    planned["changes"] = [due[part] for part in planned["changes_by_part"]]
    planned["would"] = foreseen.would(client, key, planned)
    return {"plan": planned, "key": key, "checks": checks}


def _key(client: Values, observed: Observed, aim: Aim, now: datetime) -> tuple[dict[str, t.Any], Values]:
    held = observed.seen["key_hash"]
    if observed.key is not None or observed.keys is None:
        given = {name: value for name, value in (observed.key or {}).items() if (name, value) != ("hash", None)}
        known = {"name": client["mai_key_name"], "hash": held, **given}
        key = {**keys_of_client.NO_KEY, **known}
        in_place = bool(held) and key["hash"] == held
        known_plan = {
            "due": False,
            "recover": False,
            "makes": False,
            "settings": [],
            "changes": {},
            "refused": "",
            "expired": "",
            "expiry": "" if key["disabled"] else Key(key["hash"] or "", key["name"], key).expiry(now)[1],
        }
        return {**known_plan, "in_place": in_place}, key
    return keys_of_client.key(client, observed.seen, observed.keys, now, aim.key)


def _expected(client: Values, key: Values, expiry: str, observed: Observed) -> dict[str, t.Any]:
    return {
        "key": key,
        "answered": observed.keys is not None or observed.credit is not None,
        "same_api": observed.same_api,
        "expiry": expiry,
        "client_id": client["mai_client_id"],
        "client_name": client["mai_client_name"],
        "api_base_url": client["mai_instance_api_base_url"],
    }


def _no_way_out(client: Values, seen: Values, checks: t.Sequence[Values]) -> list[str]:
    """Where there is no key yet, none is made for a machine that cannot use it."""
    added = client["mai_compose_extra"]
    beside = added.get("services") or {"extra_hosts", "dns", "networks"} & set(added.get("service") or ())
    # A gateway beside the instance, or a name, that only its container knows
    if seen["key_hash"] or (beside and client["mai_deployment"] == "docker"):
        return []
    return [
        one["detail"] for one in checks if one["name"] == "OpenRouter from the machine" and one["status"] == "failed"
    ]


def _record(client: Values, seen: Values, parts: Values, key: Values, files: Files, site: Values) -> dict[str, t.Any]:
    text = words.record(files.templates["HANDOVER.md.j2"], client, seen, parts, key, site, files.stamp)
    # Which job it was is told, but alone it is no difference
    bare = without_stamp(text)
    there = seen["files"].get("HANDOVER.md", {}).get("sha256")
    kept = None if files.record is None else without_stamp(files.record)
    return {
        "text": text,
        "path": files.record_path,
        "on_machine_due": there != sha256(bare),
        "on_controller_due": bool(files.record_path) and kept != bare,
    }


def _machine(client: Values, seen: Values, parts: Values, site: Values) -> dict[str, t.Any]:
    """What the machine lacks, and whether to bring anything: a newer image of the same name is no difference."""
    found = {**lacks(client, seen), "caddy": site["installs"]}
    brought = ("docker", "image", "caddy", "restic", "database_packages")
    found["lacks"] = any(found[name] for name in brought) or parts["database"]["bring_image"]
    found["due"] = found["lacks"] or found["bring_image"]
    return found


def _changes(planned: Values) -> t.Iterator[tuple[str, str]]:
    """The parts that differ from the inventory, in the order in which they are changed, and an operator's words."""
    parts, key, machine = planned["instance"], planned["key"], planned["machine"]
    database = parts["database"]
    if machine["lacks"]:
        yield "machine", "machine"
    if machine["differs"]:
        yield "directory", "directory"
    if key["due"]:
        yield "key", f"key ({', '.join(key['settings'])})" if key["settings"] else "key"
    if parts["due"] or parts["secrets_missing"] or database["stopped"]:
        names = ", ".join(parts["settings_differ"])
        yield "instance", f"instance ({names})" if names else "instance"
    if parts["administrator_due"] and parts["administered"] is not None:
        yield "administrator", "administrator"
    # Of a key that is yet to be made, only what is known to have been ours is replaced
    if parts["saved_key"]["due"] and (parts["saved_key"]["held"] or not key["makes"]):
        yield "saved_key", "key saved in Open WebUI"
    if planned["people"]["due"]:
        yield "people", f"people ({planned['people']['counted']})"
    # What is in a database that rests is not known
    if planned["organization"]["due"] and not database["stopped"]:
        users, gone = planned["organization"]["users"], planned["organization"]["gone"]
        counts = [*([f"{users} more"] if users else []), *([f"{gone} gone"] if gone else [])]
        yield "organization", f"organisation (users: {', '.join(counts)})" if counts else "organisation"
    if planned["proxy"]["due"]:
        yield "proxy", "proxy"
    if planned["backup"]["due"]:
        yield "backup", f"backup ({', '.join(planned['backup']['why'])})"
    if planned["usage_history"]["due"]:
        yield "usage_history", f"usage history ({', '.join(planned['usage_history']['why'])})"
    # Not the record on the controller: where that is thrown away after each job, nothing of the client differs
    if planned["record"]["on_machine_due"]:
        yield "record", "hand-over"
