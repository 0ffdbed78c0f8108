# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options in plugins/module_utils/_instance/options.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  client:
    description: The client's slug, for example V(company-abc).
    type: str
    required: true
  service:
    description:
      - Name of the container and of the systemd unit.
      - Defaults to V(mai-) and the slug without its dashes, for example V(mai-companyabc).
    type: str
  deployment_dir:
    description: The client's deployment directory on the target.
    type: path
    required: true
"""

    HEALTH = r"""
options:
  health_path:
    description: Path on the instance that answers with HTTP 200 when it is healthy.
    type: str
    default: /health
"""
