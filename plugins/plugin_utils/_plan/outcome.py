# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a client in a run over many, in one line.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown

Values = t.Mapping[str, t.Any]

# What stands in the way of a run, as the list names it; everything else failed
STATES = ("unreachable", "unanswered", "busy")
LONGEST = 4000


def outcome(result: Values | None, check_mode: bool) -> str:
    """``result`` has C(changes) of a run that went to its end, or C(state) and C(reason) of one that did not."""
    if not result:
        return "unreachable: its machine did not answer to the end"
    if "reason" in result:
        state = result.get("state")
        return f"{state if state in STATES else 'failed'}: {shown(' '.join(str(result['reason']).split()), LONGEST)}"
    done = "would change" if check_mode else "changed"
    what = f"{done}: {', '.join(result['changes'])}" if result["changes"] else "unchanged"
    return f"{what}; image differs: run upgrade_client.yml" if result["keeps_image"] else what
