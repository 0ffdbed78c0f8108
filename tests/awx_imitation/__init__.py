# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An imitation of the REST API of AWX 24.6.1, in memory. Its README.md says what it can."""

from __future__ import annotations

from tests.awx_imitation.server import Awx

__all__ = ["Awx"]
