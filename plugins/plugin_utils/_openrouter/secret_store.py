# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the secret of a key is kept, as the plan sees it.

This is private to the collection.
"""

from __future__ import annotations

import abc
import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stored:
    """What was seen when the place was looked at; hashes only."""

    path: str
    digest: str | None = None  # of the whole file; None where there is none
    hashes: t.Mapping[str, str | None] = field(default_factory=dict)  # per variable, of its value
    faults: t.Sequence[str] = ()  # what about an existing file is not as asked: its mode, its owner, its group
    obstacle: str | None = None  # why nothing could be stored there now

    def holds(self, key_hash: str) -> bool:
        return key_hash in self.hashes.values()

    @property
    def hash(self) -> str | None:
        """Whose secret is there, when it is not asked for a certain key's."""
        return next((value for value in self.hashes.values() if value), None)

    def to_repair(self, key_hash: str) -> list[str]:
        """What has to be put right although the secret of this key is there."""
        return [*self.faults, *(name for name, value in self.hashes.items() if value != key_hash)]


class SecretStore(abc.ABC):
    """All three may raise StoreRefused (nothing happened) or StoreUnknown."""

    @abc.abstractmethod
    def observe(self) -> Stored:
        """Look, change nothing."""

    @abc.abstractmethod
    def store(self, secret: str, key_hash: str, seen: str | None) -> None:
        """Replace what is there by this secret, if it still is what was seen; else StoreConflict."""

    @abc.abstractmethod
    def repair(self, key_hash: str, seen: str | None) -> None:
        """Write the secret that is there once more, as asked; it never leaves the place."""
