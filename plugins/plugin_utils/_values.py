# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's values as Python's own.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

# What Ansible would take for a template
TEMPLATES = ("{{", "{%", "{#")


def is_template(value: t.Any) -> bool:
    return isinstance(value, str) and any(mark in value for mark in TEMPLATES)


def plain(value: t.Any) -> t.Any:
    """Without what Ansible attaches to its values (their origin, for one): a thousand of them are slow to copy."""
    if isinstance(value, t.Mapping):
        return {plain(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
