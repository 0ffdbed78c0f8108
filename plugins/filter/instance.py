# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks of the role instance need of its plan's own functions."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import settings_file, upgrade_faults


def instance_settings(client: t.Mapping[str, t.Any], plan: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Extra settings may be secrets, so the plan itself does not hold them; but it knows which name is served."""
    return settings_file({**client, "mai_fqdn": plan["fqdn"]}, plan["bind"], plan["open_signup"])


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"instance_settings": instance_settings, "upgrade_faults": upgrade_faults}
