# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are taken first."""

from __future__ import annotations

import pytest

from tests.order import longest_first

LONGEST = (
    *("day_two/test_rotate.py", "day_two/test_offboard.py", "onboarding/test_lost_key.py"),
    *("onboarding/test_interrupted.py", "day_two/test_diagnose.py", "onboarding/test_two_runs.py"),
    *("openrouter_key/test_openrouter_key.py", "day_two/test_suspend.py", "secrets/test_secrets.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    longest_first(items, LONGEST)
