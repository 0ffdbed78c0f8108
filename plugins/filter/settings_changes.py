# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of an instance differ, by name: values may be secrets, so only their hashes are compared."""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._envfile import to_text
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256


def settings_changes(
    wanted: t.Mapping[str, t.Any], seen: t.Mapping[str, str], ignored: t.Sequence[str] = ()
) -> dict[str, list[str]]:
    """Names of settings to be added, changed and removed; ``seen`` maps names to SHA-256 of values."""
    hashes = {
        name: sha256(to_text(value)) for name, value in wanted.items() if value is not None and name not in ignored
    }
    old = {name: digest for name, digest in seen.items() if name not in ignored}
    return {
        "added": sorted(set(hashes) - set(old)),
        "changed": sorted(name for name in set(hashes) & set(old) if hashes[name] != old[name]),
        "removed": sorted(set(old) - set(hashes)),
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"settings_changes": settings_changes}
