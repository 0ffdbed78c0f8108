#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_process
short_description: Start and stop a native instance where no systemd looks after it
version_added: 0.1.0
description:
  - Starts C(start-mai-instance.sh --keep) of a client's directory as a background process, and stops it again. That
    starts the instance, again whenever it fails, after 1 second, then 2, then 4, up to a minute.
  - The process's number is in C(instance.pid), its output in C(instance.log), of which no more than 3 MiB are kept,
    and as much in C(instance.log.1).
  - Only a process that belongs to the directory is ever stopped, whatever the number in C(instance.pid) says.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's directory on the target.
    type: path
    required: true
  state:
    description: V(started) and V(stopped) do nothing where it is so already; V(restarted) always does.
    type: str
    choices: [started, stopped, restarted]
    default: started
  stop_timeout:
    description: Seconds that the process has to end by itself, open streams of answers being finished first.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: O(state=restarted) always restarts.
"""

EXAMPLES = r"""
- name: Stop the instance
  mai.clients.instance_process:
    deployment_dir: /opt/mai/deployments/client-company-abc
    state: stopped
"""

RETURN = r"""
pid:
  description: Number of the process, null when it is stopped.
  returned: always
  type: int
  sample: 4711
"""

import contextlib
import os
import signal
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance import native, system


def _stop(pid: int, timeout: int) -> None:
    """Ask the process to end; after the time that it has for that, end its whole session."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _ended(pid, timeout):
            os.killpg(pid, signal.SIGKILL)
            _ended(pid, 5)


def _ended(pid: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while system.is_running(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


# A session of its own: the connection's end must not end it. In the background of a shell, setsid keeps its number.
_START = """
umask 077
[ -x ./start-mai-instance.sh ] || { echo "it is missing or not executable" >&2; exit 1; }
setsid ./start-mai-instance.sh --keep < /dev/null >> instance.log 2>&1 &
echo $! | tee instance.pid
"""


def _start(module: AnsibleModule, directory: str) -> int:
    code, output, error = module.run_command(["/bin/sh", "-c", _START], cwd=directory)
    if code != 0:
        module.fail_json(msg=f"{directory}/start-mai-instance.sh cannot be started: {error.strip()}.")
    return int(output)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deployment_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped", "restarted"], "default": "started"},
            "stop_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    directory, state = module.params["deployment_dir"], module.params["state"]
    process = native.process(directory)
    pid = process["pid"] if process and process["running"] else None

    stop = pid is not None and state in ("stopped", "restarted")
    start = state != "stopped" and (pid is None or stop)
    if not module.check_mode:
        if stop:
            _stop(pid, module.params["stop_timeout"])
            pid = None
        pid = _start(module, directory) if start else pid
    module.exit_json(changed=stop or start, pid=pid)


if __name__ == "__main__":
    main()
