# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task tells while it runs."""

from __future__ import annotations

import time

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils import _action


@pytest.mark.parametrize(("ran", "pause", "told"), [(0.0, 1.0, False), (0.0, 9.0, True), (20.0, 1.0, True)])
def test_waiting_is_told(monkeypatch: pytest.MonkeyPatch, ran: float, pause: float, told: bool) -> None:
    """Also a short pause, when the attempts before it took long."""
    warnings: list[str] = []
    monkeypatch.setattr(_action.display, "warning", warnings.append)
    action = _action.OpenRouterAction.__new__(_action.OpenRouterAction)
    action._started = time.monotonic() - ran
    action._tell_wait(pause, "OpenRouter answered 502.")
    assert [f"Waiting {pause:.0f} s" in text and "502" in text for text in warnings] == [True] * told
