# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply: the steps of a plan for one key, in their order.

This is private to the collection. The order is the plan's, and what makes a run safe to interrupt; see there.
"""

from __future__ import annotations

from dataclasses import dataclass

from .client import Client
from .create import Creation
from .decide import Decision
from .errors import OpenRouterError
from .keys import Key
from .plan import Action
from .values import told


@dataclass(frozen=True)
class Outcome:
    key: Key | None  # the one that bears the name now
    created: Key | None = None
    secret: str | None = None  # of the created key, where it is stored nowhere


def carry_out(client: Client, decision: Decision, creation: Creation) -> Outcome:
    steps = decision.plan
    final, created, secret = steps.key, None, None
    # The provisional key that is to get its name: one that an interrupted run left, or the one made here
    new = final if any(step.kind == "commit" for step in steps.actions) else None
    for step in steps.actions:
        if step.kind == "create":
            created, secret = creation.make(step.changes, decision.stored)
            final = new = created
            continue
        subject = step.key or created
        if subject is None:
            raise AssertionError(f"a plan with no key to {step.kind}")
        if step.kind == "delete":
            client.delete_key(subject.hash)
        elif step.kind == "repair":
            _repair(decision, creation, subject)
        else:
            updated = _update(client, creation, step, subject, new)
            final = updated if final and updated.hash == final.hash else final
            if step.kind == "commit":
                creation.unfinished = None
    creation.unfinished = None
    return Outcome(final, created, None if creation.store else secret)


def _repair(decision: Decision, creation: Creation, key: Key) -> None:
    if creation.store is None or decision.stored is None:
        raise AssertionError("a plan to repair a file that was not looked at")
    creation.store.repair(key.hash, decision.stored.digest)


def _update(client: Client, creation: Creation, step: Action, subject: Key, new: Key | None) -> Key:
    try:
        return client.update_key(subject.hash, dict(step.changes))
    except OpenRouterError as error:
        if new is None:
            raise
        if creation.store:
            raise error.add(
                f"The new key's secret is stored on the target, but the key is still named {told(new.name)}:"
                " run again, that finishes it."
            ) from None
        creation.undo(new, error)
        raise
