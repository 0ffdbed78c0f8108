# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that run on the controller accept: for the action, for the documentation's checks, and for main().

This is private to the collection.
"""

from __future__ import annotations

import typing as t

RESETS = ("daily", "weekly", "monthly", "never")
STATES = ("present", "disabled", "absent")
LOST_SECRET = ("fail", "replace_unused", "replace")
PARTS = (
    *("machine", "directory", "key", "instance", "administrator", "saved_key", "people", "organization"),
    *("proxy", "backup", "usage_history", "record"),
)
NEEDS = (
    *("client", "no_upgrade", "database", "machine", "startable", "backup", "people", "key"),
    *("proof", "proof_of_instance", "proof_unless_due"),
)
IGNORABLE = ("limit", "limit_reset", "include_byok_in_limit", "disabled", "expires_at")


def _common() -> dict[str, t.Any]:
    return {
        "provisioning_key": {"type": "str", "no_log": True},
        "base_url": {"type": "str"},
        "timeout": {"type": "float", "default": 20.0},
        "retries": {"type": "int", "default": 5},
    }


def key_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for openrouter_key."""
    return {
        "argument_spec": {
            **_common(),
            "name": {"type": "str"},
            "hash": {"type": "str"},
            "state": {"type": "str", "default": "present", "choices": list(STATES)},
            "limit": {"type": "raw"},
            "limit_reset": {"type": "str", "choices": list(RESETS)},
            "include_byok_in_limit": {"type": "bool"},
            "expires_at": {"type": "str"},
            "disabled": {"type": "bool"},
            "workspace_id": {"type": "str"},
            "secret_file": {"type": "str", "no_log": False},  # not path: that expands on the controller
            "secret_variables": {"type": "list", "elements": "str", "default": ["OPENAI_API_KEY"], "no_log": False},
            "secret_owner": {"type": "str", "no_log": False},
            "secret_group": {"type": "str", "no_log": False},
            "lost_secret": {
                "type": "str",
                "default": "fail",
                "choices": list(LOST_SECRET),
                "no_log": False,
            },
            "rotate": {"type": "bool", "default": False},
            "commit": {"type": "bool", "default": True},
            "carry_usage": {"type": "bool", "default": False},
            "pending_max_age": {"type": "int", "default": 3600},
            "locked": {"type": "bool", "default": False},
        },
        "required_one_of": [("name", "hash")],
        "supports_check_mode": True,
    }


def _entry_options() -> dict[str, t.Any]:
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": list(STATES)},
        "limit": {"type": "raw"},
        "limit_reset": {"type": "str", "choices": list(RESETS)},
        "include_byok_in_limit": {"type": "bool"},
        "expires_at": {"type": "str"},
        "disabled": {"type": "bool"},
        "workspace_id": {"type": "str"},
        "ignore": {"type": "list", "elements": "str", "choices": list(IGNORABLE), "default": []},
    }


def keys_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for openrouter_keys."""
    return {
        "argument_spec": {
            **_common(),
            "api_keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": _entry_options(),
            },
            "concurrency": {"type": "int", "default": 8},
            "prune": {"type": "bool", "default": False},
            "prune_used": {"type": "bool", "default": False},
            "name_prefix": {"type": "str"},
            "pending_max_age": {"type": "int", "default": 3600},
        },
        "required_if": [("prune", True, ("name_prefix",))],
        "supports_check_mode": True,
    }


def key_info_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for openrouter_key_info."""
    return {
        "argument_spec": {
            **_common(),
            "name": {"type": "str"},
            "hash": {"type": "str"},
            "include_disabled": {"type": "bool", "default": True},
            "workspace_id": {"type": "str"},
        },
        "mutually_exclusive": [("name", "hash")],
        "supports_check_mode": True,
    }


def account_info_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for openrouter_account_info."""
    return {
        "argument_spec": {**_common(), "require_management_key": {"type": "bool", "default": False, "no_log": False}},
        "supports_check_mode": True,
    }


def client_plan_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for client_plan."""
    return {
        "argument_spec": {
            **_common(),
            "variables": {"type": "dict", "required": True, "no_log": True},
            "database_url": {"type": "str", "no_log": True},
            "openrouter": {"type": "bool", "default": True},
            "credits": {"type": "bool", "default": True},
            "look": {"type": "bool", "default": True},
            "probe": {"type": "bool", "default": True},
            "unclaimed": {"type": "bool", "default": False},
            "whatever": {"type": "bool", "default": False},
            "any_version": {"type": "bool", "default": False},
            "unreachable_fails": {"type": "bool", "default": False},
            "seen": {"type": "dict"},
            "key": {"type": "dict", "no_log": False},
            "administered": {"type": "bool"},
            "open_signup": {"type": "bool", "default": False},
            "new_image": {"type": "bool", "default": False},
            "former_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "disabled": {"type": "bool"},
            "lost_secret": {
                "type": "str",
                "choices": list(LOST_SECRET),
                "default": "replace_unused",
                "no_log": False,
            },
            "parts": {"type": "list", "elements": "str", "choices": list(PARTS)},
            "needs": {"type": "list", "elements": "str", "choices": list(NEEDS), "default": []},
            "fresh": {"type": "bool", "default": False},
            "report_changes": {"type": "bool", "default": False},
        },
        "supports_check_mode": True,
    }


def usage_info_spec() -> dict[str, t.Any]:
    """Arguments of AnsibleModule for openrouter_usage_info."""
    return {
        "argument_spec": {
            **_common(),
            "name": {"type": "str"},
            "hash": {"type": "str"},
            "name_prefix": {"type": "str"},
            "workspace_id": {"type": "str"},
            "activity": {"type": "bool", "default": True},
            "date": {"type": "str"},
            "user_id": {"type": "str"},
        },
        "mutually_exclusive": [("name", "hash", "name_prefix")],
        "supports_check_mode": True,
    }
