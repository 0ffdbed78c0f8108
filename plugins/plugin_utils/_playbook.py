# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the collection's playbooks are called where this is.

This is private to the collection.
"""

from __future__ import annotations

import os

ROOT = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir)


def playbook(name: str, root: str = ROOT) -> str:
    """By its file in a clone, which alone has an ansible.cfg; by its full name where the collection was installed."""
    return f"playbooks/{name}.yml" if os.path.exists(os.path.join(root, "ansible.cfg")) else f"mai.clients.{name}"
