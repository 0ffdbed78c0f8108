# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the target that holds a client's key.

This is private to the collection. The secret travels only as the standard input of one command: arguments are seen
by every user of the target and printed by ANSIBLE_DEBUG. The target needs a POSIX shell and coreutils, no Python.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import typing as t

from ansible.errors import AnsibleError
from ansible_collections.mai.clients.plugins.module_utils._envfile import dump
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import (
    InvalidOption,
    StoreConflict,
    StoreRefused,
    StoreUnknown,
)
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import SecretStore, Stored

_NOTHING = hashlib.sha256(b"").hexdigest()
_ABSENT = "absent"

# Every script gets path, owner, group and the names of the variables. What it reports begins with "mai:", so that a
# greeting of the login shell does no harm.
_COMMON = r"""
export LC_ALL=C
umask 077
path=$1 owner=$2 group=$3 names=$4 want=$5 seen=$6
dir=${path%/*} base=${path##*/}
[ -n "$dir" ] || dir=/
say() { echo "mai: $*"; }
sum() { { sha256sum 2>/dev/null || shasum -a 256; } | cut -d " " -f 1; }
value() {
  sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$2[[:space:]]*=[[:space:]]*//p" < "$1" | tail -n 1 |
    sed "s/[[:space:]]*\$//; s/^\"\(.*\)\"\$/\1/; s/^'\(.*\)'\$/\1/" | tr -d "\n"
}
hash_in() { value "$1" "$2" | sum; }
former() { if [ -e "$path" ]; then sed -n "/^# replaces [0-9a-f]\{64\}\$/p" < "$path"; fi; }
"""

_OBSERVE = (
    _COMMON
    + r"""
if [ ! -d "$dir" ]; then say state nowhere; exit 0; fi
if [ ! -x "$dir" ]; then say state closed; exit 0; fi
[ -w "$dir" ] || say state readonly
if [ -L "$path" ]; then say state link
elif [ ! -e "$path" ]; then say state missing
elif [ ! -f "$path" ]; then say state special
elif [ ! -r "$path" ]; then say state unreadable
else
  say state file
  say digest "$(sum < "$path")"
  say stat "$(stat -c "%a %U %G %u %g" "$path" 2>/dev/null || stat -f "%Lp %Su %Sg %u %g" "$path")"
  for name in $names; do say hash "$name" "$(hash_in "$path" "$name")"; done
fi
"""
)

# The lock is the directory itself: it leaves nothing behind and ends with the process. Who has it knows that other
# temporary files of ours are of dead runs. Where there is no flock, or one that knows no time limit (busybox), the
# comparison and the rename are merely close together.
_BEGIN = r"""
[ -d "$dir" ] || exit 82
[ -r "$dir" ] && [ -w "$dir" ] && [ -x "$dir" ] || exit 83
if command -v flock > /dev/null 2>&1; then
  exec 9< "$dir"
  flock -w 30 -E 99 9 2>/dev/null
  case $? in
    0) rm -f "$dir/.$base.mai-"* ;;
    99) exit 87 ;;
  esac
fi
found=absent
if [ -e "$path" ] || [ -L "$path" ]; then found=$(sum < "$path"); fi
[ "$found" = "$seen" ] || changed
tmp=$(mktemp "$dir/.$base.mai-XXXXXX") || exit 83
trap 'rm -f "$tmp"' EXIT
trap "exit 88" HUP INT TERM
"""

# A connection that tries again (ANSIBLE_SSH_RETRIES) sends a command twice, and the first may have been done.
_STORE_CHANGED = r"""
changed() {
  [ -f "$path" ] || exit 81
  for name in $names; do [ "$(hash_in "$path" "$name")" = "$want" ] || exit 81; done
  say stored "$want"
  exit 0
}
"""
_REPAIR_CHANGED = r"""
changed() { exit 81; }
"""

# Whose secrets were here before: where an interrupted run left one of them elsewhere, the next one knows it by that.
_STORE = r"""
cat > "$tmp" || exit 84
notes=$(former)
for name in $names; do
  [ -e "$path" ] && [ -n "$(value "$path" "$name")" ] || continue
  note="# replaces $(hash_in "$path" "$name")"
  case $notes in *"$note"*) ;; *) notes="${notes:+$notes
}$note" ;; esac
done
[ -z "$notes" ] || echo "$notes" >> "$tmp" || exit 84
"""

_REPAIR = r"""
source=
for name in $names; do
  if [ "$(hash_in "$path" "$name")" = "$want" ]; then source=$name; break; fi
done
[ -n "$source" ] || exit 81
for name in $names; do
  { echo "$name=\"$(value "$path" "$source")\""; } >> "$tmp" || exit 84
done
former >> "$tmp" || exit 84
"""

# From the rename on, no signal may make a stored secret look like a refused one.
_END = r"""
for name in $names; do
  [ "$(hash_in "$tmp" "$name")" = "$want" ] || exit 84
done
chmod 600 "$tmp" || exit 85
if [ -n "$owner$group" ]; then chown "$owner${group:+:$group}" "$tmp" || exit 85; fi
sync "$tmp" 2>/dev/null || sync
trap "" HUP INT TERM
mv -f "$tmp" "$path" || exit 86
trap - EXIT
sync "$dir" 2>/dev/null
say stored "$(hash_in "$path" "${names%% *}")"
"""

# Ends of the scripts after which the file is surely as it was.
_REFUSALS = {
    82: "its directory does not exist",
    83: "no file can be created in its directory",
    84: "it could not be written completely (is the disk full?)",
    85: "its owner, group or mode could not be set",
    86: "the temporary file could not be renamed to it",
    87: "another run has been writing in its directory for half a minute",
    88: "the command was interrupted",
}


class TargetSecretFile(SecretStore):
    """Its first argument is ActionBase._low_level_execute_command."""

    def __init__(
        self,
        run: t.Callable[..., dict[str, t.Any]],
        path: str,
        variables: t.Sequence[str],
        owner: str | None = None,
        group: str | None = None,
        check_mode: bool = False,
    ) -> None:
        if not path.startswith("/") or path.endswith("/") or not path.isprintable():
            raise InvalidOption(f"secret_file must be the absolute path of a file on the target. It is {path!r}.")
        if not variables or not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in variables):
            raise InvalidOption("secret_variables must name at least one environment variable: letters, digits and _.")
        for option, value in (("secret_owner", owner), ("secret_group", group)):
            if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?", value):
                raise InvalidOption(f"{option} must be the name or the number of one. It is {value!r}.")
        self._run = run
        self._path = path
        self._variables = list(dict.fromkeys(variables))
        self._owner = owner or ""
        self._group = group or ""
        self._check_mode = check_mode

    def observe(self) -> Stored:
        answer = self._script(_OBSERVE)
        said = _said(answer["stdout"])
        states = said.get("state", [])
        problem = {
            "closed": "its directory cannot be looked into as this user (use become)",
            "link": "it is a symbolic link",
            "special": "it is not a regular file",
            "unreadable": "it cannot be read as this user (use become)",
        }.get(states[-1] if states else "")
        if problem:
            raise StoreRefused(f"{self._path} on the target cannot hold the secret: {problem}.")
        if "nowhere" in states:
            # In check mode an earlier task only would have made it.
            return Stored(self._path, obstacle=None if self._check_mode else f"{self._path}: {_REFUSALS[82]}")
        obstacle = f"{self._path}: {_REFUSALS[83]}" if "readonly" in states else None
        if "missing" in states:
            return Stored(self._path, obstacle=obstacle)
        digest = _first(said, "digest")
        hashes = dict(line.split(" ") for line in said.get("hash", []) if line.count(" ") == 1)
        if "file" not in states or not _is_hash(digest) or set(hashes) != set(self._variables):
            raise StoreRefused(
                f"{self._path} on the target cannot be looked at (exit code {answer['rc']}). The target needs a POSIX"
                f" shell with coreutils (sha256sum, stat, mktemp) that can be reached{_quoted(answer)}."
            )
        return Stored(
            self._path,
            digest,
            {name: None if value == _NOTHING else value for name, value in hashes.items()},
            self._faults(_first(said, "stat")),
            obstacle,
        )

    def _faults(self, stat: str) -> list[str]:
        mode, owner, group, uid, gid = (stat.split(" ") + [""] * 5)[:5]
        faults = [] if mode == "600" else [f"mode {mode} instead of 600"]
        if self._owner not in ("", owner, uid):
            faults.append(f"owner {owner} instead of {self._owner}")
        if self._group not in ("", group, gid):
            faults.append(f"group {group} instead of {self._group}")
        return faults

    def store(self, secret: str, key_hash: str, seen: str | None) -> None:
        content = dump({name: secret for name in self._variables})
        self._replace(_STORE_CHANGED + _BEGIN + _STORE + _END, key_hash, seen, content.encode())

    def repair(self, key_hash: str, seen: str | None) -> None:
        self._replace(_REPAIR_CHANGED + _BEGIN + _REPAIR + _END, key_hash, seen, None)

    def _replace(self, script: str, key_hash: str, seen: str | None, content: bytes | None) -> None:
        try:
            answer = self._script(_COMMON + script, key_hash, seen or _ABSENT, content)
        except AnsibleError as error:
            cause = type(error).__name__
        else:
            if answer["rc"] == 81:
                raise StoreConflict(f"{self._path} on the target changed since it was looked at: another run is at it.")
            if answer["rc"] in _REFUSALS:
                raise StoreRefused(
                    f"{self._path} on the target could not be written: {_REFUSALS[answer['rc']]}{_quoted(answer)}."
                )
            if answer["rc"] == 0 and _first(_said(answer["stdout"]), "stored") == key_hash:
                return
            cause = f"exit code {answer['rc']}, without the confirmation"
        raise StoreUnknown(
            f"Whether {self._path} was written is not known: the command on the target did not end as it should"
            f" ({cause})."
        )

    def _script(
        self, script: str, key_hash: str = "", seen: str = "", content: bytes | None = None
    ) -> dict[str, t.Any]:
        arguments = [self._path, self._owner, self._group, " ".join(self._variables), key_hash, seen]
        command = " ".join(shlex.quote(word) for word in ["sh", "-c", script, "mai", *arguments])
        return self._run(command, in_data=content)


def _said(output: str) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line.startswith("mai: "):
            topic, _space, rest = line[len("mai: ") :].strip().partition(" ")
            said.setdefault(topic, []).append(rest)
    return said


def _first(said: t.Mapping[str, list[str]], topic: str) -> str:
    return said.get(topic, [""])[0]


def _is_hash(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{64}", text))


def _quoted(answer: t.Mapping[str, t.Any]) -> str:
    """The last thing that the command complained about; it never sees the secret as anything but its input."""
    lines = [line for line in answer["stderr"].splitlines() if line.strip()]
    return f": {lines[-1].strip()[:200]}" if lines else ""
