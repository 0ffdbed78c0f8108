# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks that change a client decide and say: one filter for each, before it is done and after."""

from __future__ import annotations

import os
import pathlib
import typing as t
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job
from ansible_collections.mai.clients.plugins.plugin_utils._plan import offboarding as ending
from ansible_collections.mai.clients.plugins.plugin_utils._plan import rotation as rotating
from ansible_collections.mai.clients.plugins.plugin_utils._plan import suspension as suspending
from ansible_collections.mai.clients.plugins.plugin_utils._plan import upgrade as upgrading
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

Values = t.Mapping[str, t.Any]
Keys = t.Sequence[Values]

OFFBOARDED = pathlib.Path(__file__).parents[2] / "roles" / "handover" / "templates" / "OFFBOARDED.md.j2"


def rotation(seen: Values, client: Values, keys: Keys, asked: Values, done: Values | None = None) -> dict[str, t.Any]:
    now = datetime.now(timezone.utc)
    return rotating.rotation(plain(seen), plain(client), plain(keys), plain(asked), now, plain(done))


def upgrade(
    seen: Values, client: Values, keys: Keys | None, asked: Values, done: Values | None = None
) -> dict[str, t.Any]:
    return upgrading.upgrade(plain(seen), plain(client), plain(keys), plain(asked), plain(done))


def suspension(
    seen: Values, client: Values, plan: Values, key: Values, asked: Values, done: Values | None = None
) -> dict[str, t.Any]:
    return suspending.suspension(plain(seen), plain(client), plain(plan), plain(key), plain(asked), plain(done))


def offboarding(seen: Values, client: Values, keys: Keys, asked: Values, done: bool = False) -> dict[str, t.Any]:
    template = OFFBOARDED.read_text(encoding="utf-8")
    kept = not in_job(os.environ)
    return ending.offboarding(plain(seen), plain(client), plain(keys), plain(asked), template, done, kept)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rotation": rotation, "upgrade": upgrade, "suspension": suspension, "offboarding": offboarding}
