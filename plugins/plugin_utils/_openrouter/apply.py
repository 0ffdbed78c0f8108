# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply: one key, from what is asked for to what is true.

This is private to the collection.
"""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timezone

from .carry_out import Outcome, carry_out
from .client import Client
from .create import Creation, new_nonce
from .decide import decide
from .errors import OpenRouterError, StoreConflict
from .keys import Key
from .listing import Listing
from .plan import Desired
from .secret_store import SecretStore
from .show import projected, result_of

ROUNDS = 4


class Reconciler:
    """Brings one key to what is desired."""

    def __init__(
        self,
        client: Client,
        desired: Desired,
        store: SecretStore | None = None,
        check_mode: bool = False,
        listing: Listing | None = None,
        now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        nonce: t.Callable[[], str] = new_nonce,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._desired = desired
        self._check_mode = check_mode
        self._listing = listing
        self._now = now
        self._nonce = nonce
        self._name = desired.name or ""
        self._workspace = desired.fields.get("workspace_id")
        self._creation = Creation(client, self._name, store, nonce, clock)

    @property
    def unfinished(self) -> str | None:
        """Name of the provisional key that an interruption now would leave."""
        return self._creation.unfinished

    def run(self) -> dict[str, t.Any]:
        """The module's result. Whoever loses against another run looks again."""
        for _round in range(ROUNDS):
            try:
                return self._run_once()
            except StoreConflict as error:
                conflict = error
        raise conflict.add("That happened several times in a row. Run again when nothing else changes this client.")

    def _run_once(self) -> dict[str, t.Any]:
        decision = decide(self._client, self._desired, self._creation.store, self._listing, self._now(), self._nonce())
        outcome = Outcome(projected(decision.plan, self._name))
        if decision.plan.actions and not self._check_mode:
            try:
                outcome = carry_out(self._client, decision, self._creation)
                if outcome.created and self._creation.store is None:
                    self._check_alone(outcome.created)
            finally:
                self._forget_listings()
        return result_of(decision, self._name, outcome, self._creation.warnings)

    def _check_alone(self, created: Key) -> None:
        """Without a file nothing decides between two runs: whoever sees the other's key gives way."""
        try:
            others = self._client.list_keys(self._workspace)
        except OpenRouterError:
            return  # the secret must not be lost for the sake of this check
        if any(key.name == self._name and key.hash != created.hash for key in others):
            conflict = StoreConflict(f"Another run created a key named {self._name} at the same time.")
            self._creation.undo(created, conflict)
            raise conflict

    def _forget_listings(self) -> None:
        if self._listing:
            for workspace in dict.fromkeys([self._workspace, None]):
                self._listing.forget(workspace)
