# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories of a client on its machine: all in one transfer, each whole or not at all.

This is private to the collection. What they hold travels as the standard input of one command, since it may be secret:
arguments are seen by every user of the machine and printed by ANSIBLE_DEBUG. The machine needs a POSIX shell and
coreutils, no Python.
"""

from __future__ import annotations

import base64
import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal

Run = t.Callable[..., t.Dict[str, t.Any]]

# $1 whether only to look, $2 whether to tell what was there, $3 where to keep it, then four of each: path, mode, and of
# a file its size in bytes and whether it may be told. What the script reports begins with "mai:", so that a greeting of
# the login shell does no harm.
_SCRIPT = r"""
export LC_ALL=C
set -u
umask 077
look=$1 tell=$2 keep=$3
shift 3
say() { echo "mai: $*"; }
fail() { echo "$2" >&2; exit "$1"; }
mode_of() { stat -c %a "$1"; }

keep_all() {
  while [ $# -gt 0 ]; do
    if [ "$3" != - ] && [ -f "$1" ]; then
      mkdir -p "$keep" && cp -p "$1" "$keep/" || fail 83 "$keep"
    fi
    shift 4
  done
}
[ -z "$keep" ] || [ "$look" = 1 ] || keep_all "$@"

while [ $# -gt 0 ]; do
  path=$1 mode=$2 size=$3 open=$4
  shift 4
  [ ! -L "$path" ] || fail 81 "$path"
  if [ "$size" = - ]; then
    [ ! -e "$path" ] || [ -d "$path" ] || fail 82 "$path"
    [ -d "$path" ] && [ "0$(mode_of "$path")" = "$mode" ] && continue
    say changed "$path"
    [ "$look" = 1 ] && continue
    mkdir -p "$path" && chmod "$mode" "$path" || fail 83 "$path"
    continue
  fi
  [ ! -e "$path" ] || [ -f "$path" ] || fail 82 "$path"
  dir=${path%/*}
  tmp=
  same() { [ -f "$path" ] && cmp -s - "$path" && [ "0$(mode_of "$path")" = "$mode" ]; }
  if [ "$look" = 1 ]; then
    if head -c "$size" | { same; code=$?; cat > /dev/null; [ $code = 0 ]; }; then continue; fi
  else
    [ -d "$dir" ] || fail 84 "$dir"
    tmp=$(mktemp "$dir/.${path##*/}.mai-XXXXXX") || fail 83 "$path"
    trap 'rm -f "$tmp"' EXIT
    head -c "$size" > "$tmp" && [ "$(wc -c < "$tmp")" -eq "$size" ] || fail 83 "$path"
    if same < "$tmp"; then rm -f "$tmp"; trap - EXIT; continue; fi
  fi
  say changed "$path"
  if [ "$tell$open" = 11 ] && [ -f "$path" ]; then say before "$(base64 < "$path" | tr -d '\n')"; fi
  [ "$look" = 1 ] && continue
  chmod "$mode" "$tmp" || fail 83 "$path"
  sync "$tmp" 2>/dev/null || sync
  mv -f "$tmp" "$path" || fail 83 "$path"
  trap - EXIT
  sync "$dir" 2>/dev/null
done
say done
"""

_FAULTS = {
    81: "is a symbolic link, which is not followed: put it away by hand",
    82: "is there, and is something else: put it away by hand",
    83: "cannot be written: run with become as root, and see that the disk is neither full nor read-only",
    84: "does not exist on the machine: run onboard_client.yml first",
}


@dataclass(frozen=True)
class File:
    path: str
    content: str
    mode: str = "0600"
    secret: bool = False


@dataclass(frozen=True)
class Directory:
    path: str
    mode: str = "0700"


@dataclass(frozen=True)
class Change:
    """What was, or in check mode would be, written; ``before`` only of a file that is no secret, and if asked for."""

    path: str
    before: str | None = None


def put(
    run: Run, entries: t.Sequence[File | Directory], keep_in: str = "", look: bool = False, tell: bool = False
) -> list[Change]:
    """Write what differs. ``run`` is ActionBase._low_level_execute_command; ``keep_in`` gets what was there."""
    arguments = [str(int(look)), str(int(tell)), keep_in]
    contents = []
    for entry in entries:
        if isinstance(entry, File):
            contents.append(entry.content.encode("utf-8", "surrogatepass"))
            arguments += [entry.path, entry.mode, str(len(contents[-1])), str(int(not entry.secret))]
        else:
            arguments += [entry.path, entry.mode, "-", "0"]
    command = " ".join(shlex.quote(word) for word in ["sh", "-c", _SCRIPT, "mai", *arguments])
    answer = run(command, in_data=b"".join(contents))
    said = [line[len("mai: ") :].rstrip("\r") for line in answer["stdout"].splitlines() if line.startswith("mai: ")]
    if answer["rc"] != 0 or said[-1:] != ["done"]:
        raise Refusal(_complaint(answer), result={"changed": any(line.startswith("changed ") for line in said)})
    return _changes(said)


def _changes(said: t.Iterable[str]) -> list[Change]:
    changes: list[Change] = []
    for line in said:
        topic, _space, rest = line.partition(" ")
        if topic == "changed":
            changes.append(Change(rest))
        elif topic == "before":
            changes[-1] = Change(changes[-1].path, base64.b64decode(rest).decode("utf-8", "replace"))
    return changes


def _complaint(answer: t.Mapping[str, t.Any]) -> str:
    lines = [line.strip() for line in answer["stderr"].splitlines() if line.strip()]
    last = lines[-1][:200] if lines else "without a word"
    if answer["rc"] in _FAULTS:
        return f"{last} {_FAULTS[answer['rc']]}."
    return f"The client's files could not be written: the command ended with {answer['rc']} ({last})."
