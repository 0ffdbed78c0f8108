# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two URLs of an API are the same: slashes at the end make no difference. Open WebUI leaves one out by itself."""

from __future__ import annotations

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256


def bare(url: str) -> str:
    return url.rstrip("/")


def same_url(one: str, other: str) -> bool:
    return bare(one) == bare(other)


def hashes_of_url(url: str) -> set[str]:
    """The SHA-256 that the URL can have where somebody has written it down: as it is, without a slash and with one."""
    return {sha256(url), sha256(bare(url)), sha256(bare(url) + "/")}
