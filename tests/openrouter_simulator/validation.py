# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenRouter accepts in a request about keys; unknown fields are ignored, as it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.openrouter_simulator.errors import ApiError

LIMIT_RESETS = ("daily", "weekly", "monthly")
# Seconds are obligatory; minute precision is rejected.
_UTC_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_external(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("user"), str)


def _optional_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or not _UTC_MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


# field: (test, what a valid value is)
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda value: isinstance(value, str) and value != "", "a string of at least 1 character"),
    "disabled": (lambda value: isinstance(value, bool), "a boolean"),
    "limit": (lambda value: value is None or (_is_number(value) and value >= 0), "a number of at least 0, or null"),
    "limit_reset": (lambda value: value is None or value in LIMIT_RESETS, "daily, weekly, monthly or null"),
    "include_byok_in_limit": (lambda value: isinstance(value, bool), "a boolean"),
    "expires_at": (lambda value: value is None or _is_moment(value), "an ISO 8601 UTC moment with seconds, or null"),
    "workspace_id": (lambda value: isinstance(value, str), "a string"),
    "creator_user_id": (_optional_text, "a string or null"),
    "external": (_is_external, "an object with a user"),
}
_PATCHABLE = ("name", "disabled", "limit", "limit_reset", "include_byok_in_limit", "workspace_id")
_CREATABLE = tuple(name for name in _CHECKS if name != "disabled")


def json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
        # What could not be answered again: NaN, 1e999, half a surrogate pair. Python reads them all.
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise ApiError(400, "Invalid JSON in the request body") from None
    if not isinstance(parsed, dict):
        raise ApiError(400, "The request body must be a JSON object")
    return parsed


def _checked(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: body[name] for name in names if name in body}
    wrong = [f"{name}: expected {_CHECKS[name][1]}" for name, value in values.items() if not _CHECKS[name][0](value)]
    if wrong:
        raise ApiError(400, "Invalid input: " + "; ".join(wrong))
    return values


def new_key(body: dict[str, Any]) -> dict[str, Any]:
    if "name" not in body:
        raise ApiError(400, "Invalid input: name: required")
    values = _checked(body, _CREATABLE)
    external = values.pop("external", None)
    if external:
        values["external_user"] = external["user"]
    return values


def changed_key(body: dict[str, Any]) -> dict[str, Any]:
    return _checked(body, _PATCHABLE)


def flag(value: str | None, name: str) -> bool:
    if value not in (None, "true", "false"):
        raise ApiError(400, f"Invalid input: {name}: expected true or false")
    return value == "true"


def count(value: str | None, name: str, default: int = 0) -> int:
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]+", value):
        raise ApiError(400, f"Invalid input: {name}: expected an integer of at least 0")
    return int(value)
