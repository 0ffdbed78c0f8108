# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to whoever sits at the terminal of ansible-playbook, with answers that Enter accepts.

This is private to the collection. Ansible's own vars_prompt asks before anything is known, and M(ansible.builtin.pause)
registers what was typed; here an answer goes to the action that asked, and to nobody else.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
import time
import typing as t
from dataclasses import dataclass

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

display = Display()

# Ctrl-C and Ctrl-D
_LEAVE = (b"\x03", b"\x04")
# Of keys that are no letters, such as the arrows
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])")

Fault = t.Callable[[str], "str | None"]


class NoTerminal(Exception):
    """Nobody can be asked."""


class Left(Exception):
    """Whoever was asked left."""


@dataclass(frozen=True)
class Question:
    words: str
    # What Enter stands for, and why; without one it stands for nothing
    default: str = ""
    why: str = ""
    required: bool = True

    def __str__(self) -> str:
        if self.default:
            return f"{self.words} [{self.default}{f': {self.why}' if self.why else ''}]:"
        return f"{self.words}:" if self.required else f"{self.words} [none]:"


def _end_with(parent: int) -> None:
    """Where the terminal goes, so does ansible-playbook, and Ansible leaves who waits for an answer behind."""
    while os.getppid() == parent:
        time.sleep(1)
    # A worker leads a group of its own: whatever it has started ends, too
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGTERM)
    os._exit(1)


@functools.cache
def _watch(parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def is_there() -> bool:
    try:
        read("", seconds=0)
    except NoTerminal:
        return False
    return True


def read(words: str, private: bool = False, seconds: int | None = None) -> str:
    """One line that was typed."""
    _watch(os.getppid())
    try:
        typed = display.prompt_until(words, private=private, seconds=seconds, interrupt_input=_LEAVE)
    except AnsiblePromptInterrupt:
        raise Left from None
    except AnsiblePromptNoninteractive:
        raise NoTerminal from None
    # The backspace of Ansible takes bytes, so halves of letters may be left
    return _SEQUENCE.sub("", typed.decode(errors="ignore")).strip()


def ask(question: Question, fault: Fault = lambda _answer: None) -> str:
    """The answer, asked for until nothing is wrong with it. Ansible takes it from the screen, so it is said again."""
    while True:
        answer = read(str(question)) or question.default
        if not question.required and answer.lower() == "none":
            answer = ""
        wrong = fault(answer) if answer else ("an answer is needed" if question.required else None)
        if not wrong:
            display.display(f"  {answer or '(none)'}")
            return answer
        display.display(f"  {wrong}.")


def agreed(words: str, default: bool = True) -> bool:
    def fault(answer: str) -> str | None:
        return None if answer.lower() in ("y", "yes", "n", "no") else "answer yes or no"

    return ask(Question(f"{words} (yes/no)", "yes" if default else "no"), fault).lower().startswith("y")


def tell(text: str) -> None:
    display.display(text)
