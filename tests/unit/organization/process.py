# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module as Ansible does, as a process of its own, and look at everything it says."""

from __future__ import annotations

import importlib
import io
import json
import os
import pathlib
import sys
import tempfile
import traceback
from typing import Any, Callable, NoReturn

from ansible.module_utils import basic

ROOT = pathlib.Path(__file__).resolve().parents[3]

# Every key of these tests has this in it, and every password of a URL: no output may.
MARK = "TopSecret"
KEY = f"sk-or-v1-{MARK}-present"
OLD_KEY = f"sk-or-v1-{MARK}-former"
FOREIGN_KEY = f"sk-{MARK}-of-an-administrator"


def run_module(module: str, check: bool = False, /, **arguments: Any) -> dict[str, Any]:
    return start_module(module, check, **arguments)()


def start_module(module: str, check: bool = False, /, **arguments: Any) -> Callable[[], dict[str, Any]]:
    """Start a module; return what waits for its result, which may be a failure, and makes sure that no secret is told.

    The process is a fork of this one, which has Ansible loaded already: starting Python takes ten times as long.
    """
    main = importlib.import_module(f"ansible_collections.mai.clients.plugins.modules.{module}").main
    # no_log is what no_target_syslog comes to in a module: these tests are no business of the system log.
    arguments.update(_ansible_check_mode=check, _ansible_diff=True, _ansible_no_log=True)
    output = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it has been read)
    child = os.fork()
    if child == 0:
        _run_in_this_process(main, arguments, output.fileno())

    def finish() -> dict[str, Any]:
        os.waitpid(child, 0)
        with output:
            output.seek(0)
            text = output.read().decode()
        assert MARK not in text, "the output of the module holds a secret"
        try:
            result = json.loads(text)
        except ValueError:
            raise AssertionError(f"the module did not answer with JSON: {text}") from None
        # Only the copy of the arguments, which Ansible masks itself, is of no interest here.
        result.pop("invocation", None)
        return result

    return finish


def _run_in_this_process(main: Callable[[], None], arguments: dict[str, Any], output: int) -> NoReturn:
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8")
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        main()
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
