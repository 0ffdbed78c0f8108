# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all openrouter_* actions have in common: options in, result out, in the controller's process.

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption, OpenRouterError
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import connection_of
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

display = Display()

# Seconds. What takes less, with the pause to come, is nobody's concern.
_WORTH_TELLING = 5.0


def validated(validator: ArgumentSpecValidator, given: dict[str, t.Any]) -> dict[str, t.Any]:
    result = validator.validate(given)
    problems = [
        f"Unsupported options: {error}" if isinstance(error, UnsupportedError) else str(error)
        for error in result.errors
    ]
    if problems:
        raise InvalidOption("; ".join(problems))
    return result.validated_parameters


@contextlib.contextmanager
def interruption_told(words: t.Callable[[], str | None]) -> t.Iterator[None]:
    """Whatever ends the work from outside, such as the task's time-out, what it left is told first."""
    try:
        yield
    except OpenRouterError:  # says itself what it left
        raise
    except BaseException:
        left = words()
        if left:
            display.warning(left)
        raise


class OpenRouterAction(ActionBase):
    """An action gives its spec, as a dict of AnsibleModule's arguments, and its operation."""

    spec: t.Callable[[], dict[str, t.Any]]
    _started = 0.0

    def operate(self, client: Client, params: dict[str, t.Any]) -> dict[str, t.Any]:
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        try:
            result.update(self._operate())
        except OpenRouterError as error:
            result.update(failed=True, msg=str(error), error=error.code, status=error.status, **error.details)
        except AnsibleError:
            raise
        except Exception as error:
            # Its text may quote what it did not like.
            where = traceback.extract_tb(error.__traceback__)[-1]
            result.update(failed=True, msg=f"{type(error).__name__} in {where.name}, line {where.lineno}.", error="bug")
        if "diff" in result and not self._task.diff:
            del result["diff"]
        if any("secret" in one for one in (result, *result.get("created", ()))):
            result["_ansible_no_log"] = True
        return result

    def _operate(self) -> dict[str, t.Any]:
        self._refuse_environment()
        params = self._validated()
        self._started = time.monotonic()
        with Client(on_wait=self._tell_wait, **connection_of(params, os.environ)) as client:
            return self.operate(client, params)

    def _validated(self) -> dict[str, t.Any]:
        spec = {name: value for name, value in type(self).spec().items() if name != "supports_check_mode"}
        return validated(ArgumentSpecValidator(**spec), plain(self._task.args))

    def _refuse_environment(self) -> None:
        """It would not be seen here, but it would be written into the target's command lines."""
        environment: dict[str, t.Any] = {}
        self._compute_environment_string(environment)
        names = sorted(name for name in environment if str(name).startswith("OPENROUTER_"))
        if names:
            raise InvalidOption(
                f"{', '.join(names)} must not be set with the keyword 'environment': this runs on the controller, which"
                " does not see it. Use the option provisioning_key, or set it in the environment of ansible-playbook."
            )

    def _tell_wait(self, seconds: float, reason: str) -> None:
        if time.monotonic() - self._started + seconds >= _WORTH_TELLING:
            display.warning(f"Waiting {seconds:.0f} s before the next attempt. {reason}")
