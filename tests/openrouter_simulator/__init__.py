# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of OpenRouter's API: stateful, with faults to order. Its README.md says how to use it."""

from __future__ import annotations

from tests.openrouter_simulator.control_client import Control
from tests.openrouter_simulator.server import Simulator

__all__ = ["Control", "Simulator"]
