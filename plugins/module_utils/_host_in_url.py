# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of both families, as a URL has them."""

from __future__ import annotations

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
# What listens there is asked here by its own machine. Docker binds :: on IPv6 alone.
_ASKED_AT = {EVERYWHERE: LOOPBACK, "": LOOPBACK, "::": "::1"}


def host_in_url(host: str) -> str:
    """An IPv6 address is in brackets there."""
    return f"[{host}]" if ":" in host else host


def asked_at(bind: str) -> str:
    """Where the machine itself asks what listens at that address, as a URL has it."""
    return host_in_url(_ASKED_AT.get(bind, bind))


def is_everywhere(bind: str) -> bool:
    return bind in _ASKED_AT


def is_loopback(bind: str) -> bool:
    return bind.startswith("127.") or bind == "::1"
