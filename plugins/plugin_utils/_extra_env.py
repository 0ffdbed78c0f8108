# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What mai_extra_env may hold: whatever the instance knows, but for what the collection itself depends on.

Names, web addresses, single sign-on, roles and feature flags are the operator's, also where the collection has a value
of its own (WEBUI_NAME, WEBUI_URL, CORS_ALLOW_ORIGIN, ENABLE_SIGNUP, BYPASS_MODEL_ACCESS_CONTROL, ENV …). OWNED is what
decides whose key is used and whose bill it is, where the data is, and who may enter: set twice, it would be one thing
for the instance and another one for every run, copy and check.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._variables import carried_fault, quoted

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Linux starts no program with a longer variable, nor with more of them than fit into a quarter of its stack
LONGEST_VARIABLE = 131_000
LONGEST_ENVIRONMENT = 1_000_000

_KEY = "the client's key is in a file of its own on the machine"
_CONNECTION = (
    "it would win over the client's key; set mai_instance_api_base_url, and add other connections in the instance "
    "(Settings, Connections)"
)
_DATA = "the instance's data is in the client's directory, where copies and checks look for it"
_SECRET_KEY = "it is made once and kept in secrets.env on the machine; another one ends all sessions"
_ADDRESS = "set mai_port and mai_bind_address"
_ADMINISTRATOR = "set mai_admin_email, mai_admin_name and mai_admin_password"

# Why not, or which variable instead
OWNED: dict[str, str] = {
    # The key, and where it is used
    "OPENAI_API_KEY": _KEY,
    "OPENROUTER_API_KEY": _KEY,
    "OPENAI_API_KEYS": _CONNECTION,
    "OPENAI_API_BASE_URLS": _CONNECTION,
    "OPENAI_API_BASE_URL": "set mai_instance_api_base_url",
    "ENABLE_OPENAI_API": "without its connection to OpenRouter the instance has no model; suspend_client.yml stops it",
    # Whose bill it is
    "OPENROUTER_EXTERNAL_USER": "set mai_client_id",
    "ORGANIZATION_NAME": "set mai_client_name",
    "CLIENT_ORG_NAME": "set mai_client_name",
    "USAGE_MARKUP_MULTIPLIER": "set mai_markup_rate",
    "MONTHLY_LIMIT": "set mai_monthly_limit",
    "TZ": "the instance's days and months have to be OpenRouter's, which are UTC",
    # Where the data is
    "DATA_DIR": _DATA,
    **dict.fromkeys(
        [
            "DATABASE_URL",
            *(f"DATABASE_{part}" for part in ("TYPE", "USER", "PASSWORD", "HOST", "PORT", "NAME", "SCHEMA")),
        ],
        f"{_DATA}; set mai_database",
    ),
    # What the instance remembers
    "RESET_CONFIG_ON_START": "each start would drop what administrators have set, and open sign-up",
    "ENABLE_PERSISTENT_CONFIG": "the instance would not use the key that a rotation saves in it",
    # Where it listens
    "HOST": _ADDRESS,
    "PORT": _ADDRESS,
    # Who may enter
    "WEBUI_AUTH": "without accounts the instance is open to everybody",
    "WEBUI_SECRET_KEY": _SECRET_KEY,
    "WEBUI_SECRET_KEY_FILE": _SECRET_KEY,
    "WEBUI_JWT_SECRET_KEY": _SECRET_KEY,
    "WEBUI_ADMIN_EMAIL": _ADMINISTRATOR,
    "WEBUI_ADMIN_NAME": _ADMINISTRATOR,
    "WEBUI_ADMIN_PASSWORD": _ADMINISTRATOR,
    # What tells whether the instance runs with its settings
    "MAI_CONFIGURATION": "the collection sets it",
}


def _fault(name: t.Any, value: t.Any) -> str | None:
    if not isinstance(name, str) or not VARIABLE.fullmatch(name):
        return f"mai_extra_env has the name {quoted(name)}: use letters, digits and '_' only"
    if name in OWNED:
        return f"mai_extra_env must not set {name}: {OWNED[name]}"
    variable = f"mai_extra_env.{shown(name, 60)}"
    if isinstance(value, (list, t.Mapping)):
        return f'{variable} is a structure: write it as one text (for JSON: "{{{{ … | to_json }}}}")'
    fault = None if value is None else carried_fault(value)
    if fault:
        return f"{variable}: {fault}"
    if _size(name, value) > LONGEST_VARIABLE:
        return f"{variable} has {_size(name, value)} bytes: at most {LONGEST_VARIABLE}, or nothing could be started"
    return None


def _size(name: str, value: t.Any) -> int:
    return 0 if value is None else len(f"{name}={_envfile.to_text(value)}".encode())


def problems(environment: t.Any) -> t.Iterator[str]:
    """All that is wrong with it; no message holds a value."""
    if not isinstance(environment, t.Mapping):
        yield "mai_extra_env must be a mapping of names to values"
        return
    faults = [fault for fault in (_fault(name, value) for name, value in environment.items()) if fault]
    yield from faults
    if not faults and sum(_size(name, value) for name, value in environment.items()) > LONGEST_ENVIRONMENT:
        yield f"mai_extra_env has more than {LONGEST_ENVIRONMENT} bytes in all, or nothing could be started: shorten it"
