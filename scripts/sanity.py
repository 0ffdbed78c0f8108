# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``ansible-test sanity`` of one ansible-core: scripts/sanity.py 2.21.5

Everything it needs besides PyPI is prepared here: a venv with that ansible-core, a stand-in for the script with
which ansible-test puts pip into its own venvs (it would be downloaded from a host that is often out of reach), and
a directory with the interpreters that really run. All of it is kept in .cache/sanity and used again.
"""

from __future__ import annotations

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


CORES = {
    "2.19": Core("3.11", "3.13", "24.2"),
    "2.20": Core("3.12", "3.14", "25.2"),
    "2.21": Core("3.12", "3.14", "25.2"),
}


def interpreters(oldest: str = "3.8", newest: str = "3.14") -> dict[str, str]:
    """Version to path, newest first."""
    listed = subprocess.run(
        ["sh", str(tree.ROOT / "scripts" / "pythons.sh"), oldest, newest],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines())


def make_environment(version: str, core: Core) -> Path:
    """A venv with just this ansible-core, built once; returns its bin directory."""
    venv = CACHE / version
    if not ((venv / ".ready").exists() and (venv / "bin" / "python").exists()):
        newest = next(iter(interpreters(core.oldest, core.newest).values()))
        subprocess.run([newest, "-m", "venv", "--clear", str(venv)], check=True)
        pip(venv / "bin" / "python", "install", f"ansible-core=={version}")
        (venv / ".ready").touch()
    return venv / "bin"


def pip(python: Path, *arguments: str) -> None:
    options = ["-qq", "--no-input", "--disable-pip-version-check"]
    subprocess.run([str(python), "-m", "pip", *arguments, *options], check=True)


def make_home(python: Path, core: Core) -> Path:
    """A home directory with ansible-test's cache, so that the user's own is left alone."""
    home = CACHE / "home"
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
    return home


def make_path(binaries: Path) -> str:
    links = CACHE / "interpreters"
    links.mkdir(parents=True, exist_ok=True)
    for old in links.iterdir():
        old.unlink()
    for version, path in interpreters().items():
        (links / f"python{version}").symlink_to(path)
    return os.pathsep.join([str(binaries), str(links), os.environ["PATH"]])


def main(version: str) -> int:
    series = version.rpartition(".")[0]
    if series not in CORES:
        sys.exit(f"Not prepared for ansible-core {version}; known: {', '.join(CORES)}")
    core = CORES[series]
    if not interpreters(core.oldest, core.newest):
        if debian13.possible():
            return debian13.run(__file__, version)
        sys.exit(
            f"ansible-core {version} needs Python {core.oldest} to {core.newest} with venv and pip, and this machine "
            "has none on PATH. Install one (Debian, Ubuntu: with its -venv package), or run as root on Debian 12."
        )
    binaries = make_environment(version, core)
    home = make_home(binaries / "python", core)
    environment = {**os.environ, "PATH": make_path(binaries), "HOME": str(home)}
    with tempfile.TemporaryDirectory() as temporary:
        collection = tree.copy_as_collection(Path(temporary))
        # Without git, ansible-test overlooks links to directories.
        subprocess.run(["git", "init", "--quiet"], cwd=collection, check=True)
        subprocess.run(["git", "add", "--all"], cwd=collection, check=True)
        return subprocess.run(
            ["ansible-test", "sanity", "--local", "--color", "no"], cwd=collection, env=environment, check=False
        ).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
