# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of a client: how it is to be set up, whether it is, and whether the last one was made in time.

This is private to the collection. The password is not among what is decided from: only a stamp of it is.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.module_utils._backup import settings as places
from ansible_collections.mai.clients.plugins.module_utils._instance.backups import digest_of
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan import timers
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import service

Values = t.Mapping[str, t.Any]

# A day, the random delay, and some time for the backup itself
TOO_OLD_HOURS = 26
SYSTEMS = ("debian", "ubuntu")


def public_settings(client: Values) -> dict[str, t.Any]:
    """What the program on the machine is told, but for what is secret."""
    return {
        "client": client["slug"],
        "client_id": str(client["mai_client_id"]),
        "service": service(client["slug"]),
        "repository": str(client["mai_backup_repository"]),
        "keep": {name: int(number) for name, number in sorted(client["mai_backup_keep"].items())},
        "metrics_dir": client["mai_backup_metrics_dir"] or None,
    }


def unit_files(client: Values) -> dict[str, str]:
    """By the end of their names."""
    program = f"{places.folder_of(client['mai_deployment_dir'])}/{places.PROGRAM}"
    time = str(client["mai_backup_time"])
    when = f"*-*-* {time}" if time[:2].isdigit() else time
    return {
        "service": timers.service(client["slug"], "Backup of mAI of client {client}", program, "24h"),
        "timer": timers.timer(
            client["slug"],
            "When mAI of client {client} is backed up",
            OnCalendar=when,
            RandomizedDelaySec=client["mai_backup_random_delay"],
        ),
    }


def _told_here(client: Values) -> list[str]:
    """Where monitoring is told of it: without a folder of its own, in one of the usual two."""
    folders = [client["mai_backup_metrics_dir"]] if client["mai_backup_metrics_dir"] else places.METRICS
    return [places.metrics_file(folder, client["slug"]) for folder in folders]


def is_wanted(client: Values) -> bool:
    return bool(client.get("mai_backup_repository"))


def backup(client: Values, seen: Values, program: str = "", now: datetime | None = None) -> dict[str, t.Any]:
    """``program`` is the text of what runs on the machine."""
    found = seen["backup"]
    base = {"wanted": is_wanted(client), "unit": f"{service(client['slug'])}-backup", "first": False, "removes": False}
    here = _told_here(client)
    # What goes with the backups, also of one that is made before they end
    base.update(metrics=list(dict.fromkeys([*found["metrics"], *here])), metrics_left=[])
    if not base["wanted"]:
        removes = bool(found["installed"])
        why = ["mai_backup_repository is not set any more"] if removes else []
        return {**base, "due": removes, "removes": removes, "why": why, "differs": False}
    public, units = public_settings(client), unit_files(client)
    differs = list(_differs(found, public, units, str(client["mai_backup_stamp"]), program))
    none_yet = not succeeded(client, found)
    why = [*differs, *(["there is no backup yet"] if none_yet else [])]
    # What was changed is tried now, and not at night
    first = none_yet or bool({"settings", "passwords"} & set(differs))
    return {
        **base,
        "due": bool(why),
        "why": why,
        "differs": bool(differs),
        "metrics_left": [path for path in found["metrics"] if path not in here] if "settings" in differs else [],
        "first": first,
        "public": public,
        "units": units,
        "age_hours": age_hours(client, found, now),
        "repository": shown(client["mai_backup_repository"], 200),
        "trouble": [*trouble(client, seen, now)],
        "warnings": [*warnings(client, seen, now)],
    }


def _differs(found: Values, public: Values, units: Values, stamp: str, program: str) -> t.Iterator[str]:
    if not found["installed"]:
        yield "it is not set up"
        return
    if found["settings"] != digest_of(public):
        yield "settings"
    if found["stamp"] != stamp:
        yield "passwords"
    yield from timers.differs(found, program, units)


def succeeded(client: Values, found: Values) -> bool:
    """Whether there is a backup in the repository that is wanted."""
    state = found["state"] or {}
    return bool(state.get("last_success")) and state.get("repository") == shown(client["mai_backup_repository"], 300)


def age_hours(client: Values, found: Values, now: datetime | None = None) -> float | None:
    """Of the last one that was made; None where there is none."""
    if not succeeded(client, found):
        return None
    try:
        made = datetime.strptime(found["state"]["last_success"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return max(((now or datetime.now(timezone.utc)) - made).total_seconds() / 3600, 0)


def problems(client: Values, seen: Values) -> t.Iterator[str]:
    """What of the machine stands in the way of backups."""
    if not is_wanted(client):
        return
    machine = seen["machine"]
    if not (machine["systemd"] and machine["root"]):
        yield (
            "mai_backup_repository is set, but systemd does not run there, or the connection is not root's: leave it "
            "out, and back this client up by other means"
        )
    elif not seen["backup"]["restic"] and machine["system_id"] not in SYSTEMS:
        system = machine["system_id"]
        yield f"restic is missing and {system} is not a system it can be installed on: install it yourself"


def on_own_machine(client: Values) -> bool:
    repository = str(client["mai_backup_repository"])
    if places.is_local(repository):
        return True
    parts = places.sftp(repository)
    return bool(parts) and parts["host"] in ("localhost", "127.0.0.1", "[::1]", client["machine"])


def warnings(client: Values, seen: Values, now: datetime | None = None) -> t.Iterator[str]:
    """What an operator should know of a client's backups, in every report."""
    if not is_wanted(client):
        return
    if on_own_machine(client):
        yield (
            f"its backups lie on its own machine ({shown(client['mai_backup_repository'], 200)}) and are lost with it: "
            "set mai_backup_repository to another place"
        )
    if not client["mai_backup_recovery"]:
        yield (
            "its backups open with mai_backup_password alone: set mai_backup_recovery_password, which opens them when "
            "that one is lost"
        )
    yield from trouble(client, seen, now)


def trouble(client: Values, seen: Values, now: datetime | None = None) -> t.Iterator[str]:
    """What is wrong with the last backups; nothing of a client that has yet to have its first."""
    found = seen["backup"]
    state = found["state"] or {}
    same = state.get("repository") == shown(client["mai_backup_repository"], 300)
    age = age_hours(client, found, now)
    if same and state.get("error"):
        yield f"its last backup failed ({state['error_time']}): {state['error']}"
    if age is not None and age > TOO_OLD_HOURS:
        unit = f"{service(client['slug'])}-backup"
        yield f"its last backup is {age_text(age)} old: see journalctl -u {unit} on its machine"
    if same and state.get("warning"):
        yield str(state["warning"])
    if same and state.get("left_out"):
        number = f"{state['left_out']:.0f}"
        yield f"its backups leave out {number} things in its data that are no files, or nested too deeply"


def words(client: Values, planned: Values, state: Values | None = None) -> str:
    """What a backup came to; without a state what one would do."""
    where = shown(client["mai_backup_repository"], 200)
    if state is None:
        return f"{client['slug']} would be backed up to {where}"
    parts = [f"{size_text(state.get('bytes'))} in {state.get('files') or 0:.0f} files"]
    parts.append(f"{size_text(state.get('added_bytes'))} of it new")
    parts.append(f"{state.get('seconds') or 0:.0f} s")
    said = f"{client['slug']} was backed up to {where}: snapshot {str(state.get('snapshot'))[:8]}, {', '.join(parts)}"
    return f"{said}. {state['warning']}" if state.get("warning") else said


def size_text(size: float | None) -> str:
    """Bytes, as a person says them."""
    number, units = float(size or 0), ["bytes", "KiB", "MiB", "GiB"]
    while number >= 1024 and len(units) > 1:
        number, units = number / 1024, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "bytes" else f"{number:.1f} {units[0]}"


def age_text(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
