# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a client's usage: whether it is kept as the inventory says, and what it lacks.

This is private to the collection.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.mai.clients.plugins.module_utils._usage import history
from ansible_collections.mai.clients.plugins.plugin_utils._client import some_of
from ansible_collections.mai.clients.plugins.plugin_utils._plan import timers
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import service

Values = t.Mapping[str, t.Any]

# A day, the random delay, and the tries of a day on which OpenRouter was not reached
TOO_OLD_HOURS = 48
# UTC, as OpenRouter's days and months are; the last of the day is as near its end as the delay and some tries allow
_TIMES = "*-*-* 02,05,08,11,14,17,20,23:50:00 UTC"
_DELAY = "5min"


def unit_files(client: Values) -> dict[str, str]:
    """By the end of their names."""
    program = f"{client['mai_deployment_dir']}/{history.FOLDER}/{history.PROGRAM}"
    return {
        "service": timers.service(client["slug"], "Reading of the usage of client {client}", program, "5min"),
        "timer": timers.timer(
            client["slug"],
            "When the usage of client {client} is read",
            OnCalendar=_TIMES,
            RandomizedDelaySec=_DELAY,
            AccuracySec="10s",
        ),
    }


def usage_history(
    client: Values, seen: Values, suspended: bool = False, program: str = "", now: datetime | None = None
) -> dict[str, t.Any]:
    """``program`` is the text of what runs on the machine."""
    found, machine, units = seen["usage"], seen["machine"], unit_files(client)
    possible = machine["systemd"] and machine["root"]
    wanted = boolean(client["mai_usage_history"])
    why: list[str] = []
    if wanted and possible:
        why = [*timers.differs(found, program, units)] if found["installed"] else ["it is not set up"]
    removes = bool(found["installed"]) and not wanted
    unit = f"{service(client['slug'])}-usage"
    trouble = [*_trouble(found, unit, now)] if wanted and possible and not suspended else []
    return {
        "wanted": wanted,
        "kept": wanted and possible,
        "due": bool(why) or removes,
        "removes": removes,
        "differs": bool(why),
        "why": ["mai_usage_history is false"] if removes else why,
        "unit": unit,
        "units": units,
        "trouble": trouble,
        "notes": [*trouble, *_notes(found, wanted, possible)],
    }


def _trouble(found: Values, unit: str, now: datetime | None) -> t.Iterator[str]:
    """What is wrong with what is kept; nothing of a client that has yet to have its first reading."""
    last = found["last"]
    age = _age_hours(last["time"] if last else found["since"], now)
    # Where it was set up anew, the next reading is yet to come
    if age is None or age <= TOO_OLD_HOURS or (_age_hours(found["since"], now) or 0) <= TOO_OLD_HOURS:
        return
    what = f"the last reading of its usage is {age / 24:.0f} days old" if last else "its usage was never read"
    yield f"{what}: see journalctl -u {unit} on its machine"


def _notes(found: Values, wanted: bool, possible: bool) -> t.Iterator[str]:
    if wanted and not possible:
        yield (
            "its usage is not kept beyond OpenRouter's 30 days: systemd does not run there, or the connection is not "
            "root's (mai_usage_history)"
        )
    if wanted and found["missing"]:
        days = some_of(found["missing"])
        yield f"its usage has no reading for {len(found['missing'])} of the last {history.DAYS} days: {days}"


def _age_hours(moment: t.Any, now: datetime | None) -> float | None:
    try:
        made = datetime.strptime(str(moment), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return max(((now or datetime.now(timezone.utc)) - made).total_seconds() / 3600, 0)
