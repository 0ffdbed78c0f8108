# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a call of OpenRouter goes wrong: orders for the simulator."""

from __future__ import annotations

import json
import typing as t

from tests.faults.world import MARKER, World


class Call(t.NamedTuple):
    scenario: str
    method: str
    path: str = ""
    skip: int = 0
    always: bool = False  # also failing for good, with the next run without the lock


# What is answered: the fields of the fault, and what a failed run must say.
REFUSED = ("400", "401", "403", "404", "409")
LOST = {
    "429": ({"kind": "status", "status": 429}, "answered 429"),
    "429 with Retry-After": ({"kind": "status", "status": 429, "retry_after": 7}, "answered 429"),
    **{status: ({"kind": "status", "status": int(status)}, f"answered {status}") for status in ("500", "502", "503")},
    "cut": ({"kind": "cut"}, "connection broke off"),
    "hang": ({"kind": "hang"}, "no answer in time"),
    "not JSON": ({"kind": "garbage"}, "not JSON"),
    "HTML with 200": ({"kind": "html", "status": 200}, "not JSON"),
    "truncated": ({"kind": "truncated"}, "connection broke off"),
    "late": ({"kind": "hold"}, "no answer in time"),  # takes effect when the run is over
}
OUTCOMES = {
    **{status: ({"kind": "status", "status": int(status)}, f"answered {status}") for status in REFUSED},
    **LOST,
}
SHORT = {"hang": 0.3, "late": 0.3}  # seconds of patience where none comes


def answer(status: int) -> str:
    """The body of a refusal: what OpenRouter says of it, and what nobody may repeat."""
    said = f"No, said OpenRouter to {{authorization}} with {status}"
    return json.dumps({"error": {"code": status, "message": said}, "more": f"{MARKER} {{authorization}}"})


def plant(world: World, call: Call, outcome: str, when: str, times: str) -> int:
    fields = dict(OUTCOMES[outcome][0])
    if fields["kind"] == "status":
        fields["body"] = answer(fields["status"])
    elif fields["kind"] == "garbage":
        fields["body"] = f"<p>{MARKER} {{authorization}} {{response}}"
    return world.control.fault(
        method=call.method,
        path=call.path,
        skip=call.skip,
        when=when,
        times=1 if times == "once" else None,
        **fields,
    )
