# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook of this collection, run as its own ansible-playbook, with what this one was started with.

This is private to the collection. Why not in this run: a play's hosts are those of its beginning, so it cannot go on
with a client that was just added, nor with one whose machine did not answer; and what its roles publish stays.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import typing as t

from ansible.utils.color import ANSIBLE_COLOR
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook

# Options of ansible-playbook by their names in its parsed arguments
_SWITCHES = {"check": "--check", "diff": "--diff", "become": "--become", "flush_cache": "--flush-cache"}
_VALUES = {
    "inventory": "-i",
    "module_path": "-M",
    "extra_vars": "-e",
    "vault_password_files": "--vault-password-file",
    "forks": "-f",
    "remote_user": "-u",
    "private_key_file": "--private-key",
    "connection": "-c",
    "timeout": "-T",
    "ssh_common_args": "--ssh-common-args",
    "ssh_extra_args": "--ssh-extra-args",
    "scp_extra_args": "--scp-extra-args",
    "sftp_extra_args": "--sftp-extra-args",
    "become_method": "--become-method",
    "become_user": "--become-user",
    "become_password_file": "--become-password-file",
    "connection_password_file": "--connection-password-file",
}
ASKED = "prompt"

Values = t.Mapping[str, t.Any]


def arguments(given: Values) -> list[str]:
    """The options with which this run was started, but for those that choose what is run, and what was asked for."""
    found = [option for name, option in _SWITCHES.items() if given.get(name)]
    for name, option in _VALUES.items():
        value = given.get(name)
        values = value if isinstance(value, (list, tuple)) else [value]
        # With a sign of equality: a value may begin with a dash
        found += [_joined(option, str(one)) for one in values if one]
    found += [
        f"--vault-id={one}" for one in given.get("vault_ids") or () if not str(one).rpartition("@")[2].startswith(ASKED)
    ]
    if given.get("verbosity"):
        found.append("-" + "v" * int(given["verbosity"]))
    return found


def _joined(option: str, value: str) -> str:
    return f"{option}={value}" if option.startswith("--") else f"{option}{value}"


def command(name: str, sources: t.Iterable[str], variables: Values) -> str:
    """As an operator types it."""
    words = [*(f"-i {shlex.quote(str(source))}" for source in sources), playbook(name)]
    words += [f"-e {shlex.quote(f'{variable}={value}')}" for variable, value in variables.items()]
    return " ".join(["ansible-playbook", *words])


def run(
    path: str,
    variables: Values,
    given: Values,
    secrets: t.Mapping[str, bytes],
    environment: t.Mapping[str, str],
    say: t.Callable[[str], None],
) -> int:
    """The exit code. Of ``secrets``, values of options, each goes through a pipe."""
    words = [sys.executable, "-m", "ansible", "playbook", *arguments(given)]
    pipes = []
    for option, secret in secrets.items():
        reader, writer = os.pipe()
        os.write(writer, secret)
        os.close(writer)
        pipes.append(reader)
        words.append(f"{option}/dev/fd/{reader}")
    words += ["-e", json.dumps(variables), path]
    colour = {"ANSIBLE_FORCE_COLOR": "1"} if ANSIBLE_COLOR else {}
    try:
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **colour, **environment},
            pass_fds=pipes,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                say(line.rstrip("\n"))
    finally:
        for reader in pipes:
            os.close(reader)
    return process.returncode
