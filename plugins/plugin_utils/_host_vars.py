# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One variable in the host_vars of an inventory, for people who read and edit those files too.

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import tempfile
import typing as t
from dataclasses import dataclass

import yaml as pyyaml
from ansible_collections.mai.clients.plugins.module_utils._secret import MASK
from ansible_collections.mai.clients.plugins.plugin_utils._values import is_template

try:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, TaggedScalar
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString
except ImportError:
    HAS_RUAMEL = False
else:
    HAS_RUAMEL = True

EXTENSIONS = ("", ".yml", ".yaml", ".json")  # those Ansible reads
VAULT = "$ANSIBLE_VAULT"
# Of mappings, of sequences, and of the dash in these
INDENTATIONS = ((2, 4, 2), (2, 2, 0), (4, 6, 4), (4, 4, 2), (4, 2, 0))


class NotRecordable(Exception):
    """Why a value cannot be written; for an operator."""


@dataclass(frozen=True)
class Edit:
    path: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def former(self, name: str) -> dict[str, t.Any]:
        """The variable as the file had it, for a diff; what is tagged (a vault, say) is masked."""
        content = mapping(self.path, self.before)[1]
        if name not in content:
            return {}
        for kind in (bool, int, float, str):
            if isinstance(content[name], kind):
                return {name: kind(content[name])}
        return {name: None if content[name] is None else MASK}

    def write(self) -> None:
        """All or nothing, with the file's own mode and owner."""
        path = os.path.realpath(self.path)
        directory = os.path.dirname(path)
        os.makedirs(directory, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".mai-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.after)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                old = os.stat(path)
                os.chmod(temporary, stat.S_IMODE(old.st_mode))
                if os.geteuid() == 0:
                    os.chown(temporary, old.st_uid, old.st_gid)
            if not os.path.exists(path):
                os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def check_library() -> None:
    if not HAS_RUAMEL:
        raise NotRecordable("the Python that runs Ansible has no ruamel.yaml; install ruamel.yaml>=0.18 there")


def edit(inventory_dir: str, host: str, name: str, value: t.Any) -> Edit:
    """What has to be written where so that the variable has this value; NotRecordable where there is no way."""
    check_library()
    folder = os.path.join(inventory_dir, "host_vars")
    files = files_of(folder, host)
    texts = {path: read(path) for path in files}
    locked = [path for path, text in texts.items() if text.startswith(VAULT)]
    if locked:
        raise NotRecordable(f"{locked[0]} is encrypted as a whole; set {name} there with ansible-vault edit")
    # Of several files the last one wins, so that is where the variable is set.
    setting = [path for path, text in texts.items() if name in mapping(path, text)[1]]
    path = setting[-1] if setting else files[0] if files else os.path.join(folder, f"{host}.yml")
    if path.endswith(".json"):
        raise NotRecordable(f"{path} is JSON; set {name} there by hand")
    before = texts.get(path, "")
    wanted = Edit(path, before, _edited(path, before, name, value))
    if wanted.changed:
        check_writable(path)
    return wanted


def files_of(folder: str, host: str) -> list[str]:
    """The host's files, in the order in which Ansible reads them."""
    found: list[str] = []
    for extension in EXTENSIONS:
        path = os.path.join(folder, host + extension)
        if os.path.isfile(path):
            found.append(path)
        elif os.path.isdir(path) and not extension:
            for directory, folders, names in os.walk(path):
                folders.sort()
                visible = [name for name in sorted(names) if not name.startswith(".") and not name.endswith("~")]
                found += [os.path.join(directory, name) for name in visible if name.endswith(EXTENSIONS[1:])]
    return found


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise NotRecordable(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None


def yaml_of() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10**6
    return yaml


def mapping(path: str, text: str) -> tuple[YAML, t.Any]:
    yaml = yaml_of()
    try:
        content = yaml.load(text)
    except YAMLError:  # its text quotes the file
        raise NotRecordable(f"{path} is not valid YAML") from None
    if content is None:
        content = CommentedMap()
    if not isinstance(content, CommentedMap):
        raise NotRecordable(f"{path} does not hold variables (a mapping)")
    return yaml, content


def edited_text(path: str, text: str, name: str, value: t.Any) -> str:
    """A text of variables, without any tag, in which this one has the value; JSON stays JSON."""
    found = _json_of(text)
    if found:
        content, indent = found
        return (
            text
            if _has(content, name, value)
            else json.dumps({**content, name: value}, indent=indent, ensure_ascii=text.isascii())
        )
    # AWX keeps no blank at the end of a text, and without that one no indentation would be the text's own
    whole = text if text.endswith("\n") else f"{text}\n"
    found = _edited(path, whole, name, value, plain=True)
    return text if found == whole else found


def _json_of(text: str) -> tuple[dict[str, t.Any], int | None] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    if "\n" not in text.strip():
        return content, None
    deep = json.dumps(content, indent=4, ensure_ascii=text.isascii()) == text.strip()
    return content, 4 if deep else 2


def _has(content: t.Mapping[str, t.Any], name: str, value: t.Any) -> bool:
    there = content.get(name)
    if is_template(value) and isinstance(there, TaggedScalar):
        there = there.value
    return name in content and there == value and not isinstance(there, bool)


def _edited(path: str, text: str, name: str, value: t.Any, plain: bool = False) -> str:
    content = mapping(path, text)[1]
    if _has(content, name, value):
        return text
    return edited(path, text, lambda content: content.update({name: written(value, plain)}))


def written(value: t.Any, plain: bool = False) -> t.Any:
    """A value as Ansible reads it back: text stays text, and no template is made of it."""
    if isinstance(value, t.Mapping):
        return {written(name, plain): written(one, plain) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(one, plain) for one in value]
    if not isinstance(value, str):
        return value
    if not plain and is_template(value):
        # In one line of double quotes, whatever is in it
        return TaggedScalar(value=value, style='"', tag="!unsafe")
    if not value.isprintable():
        return DoubleQuotedScalarString(value)
    return value if _reads_as(value) == value else SingleQuotedScalarString(value)


def _reads_as(text: str) -> t.Any:
    """By YAML 1.1, as Ansible: no, 1:20 and 2026-01-01 are no text there."""
    try:
        return pyyaml.safe_load(text)
    except pyyaml.YAMLError:
        return None


def edited(path: str, text: str, change: t.Callable[[t.Any], None]) -> str:
    """The text with the change, in the indentation that changes nothing else if there is one."""
    head, body = _split(text)
    if not mapping(path, body)[1]:  # comments at most, which would be lost
        content = CommentedMap()
        change(content)
        return "".join([text.rstrip() or "---", "\n", dumped(yaml_of(), content)])
    candidates = []
    for indent, sequence, offset in INDENTATIONS:
        yaml, content = mapping(path, body)
        yaml.indent(mapping=indent, sequence=sequence, offset=offset)
        faithful = dumped(yaml, content) == body
        change(content)
        candidates.append((not faithful, head + dumped(yaml, content)))
    return min(candidates, key=lambda one: one[0])[1]


def _split(text: str) -> tuple[str, str]:
    """What stands before the document, and the document: comments before its beginning would be lost."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.rstrip() == "---":
            return "".join(lines[: number + 1]), "".join(lines[number + 1 :])
        if line.strip() and not line.startswith("#"):
            break
    return "", text


def dumped(yaml: YAML, content: t.Any) -> str:
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def check_writable(path: str) -> None:
    """In the nearest directory that exists: what is missing can be made there."""
    directory = os.path.dirname(os.path.realpath(path))
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    if not os.access(directory, os.W_OK | os.X_OK) or (os.path.exists(path) and not os.access(path, os.W_OK)):
        raise NotRecordable(f"{path} cannot be written by this user")


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
