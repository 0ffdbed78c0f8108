# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """What all openrouter_* modules have in common."""

    DOCUMENTATION = r"""
options:
  provisioning_key:
    description:
      - The agency's management key (older name, provisioning key) at OpenRouter.
      - It never leaves the controller or execution environment.
      - Without it, or when it is empty, the environment variable E(OPENROUTER_PROVISIONING_KEY) of the controller is
        used, else the content of the file that E(OPENROUTER_PROVISIONING_KEY_FILE) names on the controller.
    type: str
  base_url:
    description:
      - URL of OpenRouter's API.
      - Without it, or when it is empty, the environment variable E(OPENROUTER_BASE_URL) of the controller is used, else
        V(https://openrouter.ai/api/v1).
    type: str
  timeout:
    description:
      - Seconds to wait for the connection and for each part of an answer.
      - A request as a whole takes no longer than three times as many.
    type: float
    default: 20.0
  retries:
    description:
      - How often a request that failed is repeated, with growing pauses, or after the time for which OpenRouter asks.
      - A creation is never repeated blindly.
      - All pauses and failed attempts of a task together take no longer than about two minutes.
    type: int
    default: 5
requirements:
  - httpx >= 0.27 (in the Python that runs Ansible, on the controller or in the execution environment)
notes:
  - Runs on the controller, in Ansible's own process, whatever the host of the play. There is no need to delegate.
  - The keyword C(environment) of a task is not seen by it, and is refused for names that begin with E(OPENROUTER_).
"""

    ATTRIBUTES = r"""
attributes:
  action_group:
    description:
      - Use C(group/mai.clients.openrouter) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - mai.clients.openrouter
  async:
    description:
      - Supports being used with the C(async) keyword.
    support: none
"""

    INFO = r"""
attributes:
  check_mode:
    description:
      - Can run in C(check_mode) and return changed status prediction without modifying anything.
    support: full
    details:
      - This module does not change anything.
  diff_mode:
    description:
      - Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: N/A
    details:
      - This module does not change anything.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - This module does not change anything.
"""
