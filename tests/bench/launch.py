# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""launch.py FIGURES OUTPUT COMMAND…: runs the command, its output in one file, what it cost in another.

A process of its own because of the memory: a command inherits the peak of whoever started it, so that has to be
something small. Hence no import that is not needed.
"""

from __future__ import annotations

import json
import os
import sys
import time


def busy_seconds() -> float:
    """What all of the machine's cores have worked so far, for whomever."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _waiting, *interrupts = map(int, file.readline().split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    figures, output, *command = sys.argv[1:]
    busy = busy_seconds()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.execv(command[0], command)
    _pid, status, used = os.wait4(pid, 0)
    seconds = time.monotonic() - started
    cpu_seconds = used.ru_utime + used.ru_stime
    others = max(busy_seconds() - busy - cpu_seconds, 0)
    measured = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        # How much of the machine worked for somebody else meanwhile: the simulator, and what should not be there.
        "others_share": others / (seconds * (os.cpu_count() or 1)),
        # Of the largest process: the command itself, or one that it waited for. Linux counts in KiB.
        "peak_kib": used.ru_maxrss,
    }
    with open(figures, "w", encoding="utf-8") as file:
        json.dump(measured, file)


if __name__ == "__main__":
    main()
