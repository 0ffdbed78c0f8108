# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make setup leaves: Ansible compiled once, not by each of its starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import ansible


def test_what_ansible_imports_is_compiled():
    modules = [
        path for path in Path(ansible.__file__).parent.rglob("*.py") if "test" not in path.parts and path.stat().st_size
    ]
    missing = [str(path) for path in modules if not Path(importlib.util.cache_from_source(path)).exists()]
    assert len(modules) > 300
    assert missing == []
