# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local connection, which breaks as soon as data is sent: before or after the command has run."""

from __future__ import annotations

import os

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: cut_local
short_description: A connection that breaks
description: For tests.
author: The mai.clients team
version_added: 0.1.0
options:
  pipelining:
    type: bool
    default: false
"""


class Connection(Local):
    transport = "cut_local"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        cut = os.environ["TEST_CUT"] if in_data else ""
        result = None if cut == "before" else super().exec_command(cmd, in_data, sudoable)
        if cut:
            raise AnsibleConnectionFailure("Shared connection closed.")
        return result
