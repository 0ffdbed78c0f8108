# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who changed a client last, in its hand-over: told there, but no difference by itself."""

from __future__ import annotations

# As roles/handover/templates/HANDOVER.md.j2 has it; no other line begins so, since values in it are escaped
ROW = "| changed by job |"


def without_stamp(record: str) -> str:
    """Return the record as it would be without a job."""
    return "".join(line for line in record.splitlines(True) if not line.startswith(ROW))
