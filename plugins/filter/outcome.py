# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a client in a run over many."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._plan.outcome import outcome


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"outcome": outcome}
