# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure that is told once.

This is private to the collection. Of any other failure Ansible prints the message, where in which file the task stands,
and the message again. An operator has to read one sentence: what is wrong, and what to do.
"""

from __future__ import annotations

from ansible.errors import AnsibleActionFail


class Refusal(AnsibleActionFail):
    """The result of a task that fails with a sentence for people."""

    @property
    def omit_exception_key(self) -> bool:
        return True


class Unanswered(Refusal):
    """The same of a machine that does not answer: the play goes on without it."""

    def __init__(self, message: str, result: dict[str, object]) -> None:
        super().__init__(message, result={"unreachable": True, **result})

    @property
    def omit_failed_key(self) -> bool:
        return True
