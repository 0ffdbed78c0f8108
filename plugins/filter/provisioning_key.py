# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provisioning key, for a task that hands it on."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import options
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption


def provisioning_key(given: str) -> str:
    """From the variable, else the environment, else the file that it names."""
    try:
        return options.provisioning_key(given, os.environ)
    except InvalidOption as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"provisioning_key": provisioning_key}
