# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which the modules on the machine are told which instance they are about."""

from __future__ import annotations

from typing import Any

INSTANCE_OPTIONS: dict[str, Any] = {
    "client": {"type": "str", "required": True},
    "service": {"type": "str"},
    "deployment_dir": {"type": "path", "required": True},
}
HEALTH_OPTIONS: dict[str, Any] = {"health_path": {"type": "str", "default": "/health"}}


def service_of(params: dict[str, Any]) -> str:
    return params["service"] or "mai-" + params["client"].replace("-", "")
