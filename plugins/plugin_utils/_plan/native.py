# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a native instance runs.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

Values = t.Mapping[str, t.Any]
# Linux has names of at most 32 characters
_LONGEST = 32


def own_user(service: str) -> str:
    """The user of the machine that is this client's alone."""
    return service if len(service) <= _LONGEST else f"{service[: _LONGEST - 9]}-{sha256(service)[:8]}"


def user(client: Values, seen: Values, service: str) -> str | None:
    """As whom it runs; None for whoever starts it, which is root where the connection is."""
    if client["mai_deployment"] != "native" or not seen["machine"]["root"] or client["mai_native_user"] == "root":
        return None
    return client["mai_native_user"] or own_user(service)


def directory_mode(named: str | None) -> str:
    """Of the client's directory: that user goes through it to the data, and can read nothing else there."""
    return "0710" if named else "0700"
