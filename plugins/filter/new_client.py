# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a client that was to be added to an inventory, and what there is to do next."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook


def new_client_words(added: t.Mapping[str, t.Any], sources: t.Sequence[str], check: bool = False) -> str:
    if "client" not in added:  # whoever was asked left
        return "Nothing was written."
    slug = shown(added["client"])
    lines = [shown(note) for note in added["notes"] if added["changed"]]
    if not added["changed"]:
        lines.append(f"{slug} is in the inventory already, and nothing was changed.")
    elif check:
        lines.append(f"{slug} would be added to the inventory:")
    else:
        lines.append(f"{slug} was added to the inventory:")
    lines += [f"  {shown(path)}" for path in added["files"]]
    if not check and added.get("in_job"):
        lines.append(f"next: launch the job template of playbooks/onboard_client.yml with client: {slug}")
    elif not check:
        inventory = " ".join(f"-i {shlex.quote(str(source))}" for source in sources)
        lines.append(f"next: ansible-playbook {inventory} {playbook('onboard_client')} -e client={slug}")
    return "\n".join(lines)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"new_client_words": new_client_words}
