# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a run: what it needs, and the sentence where that is not so.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import OF_LISTED, OF_PUBLISHED
from ansible_collections.mai.clients.plugins.plugin_utils._plan.machine import cannot_start

Values = t.Mapping[str, t.Any]


def _machine(client: Values, _seen: Values, plan: Values, _checks: t.Sequence[Values]) -> str:
    if not plan["problems"]:
        return ""
    return f"{_who(client)} was not touched. Put its machine right first:{_lines(plan['problems'])}"


def _client(client: Values, seen: Values, _plan: Values, _checks: t.Sequence[Values]) -> str:
    if seen["directory"]["managed"] and seen["key_hash"]:
        return ""
    directory = shown(client["mai_deployment_dir"])
    where = f"{_who(client)} has no instance with a key in {directory}"
    return f"{where}, so nothing was changed: run onboard_client.yml first."


def _no_upgrade(client: Values, seen: Values, _plan: Values, _checks: t.Sequence[Values]) -> str:
    if seen["directory"]["upgrading"]:
        return f"An upgrade of {_who(client)} was interrupted, so nothing was changed: run upgrade_client.yml first."
    if seen["directory"]["restoring"]:
        return f"A restore of {_who(client)} was interrupted, so nothing was changed: run restore_client.yml again."
    if seen["directory"]["adopting"]:
        return f"The adoption of {_who(client)} was interrupted, so nothing was changed: run adopt_client.yml again."
    return ""


def _database(client: Values, seen: Values, _plan: Values, _checks: t.Sequence[Values]) -> str:
    """What cannot be read says nothing about what there is to do."""
    error = seen["database"]["error"]
    return f"Nothing of {_who(client)} was changed. {error}" if error else ""


def _backup(client: Values, seen: Values, plan: Values, _checks: t.Sequence[Values]) -> str:
    """Only of what onboarding made, with the programs that it brings."""
    if not plan["backup"]["wanted"]:
        return f"{_who(client)} has no mai_backup_repository, so there are no backups of it."
    if not seen["directory"]["managed"]:
        where = shown(client["mai_deployment_dir"])
        return (
            f"{_who(client)} has no instance in {where}, so there are no backups of it: run onboard_client.yml first."
        )
    for problem in backup.problems(client, seen):
        return f"{_who(client)} was not touched: {problem}."
    return ""


def _people(client: Values, _seen: Values, plan: Values, _checks: t.Sequence[Values]) -> str:
    refused = plan["people"]["refused"]
    return f"{_who(client)} was not touched: {refused}." if refused else ""


def _startable(client: Values, seen: Values, _plan: Values, _checks: t.Sequence[Values]) -> str:
    """What is changed shows with a start, and must not be changed where there can be none."""
    reasons = cannot_start(client, seen)
    return f"{_who(client)} was not touched. Put its machine right first:{_lines(reasons)}" if reasons else ""


def _key(_client: Values, _seen: Values, plan: Values, _checks: t.Sequence[Values]) -> str:
    """What openrouter_key would refuse, said where it is not asked."""
    return plan["key"]["refused"] or plan["key"]["expired"]


def _unexpired(_client: Values, _seen: Values, plan: Values, _checks: t.Sequence[Values]) -> str:
    """What openrouter_key does not refuse: a key that is as asked for, and of no use."""
    return plan["key"]["expired"]


def _proof(client: Values, _seen: Values, plan: Values, checks: t.Sequence[Values]) -> str:
    # Who is yet to come keeps nobody from working
    failed = [check["detail"] for check in checks if check["status"] == "failed" and check["name"] != OF_LISTED]
    if not failed or plan["suspended"]:
        return ""
    return f"{_who(client)} is set up, but not everything works:{_lines(failed)}"


def _proof_of_instance(client: Values, seen: Values, plan: Values, checks: t.Sequence[Values]) -> str:
    """What fails before the instance, at its address, is no reason to take back what was done to it."""
    return _proof(client, seen, plan, [check for check in checks if check["name"] not in OF_PUBLISHED])


def _proof_unless_due(client: Values, seen: Values, plan: Values, checks: t.Sequence[Values]) -> str:
    """What is to be changed need not work yet."""
    return "" if plan["changes"] else _proof(client, seen, plan, checks)


NEEDS: dict[str, t.Callable[[Values, Values, Values, t.Sequence[Values]], str]] = {
    "client": _client,
    "no_upgrade": _no_upgrade,
    "database": _database,
    "machine": _machine,
    "startable": _startable,
    "backup": _backup,
    "people": _people,
    "key": _key,
    "unexpired": _unexpired,
    "proof": _proof,
    "proof_of_instance": _proof_of_instance,
    "proof_unless_due": _proof_unless_due,
}


def obstacle(needs: t.Collection[str], client: Values, seen: Values, plan: Values, checks: t.Sequence[Values]) -> str:
    """The first of them, or nothing."""
    found = (stands(client, seen, plan, checks) for name, stands in NEEDS.items() if name in needs)
    return next((sentence for sentence in found if sentence), "")


def _who(client: Values) -> str:
    return shown(client["slug"])


def _lines(sentences: t.Iterable[str]) -> str:
    return "".join(f"\n- {sentence}" for sentence in sentences)
