# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time per client: a file on the target that says who changes it, and since when."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import posixpath
import shlex
import socket
import time
import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.modules.client_lock import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job, job_value
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal

# Exit codes of the scripts below
HELD_BY_ANOTHER = 75

# $1 lock file, $2 our line. A lock appears whole or not at all: link(2) fails when the name exists.
TAKE = f"""
set -u; umask 077; lock=$1; line=$2; dir=${{lock%/*}}
mkdir -p "$dir" || exit 1
new=$(mktemp "$dir/.new.XXXXXX") || exit 1
printf '%s\\n' "$line" > "$new" || exit 1
if ln "$new" "$lock" 2>/dev/null; then rm -f "$new"; exit 0; fi
rm -f "$new"; cat "$lock"; exit {HELD_BY_ANOTHER}
"""

# $1 lock file, $2 our line, $3 the line that was seen, $4 a name only those who saw that line share. Whoever makes the
# directory of that name may replace the lock, and only while it still holds what was seen.
TAKE_OVER = f"""
set -u; umask 077; lock=$1; line=$2; seen=$3; claim="$lock.claim-$4"
mkdir "$claim" 2>/dev/null || exit {HELD_BY_ANOTHER}
trap 'rm -rf "$claim"' EXIT
[ "$(cat "$lock" 2>/dev/null)" = "$seen" ] || {{ cat "$lock" 2>/dev/null; exit {HELD_BY_ANOTHER}; }}
printf '%s\\n' "$line" > "$claim/new" && mv -f "$claim/new" "$lock"
"""

# $1 lock file, $2 run
RELEASE = """
set -u; lock=$1
[ -e "$lock" ] || exit 0
case "$(cat "$lock")" in *"\\"run\\": \\"$2\\""*) rm -f "$lock" ;; esac
"""

LOOK = f"""[ -e "$1" ] || exit 0; cat "$1"; exit {HELD_BY_ANOTHER}"""


def _machine() -> str:
    """Tells this controller (or this container of an execution environment) from every other."""
    parts = [socket.gethostname()]
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            with open(path, encoding="ascii") as file:
                parts.append(file.read().strip())
        except OSError:
            continue
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _started(pid: int) -> str | None:
    """When a process started, in a form that differs when the number is used again; None when there is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return "?"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class Owner:
    """Who holds a lock."""

    def __init__(self, values: t.Mapping[str, t.Any]) -> None:
        self.values = values

    @classmethod
    def this_run(cls, variables: t.Mapping[str, t.Any]) -> Owner:
        pid = os.getppid()  # tasks run in workers, whose parent is the run itself
        job = in_job(os.environ)
        # In a job the user of this process and the name of its container say nothing
        user = job_value(variables, "user_name") or job_value(variables, "schedule_name") if job else ""
        return cls(
            {
                "run": os.path.basename(C.DEFAULT_LOCAL_TMP),
                "machine": _machine(),
                "pid": pid,
                "started": _started(pid),
                "who": user or f"{_user()} on {socket.gethostname()}",
                "job": os.environ.get("JOB_ID") or None,
                "template": job_value(variables, "job_template_name") if job else "",
                "since": int(time.time()),
            }
        )

    @classmethod
    def parse(cls, line: str) -> Owner:
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        return cls(values if isinstance(values, dict) else {})

    def line(self) -> str:
        return json.dumps(self.values, sort_keys=True)

    def abandoned(self, max_age: int) -> bool:
        """Whether nobody can be working under this lock any more."""
        try:
            if self.values["machine"] == _machine():
                return _started(int(self.values["pid"])) != self.values["started"]
            return time.time() - int(self.values["since"]) > max_age
        except (KeyError, TypeError, ValueError):
            return True  # not written by us in full: nobody can hold it

    def __str__(self) -> str:
        since = self.values.get("since")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since)) if isinstance(since, int) else "an unknown time"
        template = f" ({self.values['template']})" if self.values.get("template") else ""
        job = f"job {self.values['job']}{template}" if self.values.get("job") else f"process {self.values.get('pid')}"
        return shown(f"{self.values.get('who', 'somebody')}, {job}, since {when}")


class ActionModule(ActionBase):
    """Takes or gives back a client's lock."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def _sh(self, script: str, *arguments: str) -> tuple[int, str, str]:
        command = " ".join(["/bin/sh", "-c", shlex.quote(script), "lock", *map(shlex.quote, arguments)])
        result = self._low_level_execute_command(command, sudoable=True)
        return result["rc"], result["stdout"].strip(), result["stderr"].strip()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        path, me = options["path"], Owner.this_run(task_vars or {})

        if options["state"] == "released":
            if not self._task.check_mode:
                self._sh(RELEASE, path, me.values["run"])
            return {**result, "changed": False}

        # Holding a lock is not a change of the client: a second run reports changed=0.
        result["changed"] = False
        code, seen, error = self._sh(LOOK, path) if self._task.check_mode else self._sh(TAKE, path, me.line())
        if code == 0:
            return result
        if code != HELD_BY_ANOTHER:
            raise Refusal(
                f"The lock {path} could not be taken: {error.splitlines()[-1] if error else f'exit code {code}'}. "
                f"The directory {posixpath.dirname(path)} must be writable for the connection's user.",
                result={"changed": False},
            )
        owner = Owner.parse(seen)
        if owner.values.get("run") == me.values["run"]:
            return result
        if not (options["force"] or owner.abandoned(options["max_age"])):
            raise Refusal(
                f"Another run is changing this client: {owner}. Wait until it has ended and run again. If it was "
                "cancelled, or killed on a controller that is gone, take the lock over with -e take_lock=true, or "
                f"wait: after {options['max_age'] // 60} minutes it counts as abandoned (lock: {path}).",
                result={"changed": False, "state": "busy"},
            )
        if not self._task.check_mode:
            claim = hashlib.sha256(seen.encode()).hexdigest()[:16]
            code, _now, _error = self._sh(TAKE_OVER, path, me.line(), seen, claim)
            if code != 0:
                raise Refusal(
                    f"Another run took the abandoned lock {path} first. Run again when it has ended.",
                    result={"changed": False, "state": "busy"},
                )
        return {**result, "taken_over_from": str(owner)}
