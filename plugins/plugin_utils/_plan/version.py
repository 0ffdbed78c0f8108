# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an inventory was checked for what this version of the collection changes, and what to say where it was not.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible.utils.version import SemanticVersion
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._breaking_changes import Change

Values = t.Mapping[str, t.Any]


def parsed(version: t.Any) -> SemanticVersion | None:
    """None for what is no version."""
    if not isinstance(version, str) or not version:
        return None
    try:
        return SemanticVersion(version)
    except ValueError:
        return None


def fault(validated: t.Any, current: str) -> str:
    """What is wrong with mai_validated_version, as the rest of a sentence that names it; empty if nothing is."""
    if validated is None or validated == "":
        return ""
    given = parsed(validated)
    if given is None:
        return f": give the version of mai.clients that this inventory was checked for, as '{current}' (in quotes)"
    if given > SemanticVersion(current):
        return (
            f", and the collection mai.clients here is {current}, which is older: update the collection, or, if "
            f"the inventory was checked for it, set mai_validated_version to '{current}'"
        )
    return ""


def undecided(
    client: Values, directory: Values | None, changes: t.Sequence[Change], current: str
) -> t.Sequence[Change]:
    """The changes about which somebody has to decide before anything of the client is changed.

    ``directory`` is that of the client as the look found it, None before there was one. An inventory that does not say
    what it was checked for was right for what made the client: a client that is yet to be made is not held up.
    """
    since = parsed(client["mai_validated_version"])
    if since is None:
        if directory is None or not directory["managed"]:
            return ()
        # One that does not say which version made it is older than all of them
        since = parsed(directory["made_by"])
    return [
        change
        for change in changes
        if (since is None or SemanticVersion(change.version) > since)
        and SemanticVersion(change.version) <= SemanticVersion(current)
        and all(client[name] in values for name, values in change.concerns.items())
    ]


def sentence(client: Values, directory: Values | None, changes: t.Sequence[Change], current: str) -> str:
    """What changed, and how to go on; empty where nothing has to be decided."""
    if not changes:
        return ""
    if client["mai_validated_version"]:
        before = f"this inventory was validated for {shown(client['mai_validated_version'])}"
    elif directory and directory["made_by"]:
        before = f"the client was made by {shown(directory['made_by'])}"
    else:
        before = "the client was made by an older version"
    listed = "".join(f"\n- {change.version}: {change.what} {change.how}" for change in changes)
    return (
        f"mai.clients is {current} by now, and {before}. What changed meanwhile needs a decision:{listed}\n"
        f"To go on, see to each of these, then set mai_validated_version: '{current}' in the inventory, for all "
        "clients in group_vars/mai_clients or for this one in its host_vars, and run again."
    )
