# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe and plan: what has to be done about one key, from as fresh a look as that needs.

This is private to the collection.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from .client import Client
from .errors import OpenRouterError
from .keys import Key
from .listing import Listing
from .plan import Desired, Plan, plan
from .secret_store import SecretStore, Stored

Lister = t.Callable[[t.Optional[str]], t.Sequence[Key]]  # the keys of a workspace


@dataclass(frozen=True)
class Decision:
    """The steps, and what was seen when they were decided."""

    plan: Plan
    keys: t.Sequence[Key]
    stored: Stored | None = None


def decide(
    client: Client,
    desired: Desired,
    store: SecretStore | None,
    listing: Listing | None,
    now: datetime,
    nonce: str,
) -> Decision:
    """From the play's listing what is harmless if that is a minute old; all else from a fresh one."""
    stored = store.observe() if store else None
    if listing and _is_patient(desired):
        keys = _observe(client, desired, stored, _lister(client, listing, fresh=False))
        try:
            steps = plan(desired, keys, stored, now, nonce)
        except OpenRouterError:
            pass  # it may be so no longer
        else:
            if all(step.kind == "update" for step in steps.actions):
                return Decision(steps, keys, stored)
    keys = _observe(client, desired, stored, _lister(client, listing, fresh=True))
    return Decision(plan(desired, keys, stored, now, nonce), keys, stored)


def _is_patient(desired: Desired) -> bool:
    """Whether it does not matter what happened to the key in the last minute; to disable or enable it, it does."""
    return not desired.hash and desired.state == "present" and not desired.rotate and "disabled" not in desired.fields


def _lister(client: Client, listing: Listing | None, fresh: bool) -> Lister:
    if listing is None:
        return client.list_keys
    shared = listing
    return lambda workspace: shared.keys(workspace, fresh)


def _observe(client: Client, desired: Desired, stored: Stored | None, listed: Lister) -> t.Sequence[Key]:
    if desired.hash:
        key = client.get_key(desired.hash)
        return [key] if key else []
    workspace = desired.fields.get("workspace_id")
    keys = listed(workspace)
    if workspace and desired.state != "absent" and not _is_there(desired, keys, stored):
        # It may be still to be moved, and what interrupted runs left of it is where it was.
        known = {key.hash for key in keys}
        keys = [*keys, *(key for key in listed(None) if key.hash not in known)]
    held = stored.hash if stored else None
    if held and all(key.hash != held for key in keys):
        # A fresh key can be missing in the list, and a moved one is in another workspace's.
        key = client.get_key(held)
        keys = [*keys, key] if key else keys
    return keys


def _is_there(desired: Desired, keys: t.Sequence[Key], stored: Stored | None) -> bool:
    """Whether no other workspace need be looked into."""
    return any(key.name == desired.name and (not stored or stored.holds(key.hash)) for key in keys)
