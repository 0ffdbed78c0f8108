# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of httpx that goes the way that the environment says.

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import typing as t

from . import environment

# Whoever calls has said by now that it is missing
with contextlib.suppress(ImportError):
    import httpx


def connection(
    way: environment.Proxy | None, transport: httpx.BaseTransport | None, *, verify: bool = True, **options: t.Any
) -> httpx.Client:
    """With what the environment says; a netrc file's password for that host is not used."""
    if transport:
        return httpx.Client(transport=transport, trust_env=False, **options)
    context: t.Any = False
    if verify:
        context = None
        with contextlib.suppress(OSError, ValueError):
            context = httpx.create_ssl_context()
        if context is None:
            raise environment.certificate_fault()
    try:
        return httpx.Client(proxy=way.url if way else None, verify=context, trust_env=False, **options)
    except (ValueError, httpx.InvalidURL):  # its words may quote a password
        if way is None:
            raise
        raise environment.unreadable(way) from None
