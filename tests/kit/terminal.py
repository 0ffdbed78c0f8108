# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook at a real terminal, and somebody who types there."""

from __future__ import annotations

import fcntl
import io
import os
import pathlib
import re
import struct
import subprocess
import sys
import termios
import time
import typing as t

import pexpect
from pexpect import fdpexpect

ENTER, CTRL_C, CTRL_D = "\r", "\x03", "\x04"
CLEARED = "\x1b[K"


# Ansible asks only where it is a terminal's foreground; no fork, since the tests have threads. Under nohup, which
# tests may have been begun with, nobody would hear of a terminal that goes
_AT_TERMINAL = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    def __init__(self, command: list[str], folder: pathlib.Path, environment: t.Mapping[str, str]) -> None:
        self._seen = io.StringIO()
        self._keys, screen = os.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AT_TERMINAL, *command],
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
        os.close(screen)
        self._child = fdpexpect.fdspawn(self._keys, encoding="utf-8", codec_errors="replace", timeout=90)
        self._child.logfile_read = self._seen

    def answer(self, question: str, text: str = "", end: str = ENTER) -> None:
        """Wait for a question of these words, and type.

        Ansible drops what was typed before it reads, which is a moment after the question, and clears the line when it
        has read one.
        """
        self.sees(question)
        while termios.tcgetattr(self._keys)[3] & termios.ICANON:
            time.sleep(0.02)
        for _attempt in range(3):
            time.sleep(0.2)
            self._child.send(text + end)
            if self._child.expect_exact([CLEARED, pexpect.TIMEOUT], timeout=15) == 0:
                return
        raise self._ended(f"Nobody read the answer to {question!r}:")

    def sees(self, words: str) -> None:
        try:
            self._child.expect_exact(words)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise self._ended(f"Not seen: {words!r}") from None

    def _ended(self, why: str) -> AssertionError:
        """What failed leaves nobody behind who waits for an answer."""
        self._process.terminate()
        return AssertionError(f"{why}\n{self.output}")

    def hang_up(self) -> None:
        """The terminal goes, as where a connection breaks."""
        self._child.close()
        self._process.wait(60)

    def wait(self) -> int:
        """Until it ends."""
        self._child.expect(pexpect.EOF)
        self._child.close()
        return self._process.wait(60)

    @property
    def output(self) -> str:
        """What was on the screen, as lines."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen.getvalue()).replace("\r", "")
