# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``ansible-test sanity`` of one ansible-core: scripts/sanity.py 2.21.5 [--skip-test pylint]

Everything it needs besides PyPI is prepared here: a venv with that ansible-core, a stand-in for the script with
which ansible-test puts pip into its own venvs (it would be downloaded from a host that is often out of reach), and
a directory with the interpreters that really run. All of it is kept in .cache/sanity and used again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import debian13
import tree

CACHE = tree.ROOT / ".cache" / "sanity"

GET_PIP = """\
import os, runpy, sys
here = os.path.dirname(os.path.abspath(os.environ.get("GET_PIP", __file__)))
sys.path.insert(0, os.path.join(here, "pip-{pip}-py3-none-any.whl"))
options = [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", "--no-index", "--find-links", here] + options
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Core:
    """What an ansible-core asks of its controller, and the pip that its ansible-test installs."""

    oldest: str
    newest: str
    pip: str

    def supports(self, python: str) -> bool:
        minor = int(python.partition(".")[2])
        return int(self.oldest.partition(".")[2]) <= minor <= int(self.newest.partition(".")[2])


CORES = {
    "2.19": Core("3.11", "3.13", "24.2"),
    "2.20": Core("3.12", "3.14", "25.2"),
    "2.21": Core("3.12", "3.14", "25.2"),
}


def find_interpreters() -> dict[str, str]:
    """Those that ansible-test knows as controller or target: version to path, newest first."""
    listed = subprocess.run(
        ["sh", str(tree.ROOT / "scripts" / "pythons.sh"), "3.8", "3.14"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines())


def make_environment(venv: Path, python: str, version: str) -> Path:
    """A venv with just this ansible-core, built once; returns its bin directory."""
    if not (venv / ".ready").exists():
        subprocess.run([python, "-m", "venv", "--clear", str(venv)], check=True)
        pip(venv / "bin" / "python", "install", f"ansible-core=={version}")
        (venv / ".ready").touch()
    return venv / "bin"


def pip(python: Path, *arguments: str) -> None:
    options = ["-qq", "--no-input", "--disable-pip-version-check"]
    subprocess.run([str(python), "-m", "pip", *arguments, *options], check=True)


def make_home(home: Path, python: Path, core: Core) -> None:
    """A home directory with ansible-test's cache, so that the user's own is left alone."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / f"pip-{core.pip}-py3-none-any.whl").exists():
        pip(python, "download", "--no-deps", f"pip=={core.pip}", "--dest", str(cache))
    script = cache / f"get_pip_{core.pip.replace('.', '_')}.py"
    script.write_text(GET_PIP.format(pip=core.pip), encoding="utf-8")
    for settings in (".config", ".pip"):  # where pip's own configuration may be
        link = home / settings
        if not link.is_symlink():
            link.symlink_to(Path.home() / settings)


def make_links(links: Path, interpreters: dict[str, str]) -> None:
    links.mkdir(exist_ok=True)
    for version, path in interpreters.items():
        link = links / f"python{version}"
        if not link.is_symlink():
            link.symlink_to(path)


def main(version: str, *options: str) -> int:
    series = version.rpartition(".")[0]
    if series not in CORES:
        sys.exit(f"Not prepared for ansible-core {version}; known: {', '.join(CORES)}")
    core = CORES[series]
    interpreters = find_interpreters()
    usable = [path for python, path in interpreters.items() if core.supports(python)]
    if not usable:
        if debian13.possible():
            return debian13.run(__file__, version, *options)
        sys.exit(
            f"ansible-core {version} needs Python {core.oldest} to {core.newest} with venv and pip, and this machine "
            "has none on PATH. Install one (Debian, Ubuntu: with its -venv package), or run as root on Debian 12."
        )
    # Venvs belong to the interpreters that they were built with.
    cache = CACHE / hashlib.sha256(repr(interpreters).encode()).hexdigest()[:8] / version
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock, tempfile.TemporaryDirectory() as temporary:
        fcntl.flock(lock, fcntl.LOCK_EX)
        binaries = make_environment(cache / "venv", usable[0], version)
        make_home(cache / "home", binaries / "python", core)
        make_links(cache / "interpreters", interpreters)
        collection = tree.copy_as_collection(Path(temporary))
        # Without git, ansible-test overlooks links to directories.
        subprocess.run(["git", "init", "--quiet"], cwd=collection, check=True)
        subprocess.run(["git", "add", "--all"], cwd=collection, check=True)
        path = os.pathsep.join([str(binaries), str(cache / "interpreters"), os.environ["PATH"]])
        return subprocess.run(
            [str(binaries / "ansible-test"), "sanity", "--local", "--color", "no", *options],
            cwd=collection,
            env={**os.environ, "PATH": path, "HOME": str(cache / "home")},
            check=False,
        ).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
