# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client's timers start on its machine, each as one file: the collection's own code, and nothing of Ansible.

This is private to the collection. No rule stands twice: what the modules do on a machine, a program does with the
same files. They are embedded as they are, so that whoever opens it can read it.
"""

from __future__ import annotations

import functools
import os
import re
import typing as t

_ROOT = os.path.join(os.path.dirname(__file__), os.pardir, "module_utils")
_PACKAGE = "ansible_collections.mai.clients.plugins.module_utils"
_IMPORT = re.compile(rf"^from ({re.escape(_PACKAGE)}[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_HEAD = """\
#!/usr/bin/python3 -B
# Written by the Ansible collection mai.clients: {does} the client in whose directory it lies. Do not edit it.
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.abc
import importlib.util
import sys

SOURCES = {{}}
"""
_TAIL = '''

class Embedded(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Finds the modules that are in this file."""

    def find_spec(self, name, path=None, target=None):
        if name not in SOURCES:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=SOURCES[name] is None)

    def exec_module(self, module):
        name = module.__name__
        exec(compile(SOURCES[name] or "", "<" + name + ">", "exec"), module.__dict__)


if __name__ == "__main__":
    sys.meta_path.insert(0, Embedded())
    from ansible_collections.mai.clients.plugins.module_utils.@ENTRY@ import main

    sys.exit(main(__file__))
'''


def backup() -> str:
    """The file; the same for every client."""
    return _text("_backup.run", "backs up")


def usage() -> str:
    """The file; the same for every client."""
    return _text("_usage.run", "notes what was used by")


@functools.lru_cache(maxsize=None)
def _text(entry: str, does: str) -> str:
    return _HEAD.format(does=does) + "".join(_entries(entry)) + _TAIL.replace("@ENTRY@", entry)


def _entries(entry: str) -> t.Iterator[str]:
    parts = _PACKAGE.split(".")
    for length in range(1, len(parts) + 1):
        yield f"SOURCES[{'.'.join(parts[:length])!r}] = None\n"
    for name, source in sorted(_needed(f"{_PACKAGE}.{entry}").items()):
        yield f"SOURCES[{name!r}] = " + ("None\n" if source is None else f"r'''\n{_embeddable(source)}'''\n")


def _needed(name: str) -> dict[str, str | None]:
    """The module of that name with all that it needs of the collection, and the packages that these are in."""
    found: dict[str, str | None] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in found or source is None:
            continue
        found[name] = source
        package = name.rpartition(".")[0]
        if package != _PACKAGE:
            found[package] = None
        for place, names in _IMPORT.findall(source):
            # Either the module itself, or a package with modules in it
            waiting += [place, *(f"{place}.{one}" for one in re.findall(r"(\w+)(?: as \w+)?", names))]
    return found


def _source(name: str) -> str | None:
    path = os.path.join(_ROOT, *name[len(_PACKAGE) :].strip(".").split(".")) + ".py"
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def _embeddable(source: str) -> str:
    """As a raw text between three quotes; a source that cannot stand so is a fault that its test finds."""
    if "'''" in source or source.endswith(("'", "\\")):
        raise ValueError("a module of a machine's program has ''' in it")
    return source
