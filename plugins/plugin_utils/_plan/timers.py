# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timer of a client's own on its machine: its units, and whether they are as they are wanted.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

Values = t.Mapping[str, t.Any]

_HEAD = """\
# mai.clients.client: {client}
# Made by the collection mai.clients. The next run overwrites changes made by hand.
[Unit]
Description={description}
"""
# Whoever corrected a cause may try again at once, however often it has failed
_SERVICE = """\
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -B "{program}"
TimeoutStartSec={longest}
TimeoutStopSec=60
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=true
PrivateTmp=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectControlGroups=true
RestrictRealtime=true
"""
_TIMER = """
[Timer]
{when}
Persistent=true

[Install]
WantedBy=timers.target
"""


def service(client: str, description: str, program: str, longest: str) -> str:
    return _head(client, description) + _SERVICE.format(program=program.replace("%", "%%"), longest=longest)


def timer(client: str, description: str, **when: str) -> str:
    lines = "\n".join(f"{name}={value}" for name, value in when.items())
    return _head(client, description) + _TIMER.format(when=lines)


def _head(client: str, description: str) -> str:
    return _HEAD.format(client=client, description=description.format(client=client))


def differs(found: Values, program: str, units: Values) -> t.Iterator[str]:
    """How what is set up is not as it is wanted; ``program`` is the text of what the timer starts."""
    if found["program"] != sha256(program):
        yield "its program"
    if any(found["units"].get(end) != sha256(text) for end, text in units.items()):
        yield "its time"
    elif not found["timer_active"]:
        yield "its timer is not active"
