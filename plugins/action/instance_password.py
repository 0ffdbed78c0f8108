# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mai.clients.plugins.plugin_utils._brings_password import BringsPassword


class ActionModule(BringsPassword):
    """Documented in plugins/modules/instance_password.py."""

    module = "mai.clients.instance_password"
    option = "password"
