# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL that runs beside an instance, as a service of the client's own Compose project: up, to be asked."""

from __future__ import annotations

import os

from ansible_collections.mai.clients.plugins.module_utils._database_base import DatabaseError
from ansible_collections.mai.clients.plugins.module_utils._instance import folder, system
from ansible_collections.mai.clients.plugins.module_utils._instance.place import Place

# Under a lock: a database that recovers for longer is waited for by the next run
_PATIENCE = 600


def up(place: Place, client: str, anew: bool, pretend: bool) -> bool:
    """Whether something was started, or would be. What is not the client's own is left as it is.

    Where it does not come up, whoever asks it next says so.
    """
    directory, service = place.directory, place.container
    ours = folder.directory(directory, client, None)["managed"]
    if not service or not ours or not os.path.lexists(os.path.join(directory, "compose.yml")):
        return False
    rests = _rests(place)
    if pretend:
        return rests or anew
    added = folder.override(directory)
    files = ["compose.yml", *([added["name"]] if added else [])]
    argv = ["docker", "compose", f"--project-directory={directory}"]
    argv += [f"--file={os.path.join(directory, name)}" for name in files]
    argv += ["up", "--detach", "--wait", "--quiet-pull", "--force-recreate" if anew else "--no-recreate", service]
    return system.run(*argv, timeout=_PATIENCE).ok and (rests or anew)


def _rests(place: Place) -> bool:
    try:
        place.running()
    except DatabaseError as error:
        return error.reason == "stopped"
    return False
