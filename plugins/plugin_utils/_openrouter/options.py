# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of the openrouter_* modules mean, and what is wrong with them.

This is private to the collection.
"""

from __future__ import annotations

import math
import re
import typing as t
from datetime import timezone

from .errors import InvalidOption
from .keys import has_provisional_form, parse_time

DEFAULT_BASE_URL = "https://openrouter.ai/api/v1"
# As many connections as httpx keeps open.
MAX_CONCURRENCY = 20

Params = t.Mapping[str, t.Any]


def connection_of(params: Params, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """What the client needs. An empty value counts as not given: AWX injects empty strings for empty fields."""
    if params["timeout"] <= 0 or params["retries"] < 0:
        raise InvalidOption("timeout must be more than 0 seconds, and retries 0 or more.")
    return {
        "provisioning_key": provisioning_key(params["provisioning_key"], environ),
        "base_url": params["base_url"] or environ.get("OPENROUTER_BASE_URL") or DEFAULT_BASE_URL,
        "timeout": params["timeout"],
        "retries": params["retries"],
    }


def provisioning_key(given: str | None, environ: t.Mapping[str, str]) -> str:
    """The option, else the environment, else the file that it names."""
    for source in (given, environ.get("OPENROUTER_PROVISIONING_KEY")):
        if source and source.strip():
            return source.strip()
    path = environ.get("OPENROUTER_PROVISIONING_KEY_FILE")
    if not path:
        raise InvalidOption(
            "No provisioning key was given. Set the option provisioning_key, or on the controller the environment"
            " variable OPENROUTER_PROVISIONING_KEY, or OPENROUTER_PROVISIONING_KEY_FILE with the path of a file that"
            " holds it."
        )
    try:
        with open(path, encoding="utf-8") as file:
            key = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not text"
    else:
        if key:
            return key
        problem = "it is empty"
    raise InvalidOption(
        f"The file that OPENROUTER_PROVISIONING_KEY_FILE names on the controller cannot be used ({path}: {problem})."
    )


def fields_of(params: Params, given: t.Container[str]) -> dict[str, t.Any]:
    """What the task asks of the key, in OpenRouter's terms; what it does not mention is left as it is."""
    fields: dict[str, t.Any] = {}
    if "limit" in given:
        fields["limit"] = _limit(params["limit"])
    if params["limit_reset"]:
        fields["limit_reset"] = None if params["limit_reset"] == "never" else params["limit_reset"]
    for name in ("include_byok_in_limit", "disabled"):
        if params[name] is not None:
            fields[name] = params[name]
    if params["workspace_id"]:
        fields["workspace_id"] = params["workspace_id"]
    if params["state"] == "disabled":
        if fields.get("disabled") is False:
            raise InvalidOption("state=disabled and disabled=false contradict each other: give one of them.")
        fields["disabled"] = True
    return fields


def expiry_of(params: Params) -> str | None:
    """The moment as OpenRouter wants it: UTC, with seconds."""
    text = params["expires_at"]
    if not text:
        return None
    moment = parse_time(text)
    if moment is None or "T" not in text:
        raise InvalidOption(
            "expires_at must be a moment such as 2027-01-31T23:59:59Z: ISO 8601, with seconds; without an offset it is"
            f" taken as UTC. It is {text!r}."
        )
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(params: Params) -> str | None:
    text = params["date"]
    if not text:
        return None
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text) or parse_time(text) is None:
        raise InvalidOption(f"date must be a UTC day such as 2027-01-31. It is {text!r}.")
    return text


def _limit(value: t.Any) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null")):
        return None
    try:
        limit = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        limit = math.nan
    if not math.isfinite(limit) or limit < 0:
        raise InvalidOption(
            f"limit must be a number of US dollars, 0 or more, or null for no limit. It is {repr(value)[:60]}."
        )
    return limit


def check_rotation(params: Params, given: t.Container[str]) -> None:
    if params["rotate"] and (params["hash"] or params["state"] != "present"):
        raise InvalidOption("rotate goes with name and state=present.")
    if not params["commit"] and not (params["rotate"] and params["secret_file"]):
        raise InvalidOption("commit=false goes with rotate=true and a secret_file for the new key.")
    if params["carry_usage"] and (params["limit_reset"] != "monthly" or "limit" not in given):
        raise InvalidOption("carry_usage goes with a limit and limit_reset=monthly: nothing else ends with the month.")


def check_names(params: Params) -> None:
    name = params["name"]
    if name is None and params["hash"]:
        return
    if name is None:
        raise InvalidOption("hash must not be empty where there is no name.")
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise InvalidOption(f"name must not be empty, and must not begin or end with a space. It is {name!r}.")
    if has_provisional_form(name):
        raise InvalidOption(
            f"name must not end in ~pending-… or ~retired-…: this module itself gives such names. It is {name!r}."
        )
