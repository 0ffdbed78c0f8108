# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a client's backup: what stands in its way, what it would do, and what a check of it found.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup
from ansible_collections.mai.clients.plugins.plugin_utils._plan.machine import somebody_elses
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import counted, who

Values = t.Mapping[str, t.Any]


def restoring(
    client: Values, seen: Values, plan: Values, fetched: Values, asked: Values, done: Values | None = None
) -> dict[str, t.Any]:
    """``fetched`` is empty, a snapshot that was only chosen, or one that was fetched and looked through.

    ``asked`` holds restore_to, restore_database (None where nobody said), the revisions that the image knows (None
    before it was asked), the database as the last look has it, what OpenRouter said of the key, and the hash of the one
    that the machine has by now.
    """
    suspended = any(not one["is_active"] for one in seen["database"]["organizations"])
    keys = asked.get("keys")
    there = _is_there(seen)
    puts = _puts_database(client, there, asked)
    # On a machine without the client only the snapshot tells
    suspended = suspended or (not there and bool(fetched.get("suspended")))
    image = ((fetched.get("noted") or {}).get("image") or {}).get("reference")
    return {
        "refusal": _refusal(client, seen, plan),
        "faults": list(_faults(client, fetched, asked)) if fetched.get("noted") else [],
        "there": there,
        # Of SQLite it comes with the data
        "puts_database": puts and client["mai_database"] != "sqlite",
        # What was not put back has other rows than the snapshot
        "counts": fetched.get("counts", {}) if puts else {},
        "image": image,
        # Data go on with the image that they were last used with
        "takes_image": bool(image) and not there and image != client["mai_image"],
        "key": keys[0] if keys else {"hash": seen["key_hash"], "disabled": suspended},
        "summary": _summary(client, seen, fetched, asked, done, puts),
    }


def _puts_database(client: Values, there: bool, asked: Values) -> bool:
    """A database elsewhere outlives its instance's machine, and holds what was written since the snapshot."""
    if client["mai_database"] == "sqlite":
        return True
    if asked.get("restore_database") is not None:
        return bool(asked["restore_database"])
    return there or client["mai_database"] == "postgresql" or not asked["database"]["users"]


def _is_there(seen: Values) -> bool:
    """Its database may be gone while the instance runs."""
    managed = any(one["managed"] for one in seen["containers"]) or bool((seen["unit"] or {}).get("managed"))
    return bool(seen["database"]["exists"]) or managed


def _refusal(client: Values, seen: Values, plan: Values) -> str:
    who_ = shown(client["slug"])
    if not plan["backup"]["wanted"]:
        return f"{who_} has no mai_backup_repository, so there is nothing to restore it from."
    reasons = [*somebody_elses(client, seen), *backup.problems(client, seen)]
    if seen["directory"]["upgrading"]:
        reasons.append("an upgrade was interrupted: run upgrade_client.yml first")
    if not reasons:
        return ""
    lines = "".join(f"\n- {reason}" for reason in reasons)
    return f"{who_} was not touched. Put its machine right first:{lines}"


def _faults(client: Values, fetched: Values, asked: Values) -> t.Iterator[str]:
    """Why a snapshot is not put in place."""
    yield from _unfit(client, fetched)
    if client["mai_database"] == "external" and asked["database"]["error"]:
        yield shown(asked["database"]["error"])
    if fetched["organizations"] and str(client["mai_client_id"]) not in fetched["organizations"]:
        others = ", ".join(fetched["organizations"][:3])
        yield f"its database is not that of {shown(client['mai_client_id'])}, but of {shown(others)}."
    known = [one.strip() for one in str(asked.get("revisions") or "").split(",") if one.strip()]
    revision = fetched["schema_revision"]
    strange = [one for one in str(revision or "").split(", ") if one and one not in known]
    if known and strange:
        image = (fetched["noted"]["image"] or {}).get("reference") or "another image"
        yield (
            f"its database is at revision {shown(', '.join(strange))}, which {shown(asked['image'])} does not know: it "
            f"is of a newer release ({shown(image)}). Set mai_image to that one, and upgrade to it first."
        )


def _unfit(client: Values, fetched: Values) -> t.Iterator[str]:
    """What is wrong with a snapshot, wherever it is to be put."""
    yield from (f"{fault}." for fault in fetched["faults"])
    if fetched["unread"]:
        yield f"its database could not be looked through: {fetched['unread']}"
    noted = fetched["noted"]
    if noted["client"] != client["slug"]:
        yield f"it is one of {shown(noted['client'])}."


def _summary(
    client: Values, seen: Values, fetched: Values, asked: Values, done: Values | None, puts: bool
) -> list[str]:
    snapshot = fetched.get("snapshot")
    what = f"snapshot {snapshot['short_id']} of {snapshot['time']}" if snapshot else "the snapshot asked for"
    where = f" on {shown(client['machine'])}" if asked.get("restore_to") else ""
    kept = []
    if not puts:
        kept = [
            f"the database {shown(asked['database']['path'])} is left as it is, with what was written since the "
            "snapshot: -e restore_database=true puts that of the snapshot in its place"
        ]
    if not done:
        interrupts = "; its people would be interrupted for some seconds" if _is_there(seen) else ""
        return [f"{who(client)} would be restored{where} from {what}{interrupts}", *kept]
    lines = [f"{who(client)} was restored{where} from {what}: {', '.join(counted(done['counts']))}", *kept]
    if done.get("aside"):
        lines.append(f"what there was is kept in {done['aside']}: remove it when nobody misses anything")
    if fetched.get("other_secret_key") and _is_there(seen):
        lines.append("its WEBUI_SECRET_KEY came with the snapshot: people sign in again")
    if asked.get("keys") and asked.get("key_hash") != asked["keys"][0]["hash"]:
        lines.append(
            "its key was replaced after the snapshot, and the new one went with the machine: nothing can be asked "
            f"until onboard_client.yml -e client={client['slug']} -e replace_lost_key=true made another"
        )
    if asked.get("restore_to"):
        lines.append(
            f"set ansible_host of {client['slug']} to {shown(client['machine'])} in the inventory, and if its old "
            "machine still runs, stop the instance and the timer of its backups there"
        )
    return lines


def verified(client: Values, fetched: Values, live: Values | None) -> dict[str, t.Any]:
    """What a trial of a snapshot found; ``live`` is what the instance's own database holds, None where it has none."""
    faults = list(_unfit(client, fetched))
    if live and live["organizations"] and fetched["organizations"] != live["organizations"]:
        faults.append(
            f"its organisation is {shown(', '.join(fetched['organizations']) or 'missing')}, that of the instance "
            f"{shown(', '.join(live['organizations']))}."
        )
    for table in ("user", "client_organizations"):
        if live and live["counts"].get(table) and not fetched["counts"].get(table):
            faults.append(f"the table {table} is empty, that of the instance is not.")
    since = []
    for table, rows in (live or {"counts": {}})["counts"].items():
        more = rows - fetched["counts"].get(table, 0)
        if more:
            since.append(f"{more:+d} {table}")
    snapshot = fetched["snapshot"]
    said = f"snapshot {snapshot['short_id']} of {snapshot['time']} holds {', '.join(counted(fetched['counts']))}"
    said += f"; since then: {', '.join(since)}" if since else ""
    return {"faults": faults, "summary": f"{who(client)}: {said}"}
