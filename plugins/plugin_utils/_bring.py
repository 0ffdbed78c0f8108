# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a secret to the target, for a module to take from there: as standard input, so that no argument holds it.

This is private to the collection.
"""

from __future__ import annotations

import shlex
import typing as t

from ansible.errors import AnsibleActionFail

Run = t.Callable[..., t.Dict[str, t.Any]]

# $1 the directory, $2 the umask with which it is made, if it is, $3 what the file's name begins with. What a dead run
# left goes first.
_PUT = """
umask "${2:-077}"
[ -z "$2" ] || mkdir -p "$1"
umask 077
rm -f "$1/.$3".*
file=$(mktemp "$1/.$3.XXXXXX") || exit 1
cat > "$file" && echo "mai: $file" && exit 0
rm -f "$file"; exit 1
"""


def bring(run: Run, content: bytes, directory: str, stem: str, otherwise: str, umask: str = "") -> str:
    """Return the path of a new file of root's alone; ``run`` is ActionBase._low_level_execute_command.

    With a ``umask`` the directory is made where there is none. ``otherwise`` is what is said where the file could not
    be written.
    """
    words = ["/bin/sh", "-c", _PUT, "bring", directory, umask, stem]
    answer = run(" ".join(map(shlex.quote, words)), in_data=content)
    said = [line for line in answer["stdout"].splitlines() if line.startswith("mai: ")]
    if answer["rc"] != 0 or not said:
        raise AnsibleActionFail(otherwise)
    return said[-1][len("mai: ") :].strip()
