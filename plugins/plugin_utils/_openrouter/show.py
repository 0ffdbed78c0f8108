# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a run about one key, from what was decided and what came of it: pure, and without any secret but one.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from .carry_out import Outcome
from .decide import Decision
from .keys import Key
from .plan import Plan


def projected(steps: Plan, name: str) -> Key | None:
    """The key as it will be."""
    final = steps.key
    if steps.creates:
        final = Key("", name, {"name": name, "disabled": False})
    for step in steps.actions:
        mine = step.key is None or (final is not None and step.key.hash == final.hash)
        if final and mine and step.kind in ("create", "update", "commit"):
            final = final.changed(step.changes)
    return final


def result_of(decision: Decision, name: str, outcome: Outcome, warnings: t.Sequence[str]) -> dict[str, t.Any]:
    steps, stored, final = decision.plan, decision.stored, outcome.key
    result: dict[str, t.Any] = {
        "changed": bool(steps.actions),
        "key": final.shown() if final else None,
        "actions": [step.shown() for step in steps.actions],
        "replaced": list(steps.replaced),
        "pending_left": [key.shown() for key in steps.pending_left],
        "warnings": [*steps.warnings, *warnings],
    }
    if stored and final:
        result["secret_file"] = {"path": stored.path, "hash": final["hash"]}
    if outcome.secret:
        result["secret"] = outcome.secret
    result["diff"] = _diff(decision, name, final)
    return result


def _diff(decision: Decision, name: str, final: Key | None) -> dict[str, t.Any]:
    """The settings of every key concerned and whose secret the file holds; there is no secret in it."""
    steps, stored = decision.plan, decision.stored
    before = {key.hash: key.settings() for key in decision.keys if key.name == name}
    before.update((key.hash, key.settings()) for key in (steps.key, *(step.key for step in steps.actions)) if key)
    after = dict(before)
    for step in steps.actions:
        if step.key and step.kind == "delete":
            del after[step.key.hash]
        elif step.key:
            after[step.key.hash] = {**after[step.key.hash], **step.changes}
    if steps.creates and final:
        after[final.hash or "new key"] = final.settings()
    shown: dict[str, dict[str, t.Any]] = {"before": {"keys": before}, "after": {"keys": after}}
    if stored and final:
        shown["before"]["secret_file"] = {"hash": stored.hash, "faults": list(stored.faults)}
        shown["after"]["secret_file"] = {"hash": final["hash"] or "of the new key", "faults": []}
    return shown
