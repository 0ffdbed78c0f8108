# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong with a key, one type each.

This is private to the collection. The message of an error is shown to people and stored in job events even under
no_log, so it never holds a secret or the body of an answer.
"""

from __future__ import annotations

import typing as t


class OpenRouterError(Exception):
    """A failure that says what is wrong, where, and what to do."""

    code = "failed"
    retry_after: float | None = None  # seconds that OpenRouter asked for

    def __init__(self, message: str, status: int | None = None, **details: t.Any) -> None:
        super().__init__(message)
        self.status = status
        self.details = details

    def add(self, sentence: str, **details: t.Any) -> OpenRouterError:
        """The same error with one more sentence for the reader."""
        self.args = (f"{self} {sentence}",)
        self.details.update(details)
        return self


class InvalidOption(OpenRouterError):
    """What the task asks for cannot be meant."""

    code = "invalid_option"


class UnfitEnvironment(InvalidOption):
    """Proxies or certificates that the environment names, and that cannot be used."""

    code = "unfit_environment"


class MissingLibrary(OpenRouterError):
    code = "missing_library"


# What OpenRouter answered


class Rejected(OpenRouterError):
    """A definite no (4xx): nothing was changed."""

    code = "rejected"


class NotManagementKey(Rejected):
    code = "not_a_management_key"


class InsufficientCredits(Rejected):
    code = "insufficient_credits"


class NotFound(Rejected):
    code = "not_found"


class RateLimited(Rejected):
    code = "rate_limited"


class NotOpenRouter(Rejected):
    """Something in between answered: what it says is not OpenRouter's word about anything."""

    code = "not_openrouter"


class Unreachable(OpenRouterError):
    """No connection was made, so nothing was sent."""

    code = "unreachable"


class ServerFailed(OpenRouterError):
    """5xx, a cut connection, a time-out, an answer that is not JSON: what was asked may have been done."""

    code = "server_failed"


class CreateFailed(OpenRouterError):
    """A key was asked for twice and the answer was lost twice."""

    code = "create_failed"


# What the plan refuses


class DuplicateName(OpenRouterError):
    code = "duplicate_name"


class LostSecret(OpenRouterError):
    """The key exists, its secret is not where it should be."""

    code = "lost_secret"


class ForeignSecret(OpenRouterError):
    """The stored secret belongs to a key of another name."""

    code = "foreign_secret"


class NotPossible(OpenRouterError):
    """OpenRouter's API has no way to do this."""

    code = "not_possible"


# What the target answered


class StoreRefused(OpenRouterError):
    """The secret was definitely not stored."""

    code = "store_refused"


class StoreConflict(StoreRefused):
    """Somebody else changed the file since it was observed."""

    code = "store_conflict"


class StoreUnknown(OpenRouterError):
    """Nobody can tell whether the secret was stored."""

    code = "store_unknown"
