# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the stand-in for mAI for the demo, made of files of this machine: nothing is downloaded or installed.

It holds this Python, what its extension modules are linked with, the packages of .venv that the stand-in needs, and
the stand-in. `docker import` turns that into an image.

    python scripts/demo_image.py NAME
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STANDIN = ROOT / "tests" / "mai_standin"
PACKAGES = ("starlette", "uvicorn", "httpx", "bcrypt", "PyJWT", "websockets")
PYTHON = Path(sys.executable).resolve()


def closure(names: tuple[str, ...]) -> set[str]:
    """The packages and what they need, as far as it is installed here."""
    found: set[str] = set()
    queue = list(names)
    while queue:
        name = re.match(r"[A-Za-z0-9._-]+", queue.pop()).group().lower().replace("_", "-")
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            queue += [need for need in needs if "extra ==" not in need]
    return found


def libraries(programs: list[Path]) -> set[Path]:
    """What the loader maps for these programs and modules, and the loader itself."""
    output = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", output)}


def contents() -> dict[str, Path]:
    """Path in the image → file here."""
    files: dict[str, Path] = {}
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    skipped = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages", "dist-packages"}
    for path in stdlib.rglob("*"):
        if path.is_file() and not skipped & set(path.relative_to(stdlib).parts):
            files[str(path)] = path
    files[str(PYTHON)] = PYTHON
    for name in closure(PACKAGES):
        for entry in metadata.files(name) or []:
            path = Path(entry.locate())
            if not path.is_file() or path.suffix == ".pyc" or ".." in entry.parts:
                continue
            files[f"/opt/packages/{entry}"] = path
            if path.suffix == ".py" and (compiled := Path(cache_from_source(path))).is_file():
                files[f"/opt/packages/{entry.parent}/__pycache__/{compiled.name}"] = compiled
    for path in STANDIN.glob("*.py"):
        files[f"/opt/mai_standin/{path.name}"] = path
    programs = [path for path in files.values() if path == PYTHON or ".so" in path.suffixes]
    files |= {str(path): path for path in libraries(programs)}
    return files


def write(archive: tarfile.TarFile) -> None:
    for name, path in sorted(contents().items()):
        info = archive.gettarinfo(str(path.resolve()), name.lstrip("/"))
        info.uid = info.gid = 0
        with path.open("rb") as file:
            archive.addfile(info, file)
    links = {"usr/bin/python3": str(PYTHON)}
    for name, target in links.items():
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        archive.addfile(info)
    for directory in ("tmp", "app/backend/data", "etc"):
        info = tarfile.TarInfo(directory)
        info.type, info.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
        archive.addfile(info)
    passwd = b"root:x:0:0:root:/root:/bin/sh\n"
    info = tarfile.TarInfo("etc/passwd")
    info.size = len(passwd)
    archive.addfile(info, io.BytesIO(passwd))


def main() -> None:
    name = sys.argv[1]
    changes = [
        "ENV PATH=/usr/bin PYTHONPATH=/opt/packages PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/app/backend/data",
        "WORKDIR /app/backend",
        "EXPOSE 8080",
        'CMD ["/usr/bin/python3", "/opt/mai_standin"]',
    ]
    options = [word for change in changes for word in ("--change", change)]
    process = subprocess.Popen(["docker", "import", *options, "-", name], stdin=subprocess.PIPE)
    with process.stdin as pipe, tarfile.open(fileobj=pipe, mode="w|") as archive:
        write(archive)
    process.wait()
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
