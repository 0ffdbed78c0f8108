# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of build/report.md, written row by row by the tests that saw what is in them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

from tests.hosts.paths import REPOSITORY, locked

REPORT = REPOSITORY / "build" / "report.d"


@dataclass(frozen=True)
class Table:
    name: str
    heading: str
    columns: tuple[str, ...]
    """One that ends with a colon holds numbers."""

    def add(self, *cells: object) -> None:
        """A row; one that begins with the same cell is replaced. Rows are files: several sessions write some."""
        row = [str(cell).replace("|", "&#124;") for cell in cells]
        rows = REPORT / self.name
        with locked(f"report-{self.name}"):
            rows.mkdir(parents=True, exist_ok=True)
            (rows / f"{hashlib.sha256(row[0].encode()).hexdigest()[:16]}.json").write_text(json.dumps(row))
            known = sorted(json.loads(file.read_text()) for file in rows.glob("*.json"))
            lines = [f"## {self.heading}", "", _line([column.removesuffix(":") for column in self.columns])]
            lines.append(f"|{'|'.join('--:' if column.endswith(':') else '---' for column in self.columns)}|")
            draft = REPORT / f"{self.name}.md.new"
            draft.write_text("\n".join([*lines, *map(_line, known)]) + "\n")
            os.replace(draft, REPORT / f"{self.name}.md")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


# Those that several files of tests write
PLANTED = Table("faults-of-parts", "Faults of backups, proxy and database", ("planted", "said", "then"))
NATIVE = Table(
    "native",
    "Playbooks on instances without a container",
    ("playbook, what keeps the instance", "instance", "seconds:"),
)
PEOPLE = Table("people", "What was done with people", ("operation", "instance", "proof"))
