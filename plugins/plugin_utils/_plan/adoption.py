# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking over an instance that was made by hand: whether it can be done, what it needs, and what stands in its way.

This is private to the collection. ``found`` is what M(mai.clients.adoptable_instances) returned. What follows for the
client is not decided here: its plan is made from the look as it will be then.
"""

from __future__ import annotations

import json
import typing as t
from datetime import datetime

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import some_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan import key as keys_of_client
from ansible_collections.mai.clients.plugins.plugin_utils._plan.adoption_extras import not_in_inventory
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import settings
from ansible_collections.mai.clients.plugins.plugin_utils._plan.room import gib
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import limit, who

Values = t.Mapping[str, t.Any]

# How the data come to the client's directory, in words
MOVES = {
    "stays": "its data stay where they are",
    "renamed": "its data move to {to}, on the same file system",
    "copied": "its data, {size}, are copied to {to}; {source} is kept",
    "from the container": "its data, which lie in the container itself, are copied to {to}",
}
# Docker's words for a container whose processes are there, whatever they do just now
LIVE = ("running", "paused", "restarting")
# Room for what is written meanwhile
_SPARE = 64 * 1024 * 1024


def adoption(
    client: Values,
    seen: Values,
    found: Values,
    keys: t.Sequence[Key],
    asked: Values,
    owners: t.Mapping[str, str],
    now: datetime,
) -> dict[str, t.Any]:
    """``asked``: restart, checks, key_hash, new_secret_key. ``owners``: whose names of keys are, of other clients."""
    decided: dict[str, t.Any] = {"state": "due", "refusal": "", "seen": seen, "key": {}, "would": [], "how": "stays"}
    decided.update(container="", key_hash="", rename=False, known_variables=sorted(settings(client, "")), notes=[])
    begun = found["begun"] or {}
    if not begun and seen["directory"]["managed"] and _is_ours(seen):
        return {**decided, "state": "adopted"}
    one = found["instances"][0] if len(found["instances"]) == 1 else None
    if one is None:
        return _refused(decided, client, [_which(client, found, begun)])
    how = _how(client, one, seen)
    key, fault = _key(client, one, keys, asked, owners)
    problems = [] if begun else [*_problems(client, seen, found, one, asked, how)]
    problems += [fault] if fault else []
    if not problems and one["state"] in LIVE and not asked["restart"] and not asked["checks"]:
        problems = [
            f"{shown(one['container'])} runs, and to be the client's it is started again, which interrupts its people "
            "for some seconds. See what would be done with --check, choose the moment, and run again with -e "
            "restart=true"
        ]
    if problems or key is None:
        return _refused(decided, client, problems)
    renamed = key.changed({"name": client["mai_key_name"]})
    # What was begun, and is finished now, is in nobody's way; nor is the container of before
    ahead = {**seen, "directory": {**seen["directory"], "adopting": False}, "foreign_containers": []}
    if not begun.get("taken"):
        ahead = as_adopted(client, seen, one, key.hash)
    listed = [renamed if other.hash == key.hash else other for other in keys]
    plan, becomes = keys_of_client.key(client, ahead, listed, now)
    decided.update(
        seen=ahead,
        key={**becomes, **plan["changes"]},
        container=begun.get("id") or one["container"],
        key_hash=key.hash,
        rename=key.name != client["mai_key_name"],
        how=how,
    )
    decided["would"] = list(_would(client, one, key, plan, how))
    decided["notes"] = list(_notes(client, one, key))
    return decided


def _is_ours(seen: Values) -> bool:
    there = [one for one in seen["containers"] if one["managed"]]
    return bool(there) or ("compose.yml" in seen["files"] and bool(seen["key_hash"]))


def _refused(decided: dict[str, t.Any], client: Values, problems: t.Sequence[str]) -> dict[str, t.Any]:
    lines = "".join(f"\n- {problem}" for problem in problems)
    return {
        **decided,
        "state": "refused",
        "refusal": f"{shown(client['slug'])} was not adopted, nothing was changed:{lines}",
    }


def _which(client: Values, found: Values, begun: Values) -> str:
    """Why it is not one."""
    where = f"adopt_client.yml -e host={shown(client['machine'])} lists what there is"
    if begun:
        return (
            f"its adoption was begun, and the container {shown(begun['name'])} is gone: put it back, or remove "
            f".adopting in {shown(client['mai_deployment_dir'])} and run onboard_client.yml"
        )
    if found["instances"]:
        names = some_of(one["container"] for one in found["instances"])
        return f"several instances have port {client['mai_port']}: {names}. Name one with -e container=…"
    return (
        f"no instance that was made by hand has port {client['mai_port']} on {shown(client['machine'])}: set mai_port "
        f"to the one that it has, or name its container with -e container=…; {where}"
    )


def _how(client: Values, one: Values, seen: Values) -> str:
    data, wanted = one["data"], f"{client['mai_deployment_dir']}/data"
    if data["kind"] == "layer":
        return "from the container"
    if data["source"] and data["source"].rstrip("/") == wanted:
        return "stays"
    same = data["device"] is not None and data["device"] == seen["directory"]["device"]
    # A volume is Docker's, and is kept as it was: it costs room, and is a way back
    return "renamed" if data["kind"] == "bind" and same else "copied"


def _problems(client: Values, seen: Values, found: Values, one: Values, asked: Values, how: str) -> t.Iterator[str]:
    directory, data = seen["directory"], one["data"]
    name, where = shown(one["container"]), shown(client["mai_deployment_dir"])
    if client["mai_deployment"] != "docker":
        yield "it runs in a container: set mai_deployment to docker"
    if directory["managed_by"] and not directory["managed"]:
        yield f"the directory {where} belongs to {shown(directory['managed_by'])}"
    elif directory["exists"] and not directory["empty"] and not _is_its_own(client, one):
        yield (
            f"the directory {where} holds something else than {name}: set mai_deployment_dir to another one"
            + (f", for example {shown(one['working_dir'])}" if one["working_dir"] else "")
        )
    if data["kind"] not in ("bind", "volume", "layer"):
        yield f"its data are in {shown(data['target'])}, a part of a mount: give the container a mount for that folder"
    if how != "stays" and found["directory"]["data"]:
        yield (
            f"{where}/data is there already, and is not what {name} uses: put it away, or set another "
            "mai_deployment_dir"
        )
    if how == "copied" and data["bytes"] is not None and (directory["free_bytes"] or 0) < data["bytes"] + _SPARE:
        free = gib(directory["free_bytes"] or 0)
        yield f"its data take {gib(data['bytes'])}, and {free} are free for {where}: make room"
    yield from _database(client, one)
    if one["uncarriable"]:
        yield f"no environment file carries the value of {', '.join(map(shown, one['uncarriable']))}: change it first"
    if one["several_keys"] and not one["stored_connection"]["connections"]:
        yield (
            "its environment has several keys, and only the client's is kept there: save them in the instance first "
            "(Admin Panel, Settings, Connections, Save)"
        )
    yield from not_in_inventory(client, one)
    yield from _secret_key(one, asked)


def _is_its_own(client: Values, one: Values) -> bool:
    directory = client["mai_deployment_dir"].rstrip("/")
    places = (one["working_dir"], one["data"]["source"])
    return any(place and (place.rstrip("/") == directory or place.startswith(directory + "/")) for place in places)


def _database(client: Values, one: Values) -> t.Iterator[str]:
    database = one["database"]
    if database["kind"] == "postgresql" or client["mai_database"] != "sqlite":
        yield (
            "its data are in PostgreSQL, which is not adopted yet: adopting carries SQLite only"
            if database["kind"] == "postgresql"
            else f"its data are in SQLite, and mai_database is {client['mai_database']}: set it to sqlite"
        )
        return
    if database["error"] and database["error_reason"] != "elsewhere":
        yield f"its database cannot be read: {database['error']}"
    # Who makes the table does so at the first start
    if (
        database["users"] is not None
        and not database["organizations_table"]
        and not client["mai_database_create_table"]
    ):
        yield (
            "its database has no client_organizations, and its image makes none: set mai_database_create_table to true"
        )
    active = [row["id"] for row in database["organizations"] if row["is_active"]]
    if len(active) > 1:
        yield (
            f"its database has several active organisations ({some_of(active)}), and usage is counted for one: set "
            "is_active of the others to 0 in client_organizations"
        )
    elif active and active[0] != shown(client["mai_client_id"]):
        yield (
            f"its organisation is {active[0]}, and mai_client_id {shown(client['mai_client_id'])} would be a second "
            f"one: set mai_client_id to {json.dumps(active[0], ensure_ascii=False)}"
        )


def _secret_key(one: Values, asked: Values) -> t.Iterator[str]:
    secret, more = one["secret_key"], "-e new_secret_key=true goes on, and its people sign in again"
    if asked["new_secret_key"]:
        return
    if secret["found"] is None:
        yield f"what it signs its sessions with (WEBUI_SECRET_KEY) was not found: start it, and run again, or {more}"
    elif secret["accepted"] is False:
        yield f"it does not sign its sessions with the WEBUI_SECRET_KEY that was found ({secret['found']}): {more}"


def _key(
    client: Values, one: Values, keys: t.Sequence[Key], asked: Values, owners: t.Mapping[str, str]
) -> tuple[Key | None, str]:
    """The key that the instance holds, by the hash of its secret; else what is wrong."""
    known = {key.hash: key for key in keys}
    places = {candidate["hash"]: candidate["where"] for candidate in reversed(one["key_candidates"])}
    hers = [known[digest] for digest in places if digest in known]
    if asked["key_hash"]:
        hers = [key for key in hers if key.hash == asked["key_hash"]]
    if not hers:
        held = f"none of the {len(places)} that it holds is" if places else "it holds none that is"
        return None, (
            f"its key was not found: {held} one of this account at OpenRouter. Is the provisioning key that of the "
            "account in which the key was made?"
        )
    running = [key for key in hers if places[key.hash] == "environment"]
    chosen = running if len(running) == 1 else hers
    if len(chosen) > 1:
        listed = ", ".join(f"{shown(key.name)} ({key.hash[:12]}…, {places[key.hash]})" for key in chosen)
        return None, f"it holds several keys of the account: {listed}. Choose its own with -e key_hash=…"
    key, name = chosen[0], client["mai_key_name"]
    if key.name in owners:
        return (
            None,
            f"its key is {shown(key.name)}, that of {shown(owners[key.name])}: give each client a key of its own",
        )
    others = [other for other in keys if other.name == name and other.hash != key.hash]
    if others:
        return None, (
            f"another key is called {shown(name)} at OpenRouter ({others[0].hash[:12]}…), and its own is called "
            f"{shown(key.name)}: rename or delete the other one, or set mai_key_name to {shown(key.name)}"
        )
    if key["limit"] is not None and client["mai_monthly_limit"] in (None, ""):
        return None, (
            f"its key may spend {limit(key.data)}, and the inventory has no mai_monthly_limit: set it, to none if "
            "nothing is to limit it any more"
        )
    return key, ""


def as_adopted(client: Values, seen: Values, one: Values, key_hash: str) -> dict[str, t.Any]:
    """The look, as it will be once the instance's own parts lie in the client's directory and its container is away."""
    private = {"mode": "0600", "owner": "root", "group": "root", "size": 0}
    names = ("api_key.env", "secrets.env", "adopted.env")
    wanted = settings(client, "")
    return {
        **seen,
        "directory": {
            **seen["directory"],
            **{"exists": True, "empty": False, "managed": True, "managed_by": client["slug"], "mode": "0700"},
            "shadowed_by": None,
            "adopting": False,
        },
        "files": {name: private for name in (*names, "compose.yml")},
        "override": None,
        "settings": {name: digest for name, digest in one["environment"].items() if name in wanted},
        "key_hash": key_hash,
        "key_variables": dict.fromkeys(keys_of_client.VARIABLES, key_hash),
        "key_candidates": [],
        "containers": [],
        "foreign_containers": [],
        "port": {**seen["port"], "listening": False, "process": None},
        "last_image": {"reference": one["image"], "id": one["image_id"], "present": True, "user": None},
        "health": {**seen["health"], "ok": False, "status": None, "accounts": None, "onboarding": None},
        "database": {**seen["database"], **one["database"], **_read_later(one)},
        "people": {"accounts": one["accounts"], "first_administrator": None},
        "stored_connection": one["stored_connection"],
        "stored_settings": one["stored_settings"],
    }


def _read_later(one: Values) -> dict[str, t.Any]:
    """Of data that only the container can read by now, whether somebody has an account there is known."""
    users = one["database"]["users"]
    if users is None:
        users = 0 if one["onboarding"] else 1
    return {"users": users, "error": None, "error_reason": None}


def _would(client: Values, one: Values, key: Key, plan: Values, how: str) -> t.Iterator[str]:
    """What is done before the client's own plan begins."""
    name, data = shown(one["container"]), one["data"]
    if key.name != client["mai_key_name"]:
        yield f"Would rename its key {shown(key.name)} at OpenRouter to {shown(client['mai_key_name'])}."
    if plan["changes"]:
        changes = ", ".join(
            f"{field} {_worth(key[field])} to {_worth(value)}" for field, value in plan["changes"].items()
        )
        yield f"Would change its key: {changes}."
    what = "stop" if one["state"] in LIVE else "take over"
    again = ", which interrupts its people until it is started again as the client's" if what == "stop" else ""
    yield f"Would {what} the container {name}{again}."
    size = "of unknown size" if data["bytes"] is None else f"{data['bytes'] / 1e6:.0f} MB"
    to = f"{client['mai_deployment_dir']}/data"
    yield shown(f"Would see that {MOVES[how].format(to=to, size=size, source=data['volume'] or data['source'])}.")


def _worth(value: t.Any) -> str:
    return "none" if value is None else shown(value)


def _notes(client: Values, one: Values, key: Key) -> t.Iterator[str]:
    wanted = {name: sha256(str(value)) for name, value in settings(client, "").items()}
    differs = [name for name in one["settings"] if name in wanted and one["environment"].get(name) != wanted[name]]
    for name in sorted(differs):
        yield (
            f"{name} was {json.dumps(one['settings'][name], ensure_ascii=False)} and is set by the collection: keep it "
            "as it was with mai_extra_env"
        )
    added = [name for name in one["added"] if name not in wanted]
    if added:
        names = ", ".join(map(shown, added))
        yield f"variables that it had and the inventory does not have go on, in adopted.env: {names}"
    if one["port"] != client["mai_port"]:
        yield f"its port was {one['port']} and becomes {client['mai_port']}: people's bookmarks change"
    if key.disabled and one["state"] in LIVE:
        yield (
            "its key is disabled, which is how a client is suspended: its instance stays stopped until "
            "resume_client.yml"
        )
    elif one["state"] not in LIVE and not key.disabled:
        yield "it did not run, and is started"


def done(client: Values, decided: Values, aside: str) -> list[str]:
    """What to say when it is the client's."""
    return [
        f"{who(client)} was adopted. What was there before is kept in {shown(aside)}: remove it when nobody misses "
        "anything",
        *decided["notes"],
    ]
