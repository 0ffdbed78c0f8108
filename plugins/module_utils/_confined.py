# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on what an instance owns or answers, in a child process that can do that work and nothing else.

An instance's folder, database, log and answers belong to its users, who may be hostile, and a module runs as root. So
whatever opens a path there, parses what lies there or waits for an answer runs in here: the child's root directory is
the instance's folder, it has no privilege left but to read and write there, its memory, its time, its files and its
answer are bounded, and at its deadline it is killed. A link to a neighbour, a pipe without a writer, a query or an
answer without end, and a fault of the library that reads it all end as one sentence.

Where the run is not root's, the instance's user is the run's own: no root directory is changed, the bounds stay.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import time
from typing import Any, Callable

from ansible_collections.mai.clients.plugins.module_utils._text import shown

try:
    import ctypes
except ImportError:  # without it the child keeps root's privileges, within its root directory and bounds
    HAS_CTYPES = False
else:
    HAS_CTYPES = True

MIB = 1024 * 1024
_ANSWER = 8 * MIB
_MEMORY = 512 * MIB
# CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER: whoever owns a file there, it is read and written, and a new one is theirs.
_KEPT_CAPABILITIES = 1 << 0 | 1 << 1 | 1 << 3
_CAPABILITY_VERSION = 0x20080522
# The kernel's own number for whoever owns nothing
_NOBODY = 65534


class Refused(Exception):
    """Why something of an instance cannot be worked with, and what to do; the reason is one word for programs."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Confined:
    """Such work, beside its caller until its result is wanted.

    Before opens what the work needs from outside: it runs first, and what it returns is the work's first argument.
    Work that needs no folder is done as nobody.
    """

    def __init__(
        self,
        what: str,
        work: Callable[..., Any],
        *arguments: Any,
        folder: str | None = None,
        before: Callable[[], Any] | None = None,
        as_nobody: bool = False,
        seconds: float = 20,
        largest_file: int = 64 * MIB,
    ) -> None:
        self._what = what
        self._deadline = time.monotonic() + seconds
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _begin(writing, seconds, largest_file)
                _send(writing, _outcome(what, work, arguments, folder, before, as_nobody))
            finally:
                # Nothing of the parent's (its output that is not flushed yet, its exit handlers) is the child's to run.
                os._exit(0)
        os.close(writing)

    def result(self) -> Any:
        """Return what work(*arguments) returns, as JSON carries it; ask once.

        Raise Refused where the work does, where it does not end in time, and where it ends in any way that is not
        planned; what it was about is named in the message.
        """
        try:
            answer, why = _read(self._reading, self._deadline)
        finally:
            status = self.give_up()
        if why:
            raise Refused(f"{_first(self._what)} {why}, so it was given up.", "endless")
        return _unpack(self._what, answer, status)

    def give_up(self) -> int:
        """End it, and return its status. It may have ended already, or somebody who took it over only seems to have."""
        os.close(self._reading)
        os.kill(self._pid, signal.SIGKILL)
        return os.waitpid(self._pid, 0)[1]


def confined(what: str, work: Callable[..., Any], *arguments: Any, **bounds: Any) -> Any:
    """Return what work(*arguments) returns. Its root and current directory is the folder."""
    return Confined(what, work, *arguments, **bounds).result()


def _first(words: str) -> str:
    """Return the words as a sentence begins."""
    return words[0].upper() + words[1:]


# --- in the child ----------------------------------------------------------------------------------------------


def _begin(writing: int, seconds: float, largest_file: int) -> None:
    # The parent's garbage holds files that are closed below: collected here, it would close what gets their numbers
    gc.freeze()
    # Should the parent be killed, the signal's own effect ends the child, also while it waits inside of the kernel.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)
    # A directory that is still open would be a way out
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.closerange(3, writing)
    os.closerange(writing + 1, 4096)
    for limit, most in (
        (resource.RLIMIT_AS, _used_memory() + _MEMORY),
        (resource.RLIMIT_CPU, int(seconds) + 5),
        (resource.RLIMIT_FSIZE, largest_file),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


def _used_memory() -> int:
    """Bytes that the parent left to its child: how many that are depends on the libraries it has loaded."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _outcome(
    what: str,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: str | None,
    before: Callable[[], Any] | None,
    as_nobody: bool,
) -> list[Any]:
    try:
        return ["done", _done(what, work, arguments, folder, before, as_nobody)]
    except Refused as refused:
        return ["refused", str(refused), refused.reason]


def _done(
    what: str,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: str | None,
    before: Callable[[], Any] | None,
    as_nobody: bool,
) -> Any:
    try:
        if before:
            arguments = (before(), *arguments)
        if folder:
            _enter(folder)
        if as_nobody and os.geteuid() == 0:
            _become_nobody()
        return work(*arguments)
    except Refused:
        raise
    except MemoryError:
        why = f"needs more memory than {_MEMORY // MIB} MiB, so it was given up"
        raise Refused(f"{_first(what)} {why}.", "endless") from None
    except OSError as error:
        why = f"{error.strerror} ({shown(error.filename)})" if error.filename else error.strerror
        raise Refused(f"{_first(what)} cannot be worked with: {why or type(error).__name__}.", "unreadable") from None
    except Exception as error:
        # Its text may quote what it could not read
        why = f"it is not what an instance writes ({type(error).__name__})"
        raise Refused(f"{_first(what)} cannot be read: {why}.", "unreadable") from None


def _enter(folder: str) -> None:
    try:
        # Its own entry may be no link; the directories above it are not the instance's.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise Refused(
            f"There is no directory {folder}. The instance creates it at its first start: start the instance, wait "
            "until it is healthy, and run again; or correct the path.",
            "missing",
        ) from None
    except PermissionError:
        raise Refused(f"{folder} cannot be entered. Run with become as root.", "unreachable") from None
    except OSError:
        raise Refused(
            f"{folder} is not a directory of the instance's own, and no run follows a link there. Where it is to lie "
            "on another disk, mount that disk there.",
            "foreign",
        ) from None
    os.fchdir(descriptor)
    os.close(descriptor)
    if os.geteuid() == 0:
        os.chroot(".")
        _drop_capabilities()


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    # A library that looks for files of its own in root's home would give up at the door
    os.environ["HOME"] = "/nonexistent"


def _drop_capabilities() -> None:
    if HAS_CTYPES:
        words = ctypes.c_uint32 * 8
        header = words(_CAPABILITY_VERSION, 0)
        # Effective, permitted and inheritable, of the lower and then of the higher 32
        sets = words(_KEPT_CAPABILITIES, _KEPT_CAPABILITIES, 0, 0, 0, 0)
        ctypes.CDLL(None).capset(header, sets)


def _send(writing: int, outcome: list[Any]) -> None:
    try:
        text = json.dumps(outcome)
    except (TypeError, ValueError, RecursionError, MemoryError):
        text = json.dumps(
            ["refused", "What was read cannot be passed on: it is not what an instance writes.", "unreadable"]
        )
    data = text.encode("ascii")
    while data:
        data = data[os.write(writing, data) :]


# --- in the parent ---------------------------------------------------------------------------------------------


def _read(reading: int, deadline: float) -> tuple[bytes, str | None]:
    """What the child sent until it ended, and why it was not left to its end."""
    ready = select.poll()
    ready.register(reading, select.POLLIN)
    answer = b""
    while True:
        left = max(deadline - time.monotonic(), 0)
        if not ready.poll(left * 1000):
            return b"", "does not come to an end"
        piece = os.read(reading, MIB)
        if not piece:
            return answer, None
        answer += piece
        if len(answer) > _ANSWER:
            return b"", f"holds more than {_ANSWER // MIB} MiB of what is asked for"


def _unpack(what: str, answer: bytes, status: int) -> Any:
    try:
        kind, *content = json.loads(answer.decode("ascii"))
    except (ValueError, RecursionError):
        ending = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "no answer"
        raise Refused(f"{_first(what)} cannot be read: reading it ended with {ending}.", "unreadable") from None
    if kind == "refused":
        raise Refused(content[0], content[1])
    return content[0]
