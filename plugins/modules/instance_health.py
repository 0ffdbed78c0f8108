#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_health
short_description: Wait until a client's instance is up, as long as it makes progress
version_added: 0.1.0
description:
  - >-
    Waits, on the target host, until the instance answers O(health_path) with HTTP 200, and C(/ready) with a JSON status
    of true where the release has that page. What claims to be JSON and cannot be read is no such answer.
  - >-
    An instance that still starts (migrates its database, say) is waited for as long as new log lines appear, however
    long that takes. It counts as failed when nothing new was logged for O(timeout) seconds, when it answers but is not
    healthy for O(timeout) seconds, when its process has ended, or when it ended and was started
    again three times meanwhile. What still logs after ten times O(timeout) seconds without having opened its port
    counts as failed as well.
  - It is asked where it was started to listen, which its container, or C(settings.env) of a native one, says. So is the
    path of a container that the collection made; for any other it is O(health_path).
  - Nothing is changed. A failure carries the last log lines, with secrets masked.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
  - mai.clients.instance
  - mai.clients.instance.health
options:
  deployment:
    description: How the instance runs.
    type: str
    choices: [docker, native]
    default: docker
  timeout:
    description: Seconds without progress after which the instance counts as failed.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: The module changes nothing.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Wait until the instance of company-abc is up
  mai.clients.instance_health:
    client: company-abc
    service: mai-companyabc
    deployment_dir: /opt/mai/deployments/client-company-abc
"""

RETURN = r"""
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 12.4
accounts:
  description: Whether its people sign in, which it tells at C(/api/config). Null where it does not say.
  returned: success
  type: bool
  sample: true
log_tail:
  description: The last log lines, with secrets masked.
  returned: on failure
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import asked_at
from ansible_collections.mai.clients.plugins.module_utils._instance import (
    engine,
    folder,
    health,
    masking,
    native,
    system,
    web,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.options import (
    HEALTH_OPTIONS,
    INSTANCE_OPTIONS,
    service_of,
)
from ansible_collections.mai.clients.plugins.module_utils._people import passwords

# A start that goes on logging is left alone for so many times its timeout: some migrations take long, none is endless
_PATIENCE = 10
# What ends and is started again so often, while it is waited for, will not come up
_MOST_RESTARTS = 3


class _Docker:
    """What a container tells about its start."""

    def __init__(self, params: dict) -> None:
        self._service = params["service"]
        self._first_restarts: int | None = None
        self._details: dict = {}

    def ended(self) -> str | None:
        """Why there is no use in waiting any longer."""
        found = [entry for entry in engine.inspect_containers() if entry.get("Name") == "/" + self._service]
        if not found:
            return f"the container {self._service} does not exist"
        self._details = found[0]
        state, restarts = self._details.get("State") or {}, self._details.get("RestartCount") or 0
        if self._first_restarts is None:
            self._first_restarts = restarts
        # While it runs once more, Docker tells no exit code
        at_rest = state.get("Status") != "running"
        if restarts - self._first_restarts >= (_MOST_RESTARTS if at_rest else 2 * _MOST_RESTARTS):
            last = f", the last time with exit code {state.get('ExitCode')}" if at_rest else ""
            return f"it ended {restarts} times{last}"
        if state.get("Status") == "exited":
            return f"it ended with exit code {state.get('ExitCode')}"
        return None

    def place(self, path: str) -> tuple[str | None, str]:
        found = engine.url(engine.describe(self._details, "")) if self._details else None
        return found, engine.health_path(self._details) or path

    def log(self) -> tuple[int, str]:
        return engine.log(engine.describe(self._details, "")) if self._details else (0, "")

    def environment(self) -> dict[str, str]:
        return engine.environment(self._details)


class _Native:
    """What a unit or a process tells about its start."""

    def __init__(self, params: dict) -> None:
        self._directory, self._service, self._client = params["deployment_dir"], params["service"], params["client"]
        self._invocation, self._pid = "", None
        self._first_restarts: int | None = None

    def ended(self) -> str | None:
        process = native.process(self._directory)
        if process is not None and process["running"]:
            self._pid = process["main_pid"]
            return self._restarted(process["restarts"])
        unit, words = native.unit(self._service, self._client)
        if unit is None or not unit["exists"]:
            if process is not None:
                return "its process has ended"
            return "it was not started: neither a process nor a unit of it is there"
        self._invocation, self._pid = words.get("InvocationID", ""), unit["main_pid"]
        return "its unit has failed" if unit["active_state"] == "failed" else self._restarted(unit["restarts"])

    def _restarted(self, restarts: int) -> str | None:
        if self._first_restarts is None:
            self._first_restarts = restarts
        ended = restarts - self._first_restarts
        return f"it ended {ended} times" if ended >= _MOST_RESTARTS else None

    def place(self, path: str) -> tuple[str | None, str]:
        settings = folder.variables(self._directory, "settings.env")
        port = settings.get("PORT")
        return f"http://{asked_at(settings.get('HOST', ''))}:{port}" if port else None, path

    def log(self) -> tuple[int, str]:
        return native.log(self._directory, self._service, self._invocation)

    def environment(self) -> dict[str, str]:
        return system.process_environment(self._pid) if self._pid else {}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **INSTANCE_OPTIONS,
            **HEALTH_OPTIONS,
            "deployment": {"type": "str", "choices": ["docker", "native"], "default": "docker"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    params = dict(module.params, service=service_of(module.params))
    instance = _Docker(params) if params["deployment"] == "docker" else _Native(params)
    begin = progress = time.monotonic()
    logged, answering = None, False
    while True:
        reason = instance.ended()
        url, path = instance.place(params["health_path"])
        seen = health.ask(url, path) if url else health.NOTHING
        now = time.monotonic()
        if seen.works and not reason:
            accounts = health.has_accounts(web.request(f"{url}{health.CONFIG}"))
            module.exit_json(changed=False, seconds=round(now - begin, 1), accounts=accounts)
        if seen.status and not answering:
            answering, progress = True, now  # from here on its log shows our own requests, which are no progress
        if not answering:
            log = instance.log()
            if log != logged:
                logged, progress = log, now
        if reason or now - progress > params["timeout"] or now - begin > _PATIENCE * params["timeout"]:
            break
        time.sleep(0.5 if now - begin < 30 else 3)

    if not reason:
        reason = seen.complaint or "its port does not answer"
        if now - progress > params["timeout"]:
            reason += ", and nothing new was logged for {} seconds".format(params["timeout"])
        else:
            reason += f", though it has been logging for {now - begin:.0f} seconds (see mai_health_timeout)"
    files = [folder.variables(params["deployment_dir"], name) for name in ("api_key.env", "secrets.env", "admin.env")]
    files.append(passwords.everybodys(params["deployment_dir"]))
    settings = folder.variables(params["deployment_dir"], "settings.env")
    hidden = masking.secrets(files, [instance.environment(), settings])
    tail = masking.tail(instance.log()[1], hidden)
    module.fail_json(
        msg="The instance of {} did not come up: {}. Its last log lines:\n{}".format(
            params["client"], reason, "\n".join(tail) or "(nothing was logged)"
        ),
        seconds=round(time.monotonic() - begin, 1),
        log_tail=tail,
    )


if __name__ == "__main__":
    main()
