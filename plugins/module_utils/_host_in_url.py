# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of both families, as a URL has them."""

from __future__ import annotations

import ipaddress

LOOPBACK = "127.0.0.1"
EVERYWHERE, EVERYWHERE_6 = "0.0.0.0", "::"
# What listens there is asked here by its own machine. Docker binds :: on IPv6 alone.
_ASKED_AT = {EVERYWHERE: LOOPBACK, "": LOOPBACK, EVERYWHERE_6: "::1"}


def canonical(bind: str) -> str:
    """An address as it is written shortest, an IPv4 address as one; what is none as it is."""
    try:
        address = ipaddress.ip_address(bind)
    except ValueError:
        return bind
    return str(getattr(address, "ipv4_mapped", None) or address)


def family(host: str) -> int | None:
    """4 or 6; None for a name."""
    try:
        return ipaddress.ip_address(str(host).strip("[]").partition("%")[0]).version
    except ValueError:
        return None


def host_in_url(host: str) -> str:
    """An IPv6 address is in brackets there."""
    host = host.strip("[]")
    return f"[{host}]" if ":" in host else host


def asked_at(bind: str) -> str:
    """Where the machine itself asks what listens at that address, as a URL has it."""
    return host_in_url(_ASKED_AT.get(bind, bind))


def is_everywhere(bind: str) -> bool:
    return bind in _ASKED_AT


def is_loopback(bind: str) -> bool:
    return bind.startswith("127.") or bind == "::1"
