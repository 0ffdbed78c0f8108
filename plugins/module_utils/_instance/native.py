# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance without a container: its systemd unit, or the process that instance.pid names."""

from __future__ import annotations

import os

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._instance import folder, system

# With it start-mai-instance.sh starts the instance again whenever it ends
KEEP = "--keep"
_PROPERTIES = "NRestarts,LoadState,ActiveState,SubState,MainPID,ActiveEnterTimestampMonotonic,FragmentPath,InvocationID"


def unit(service: str, client: str) -> tuple[dict | None, dict[str, str]]:
    """The unit (None where no systemd runs), and systemd's own words about it."""
    if not system.has_systemd():
        return None, {}
    answer = system.run("systemctl", "show", service + ".service", "--property=" + _PROPERTIES)
    words = system.properties(answer.output)
    exists = answer.ok and words.get("LoadState") not in (None, "not-found")
    words["client"] = folder.labelled_client(system.read_text(words.get("FragmentPath") or os.devnull)) or ""
    entered = int(words.get("ActiveEnterTimestampMonotonic") or 0)
    return {
        "exists": exists,
        "managed": exists and words["client"] == client,
        "active_state": words.get("ActiveState") if exists else None,
        "sub_state": words.get("SubState") if exists else None,
        "main_pid": int(words.get("MainPID") or 0) or None,
        "restarts": int(words.get("NRestarts") or 0),
        "since": system.since_boot(entered / 1e6) if entered else None,
    }, words


def process(directory: str) -> dict | None:
    text = (_own_file.read_text(os.path.join(directory, "instance.pid")) or "").strip()
    # More digits than Linux has processes are no number of one
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    pid = int(text)
    running = system.is_running(pid) and system.belongs_to(pid, directory)
    main = pid if running else None
    restarts = 0
    arguments = system.arguments(pid) if running else []
    if arguments[-1:] == [KEEP]:
        # A shell first, which reads its own script by a child
        main = next(iter(system.children(pid)), None) if "-c" in arguments else None
        counted = (_own_file.read_text(os.path.join(directory, "instance.restarts")) or "").strip()
        restarts = int(counted) if counted.isdigit() and len(counted) < 10 else 0
    return {
        "pid": pid,
        "running": running,
        "main_pid": main,
        "restarts": restarts,
        "started_at": system.started_at(main) if main else None,
    }


def log(directory: str, service: str, invocation: str) -> tuple[int, str]:
    """Number of lines (of the journal: since the last start), and the last 20 of all; of a long log, of its end."""
    text = _own_file.read_text(os.path.join(directory, "instance.log"))
    if text is not None:
        return text.count("\n"), "".join(text.splitlines(True)[-20:])
    if not invocation:
        return 0, ""
    journal = ("journalctl", "--quiet", "--no-pager", "--output=cat")
    tail = system.run(*journal, "--unit=" + service + ".service", "--lines=20")
    since = system.run(*journal, "_SYSTEMD_INVOCATION_ID=" + invocation, f"--lines={system.MOST_LINES}")
    return since.output.count("\n"), tail.output
