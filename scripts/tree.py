# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository as a fresh clone would have it, uncommitted work included, and the artefact built from that.

scripts/tree.py --build DIRECTORY    builds the collection into DIRECTORY and prints the path
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files() -> list[Path]:
    """Everything that git has or would take, as paths relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    paths = sorted({Path(name) for name in listed.split("\0") if name})
    return [path for path in paths if (ROOT / path).is_symlink() or (ROOT / path).exists()]


def copy(destination: Path) -> Path:
    """Copies the tree to a directory that need not exist; links stay links."""
    for path in files():
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    return destination


def copy_as_collection(parent: Path) -> Path:
    """The same at the place that ansible-test insists on."""
    return copy(parent / "ansible_collections" / "mai" / "clients")


def build(output: Path) -> Path:
    """Builds the artefact from a copy, so that nothing git ignores can get in."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        subprocess.run(
            [str(Path(sys.executable).with_name("ansible-galaxy")), "collection", "build", "--force"]
            + ["--output-path", str(output.resolve()), str(copy(Path(temporary) / "clone"))],
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return max(output.glob("mai-clients-*.tar.gz"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, metavar="DIRECTORY")
    print(build(parser.parse_args().build))
