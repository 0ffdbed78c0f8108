# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the simulator in a process of its own: python -m tests.openrouter_simulator --help"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
from pathlib import Path

from tests.openrouter_simulator.account import new_secret
from tests.openrouter_simulator.server import Simulator


def main() -> None:
    options = _options()
    if options.port_file:
        # Whoever waits for the file must not find the port of an earlier run.
        options.port_file.unlink(missing_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    simulator = Simulator(
        host=options.host,
        port=options.port,
        provisioning_key=_provisioning_key(options.provisioning_key_file),
        credit=options.credits,
        latency=options.latency_ms / 1000,
        state_file=options.state,
    )

    def started() -> None:
        logging.getLogger("openrouter_simulator").info("serving %s", simulator.url)
        if options.port_file:
            _write(options.port_file, f"{simulator.port}\n")

    with contextlib.suppress(KeyboardInterrupt):
        simulator.run(started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.openrouter_simulator", description="OpenRouter simulator")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (default): any free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it listens")
    parser.add_argument(
        "--provisioning-key-file",
        type=Path,
        required=True,
        help="file of the provisioning key; made, with a new key, when it is not there",
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="delay of every answer")
    parser.add_argument("--state", type=Path, help="file that keeps the account across restarts")
    parser.add_argument("--credits", type=float, default=100, help="USD bought by the account (default: 100)")
    return parser.parse_args()


def _provisioning_key(path: Path) -> str:
    if path.exists():
        key = path.read_text(encoding="utf-8").strip()
        if not key:
            raise SystemExit(f"{path} is empty: remove it to have a key made, or put a provisioning key into it.")
        return key
    key = new_secret()
    _write(path, key + "\n")
    return key


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner only."""
    temporary = path.with_name(path.name + ".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


if __name__ == "__main__":
    main()
