# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages name a playbook as it can be called where they are read."""

from __future__ import annotations

import pathlib

from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook


def test_by_its_file_in_a_clone_and_by_its_name_where_it_was_installed(tmp_path: pathlib.Path) -> None:
    assert playbook("site") == "playbooks/site.yml"
    assert playbook("site", str(tmp_path)) == "mai.clients.site"
