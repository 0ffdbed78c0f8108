# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the imitation until it is interrupted: python -m tests.awx_imitation"""

from __future__ import annotations

import contextlib
import shlex
import threading

from tests.awx_imitation import Awx


def main() -> None:
    with Awx() as awx:
        for name, value in awx.environment().items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
