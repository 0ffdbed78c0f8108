# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order files of tests are taken: each worker takes whole files, and all are to end at the same time."""

from __future__ import annotations

import pytest


def longest_first(items: list[pytest.Item], names: tuple[str, ...]) -> None:
    """Files that end with these names first, in that order; the others after them, as they came."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((number for number, name in enumerate(names) if path.endswith(f"/{name}")), len(names))

    items.sort(key=place)
