# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a client: what is there to be removed, what becomes of its data, the record, and the sentences.

This is private to the collection. Each run decides from what it finds, so one that was killed is finished by the next.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import service
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import counted, markdown, who

Values = t.Mapping[str, t.Any]

# Files with secrets that open nothing any more, and of a write that was cut off. What opens the data in the archive
# stays with it: secrets.env, and the password of the PostgreSQL whose files lie there. A database elsewhere is opened
# by whoever owns it, and its last copy needs no password.
UNNEEDED = r".*/[^/]*(api_key\.env|admin\.env|people\.json|database\.env\.)[^/]*"
UNNEEDED_ELSEWHERE = r".*/[^/]*(api_key\.env|admin\.env|people\.json|database\.env)[^/]*"


def offboarding(
    seen: Values,
    client: Values,
    keys: t.Sequence[Values],
    asked: Values,
    template: str,
    done: bool = False,
    kept: bool = True,
) -> dict[str, t.Any]:
    """``seen`` is empty where the machine is given up as lost; ``keys`` are all that were made for the client; ``kept``
    is whether a file on the controller outlives the run.
    """
    lost, time = not seen, asked["time"]
    directory = bool(seen) and seen["directory"]["managed"]
    instance = bool(seen) and (directory or _unit(seen)["managed"] or any(one["managed"] for one in seen["containers"]))
    archives = sorted(asked["archives"])
    archive = f"{client['mai_deployments_dir']}/archive/client-{client['slug']}-{time[:10]}"
    if archive in archives:
        archive += "." + time[11:19].replace(":", "")
    data = _data(seen, asked, archive)
    due = bool(keys) or instance or _served(seen)
    doomed = [*archives, *([archive] if directory else [])] if asked["purge"] else []
    record = {
        "path": f"{client['mai_handover_dir']}/{client['slug']}-offboarded-{time[:10]}.md" if kept else "",
        "marker": f"<!-- {{mark}} {time} -->",
        "text": markdown(
            template,
            client=client,
            keys=keys,
            time=time,
            lost=lost,
            images=list(dict.fromkeys(one["image"] for one in seen.get("containers", []) if one["managed"])),
            counts=counted(asked["database"].get("counts", {})),
            data=data,
        ),
    }
    would = "" if done else "would be "
    elsewhere = bool(seen) and seen["database"]["kind"] == "postgresql" and not seen["database"]["own"]
    return {
        "due": due,
        "site": _served(seen),
        "instance": instance,
        "directory": directory,
        "refusal": _refusal(client, seen),
        "archive": archive,
        "final_copy": _final_copy(seen),
        "doomed": doomed,
        "unneeded": UNNEEDED_ELSEWHERE if elsewhere else UNNEEDED,
        "record": record,
        "summary": [
            who(client) + _outcome(due, done),
            *(f"key {shown(key['name'])}: {would}deleted" for key in keys),
            *([f"instance: {would}removed; its image stays"] if instance else []),
            *([f"its database stays, drop it by hand: {shown(seen['database']['path'])}"] if elsewhere else []),
            *([f"address: {would}no longer served"] if _served(seen) else []),
            *([f"data: {would}{'`'.join(data)}"] if directory else []),
            *_backup(asked.get("backup") or {}),
            *(["the machine was not touched: its instance and data may still be there"] if lost else []),
            *_earlier(archives, asked["purge"], would),
            *(
                [f"record: {record['path'] or _record_of_job(directory and not asked['purge'], archive)}"]
                if due
                else []
            ),
            f"remove {client['slug']} from the inventory ({asked['inventory']})",
        ],
    }


def _served(seen: Values) -> bool:
    """Whether Caddy has a site of the client, whatever the inventory says by now."""
    site = (seen.get("proxy") or {}).get("site") or {}
    return bool(site.get("exists") and site.get("ours"))


def _unit(seen: Values) -> Values:
    return seen["unit"] or {"exists": False, "managed": False}


def _refusal(client: Values, seen: Values) -> str:
    foreign = list(_foreign(client, seen)) if seen else []
    if not foreign:
        return ""
    return (
        f"keys disabled, nothing removed: {', '.join(foreign)} was not made by this collection for {client['slug']}. "
        "Put it away by hand and run again; with -e host_lost=true only the keys are deleted."
    )


def _foreign(client: Values, seen: Values) -> t.Iterator[str]:
    """What stands in the client's place and was made by somebody else."""
    directory = seen["directory"]
    if directory["exists"] and not directory["empty"] and not directory["managed"]:
        yield f"the directory {client['mai_deployment_dir']}"
    yield from (f"the container {one['name']}" for one in seen["containers"] if not one["managed"])
    if _unit(seen)["exists"] and not _unit(seen)["managed"]:
        yield f"the unit {service(client['slug'])}"


def _data(seen: Values, asked: Values, archive: str) -> list[str]:
    """What becomes of the data, in parts: every second one is a path, and stands between backticks."""
    if not seen:
        return ["not reached"]
    if not seen["directory"]["managed"]:
        return ["none was there"]
    if asked["purge"]:
        return ["deleted, with earlier archives"]
    failure = asked["database"].get("msg")
    if not seen["database"]["exists"]:
        return ["archived in ", archive, ""]
    if failure is not None:
        return ["archived in ", archive, f", without a final copy of the database: {failure}"]
    return ["archived in ", archive, ", final copy of the database: ", _final_copy(seen), ""]


def _final_copy(seen: Values) -> str:
    return "-final".join(os.path.splitext(seen["database"]["copy_name"])) if seen else ""


def _backup(made: Values) -> list[str]:
    if made.get("failure"):
        return [f"last backup: failed, so the archive is all there is: {shown(made['failure'])}"]
    if made.get("snapshot"):
        return [f"last backup: snapshot {made['snapshot'][:8]} in {made['repository']}, which stays"]
    return []


def _outcome(due: bool, done: bool) -> str:
    if not due:
        return ": nothing to do, there is neither key nor instance"
    return " is off-boarded" if done else " would be off-boarded"


def _record_of_job(archived: bool, archive: str) -> str:
    return f"{archive}/OFFBOARDED.md, and in the artifacts of this job" if archived else "in the artifacts of this job"


def _earlier(archives: t.Sequence[str], purge: bool, would: str) -> list[str]:
    if not archives:
        return []
    fate = f": {would}deleted, " if purge else ", kept until -e purge_data=true: "
    return [f"earlier archives{fate}{', '.join(archives)}"]
