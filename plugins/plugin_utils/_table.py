# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table in a terminal.

This is private to the collection.
"""

from __future__ import annotations

import typing as t


def table(rows: t.Sequence[t.Sequence[str]], indent: str = "  ") -> list[str]:
    """The lines of it, its headings being the first row; cells are what may be shown already."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
