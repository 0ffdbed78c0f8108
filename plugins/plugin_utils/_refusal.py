# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure that is told once.

This is private to the collection. Of any other failure Ansible prints the message, where in which file the task stands,
and the message again. An operator has to read one sentence: what is wrong, and what to do.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError


class Refusal(AnsibleActionFail):
    """The result of a task that fails with a sentence for people.

    It goes past C(failed_when): modules whose failure is somebody's answer return it instead.
    """

    @property
    def omit_exception_key(self) -> bool:
        return True


class Unanswered(AnsibleError):
    """The same of a machine that does not answer: no failure, the play goes on without it."""

    def __init__(self, result: dict[str, t.Any]) -> None:
        super().__init__(result["msg"])
        self.result = {"changed": False, "unreachable": True, **result}
