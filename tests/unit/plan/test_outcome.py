# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a client in a run over many."""

from __future__ import annotations

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.outcome import outcome

UNCHANGED = {"changes": [], "keeps_image": False}
CHANGED = {"changes": ["key (limit)", "hand-over"], "keeps_image": False}


UNREACHABLE = {"state": "unreachable", "reason": "the machine x does not answer"}
BUSY = {"state": "busy", "reason": "Another run is changing this client"}
IMAGE = "image differs: run upgrade_client.yml"


@pytest.mark.parametrize(
    ("result", "check_mode", "line"),
    [
        (UNCHANGED, False, "unchanged"),
        (UNCHANGED, True, "unchanged"),
        (CHANGED, False, "changed: key (limit), hand-over"),
        (CHANGED, True, "would change: key (limit), hand-over"),
        ({**UNCHANGED, "keeps_image": True}, False, f"unchanged; {IMAGE}"),
        ({**CHANGED, "keeps_image": True}, False, f"changed: key (limit), hand-over; {IMAGE}"),
        ({}, False, "unreachable: its machine did not answer to the end"),
        (None, False, "unreachable: its machine did not answer to the end"),
        (UNREACHABLE, False, "unreachable: the machine x does not answer"),
        (BUSY, False, "busy: Another run is changing this client"),
        ({"state": "unanswered", "reason": "OpenRouter is gone"}, False, "unanswered: OpenRouter is gone"),
        ({"state": "refused", "reason": "Correct:\n- one\n- two"}, True, "failed: Correct: - one - two"),
        ({"state": "started", "reason": "as a module calls it"}, False, "failed: as a module calls it"),
        ({"reason": "a\x1b[31mb"}, False, "failed: a␛[31mb"),
    ],
)  # fmt: skip
def test_one_line(result, check_mode, line):
    assert outcome(result, check_mode) == line
