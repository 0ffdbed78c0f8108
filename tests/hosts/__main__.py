# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m tests.hosts: target hosts for tests by hand."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from . import engine, images
from .host import Host, all_up
from .paths import FarmError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser("engine", help="have an engine and print the environment that a docker client needs")
    one.add_argument("action", nargs="?", choices=["start", "stop"], default="start")
    commands.add_parser("images", help="build the images of all kinds of hosts")
    one = commands.add_parser("up", help="boot a host and print what an inventory says about it")
    one.add_argument("name")
    one.add_argument("--image", choices=sorted(images.IMAGES), default="mai-test-host:trixie")
    one = commands.add_parser("down", help="remove a host with all that is on it")
    one.add_argument("name", nargs="?")
    one.add_argument("--all", action="store_true", help="every host of this engine")
    one = commands.add_parser("ssh", help="log in, or run a command there")
    one.add_argument("name")
    one.add_argument("--user", default="ops", choices=["ops", "root"])
    one.add_argument("remote", nargs=argparse.REMAINDER, metavar="command")
    one = commands.add_parser("load", help="load a file from `docker save` into a host's own engine")
    one.add_argument("name")
    one.add_argument("archive")
    commands.add_parser("list", help="the hosts that are up")

    arguments = parser.parse_args()
    try:
        run(arguments, parser)
    except FarmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if arguments.command == "engine" and arguments.action == "stop":
        engine.stop()
        return
    starts_one = arguments.command in ("engine", "images", "up")
    carrier = engine.keep() if starts_one else engine.find()
    if carrier is None:
        raise FarmError("No engine answers here, so no test host is up.")
    if arguments.command == "engine":
        for name, value in carrier.environment.items():
            print(f"export {name}={shlex.quote(value)}")
    elif arguments.command == "images":
        for image in images.IMAGES:
            print(images.ensure(image, carrier))
    elif arguments.command == "up":
        host = Host.up(arguments.name, carrier, arguments.image)
        print(f"# This machine, from there: {host.simulator_address()}\n{host.name}:")
        for name, value in host.inventory().items():
            print(f"  {name}: {value}")
    elif arguments.command == "down":
        if bool(arguments.name) == arguments.all:
            parser.error("down: give a name, or --all")
        if arguments.all:
            engine.remove_hosts(carrier)
        else:
            Host(arguments.name, carrier).down()
    elif arguments.command == "ssh":
        command = Host.named(arguments.name, carrier).ssh_command(*arguments.remote, user=arguments.user)
        os.execvp("ssh", command)
    elif arguments.command == "load":
        Host.named(arguments.name, carrier).load_image(arguments.archive)
    elif arguments.command == "list":
        for name in all_up(carrier):
            print(name, Host(name, carrier).address())


if __name__ == "__main__":
    sys.exit(main())
