# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as a picture: seconds of each way beside the floor, and the memory that it took."""

from __future__ import annotations

import io
import pathlib
import typing as t

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt  # noqa: E402  (the line above decides what it loads)

from tests.bench.keys import BULK, INFO, LOOP, SDK  # noqa: E402

COLOURS = {BULK: "#1f6f8b", INFO: "#6fb1c9", LOOP: "#e0912f", SDK: "#8a8a8a"}
LICENCE = "<!--\nSPDX-FileCopyrightText: 2026 The mai.clients team\nSPDX-License-Identifier: GPL-3.0-or-later\n-->\n"


def draw(keys: dict[str, t.Any], path: pathlib.Path) -> None:
    mpl.rcParams.update({"svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    jobs = list(dict.fromkeys((row["job"], row["keys"]) for row in keys["rows"]))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 0.55 * len(jobs) + 1.6), sharey=True, layout="constrained")
    for place, job in enumerate(jobs):
        rows = [row for row in keys["rows"] if (row["job"], row["keys"]) == job]
        height = 0.8 / len(rows)
        for number, row in enumerate(rows):
            y = place - 0.4 + height * (number + 0.5)
            colour = COLOURS[row["tool"]]
            left.barh(y, row["seconds"], height * 0.9, color=colour, label=row["tool"])
            left.text(row["seconds"] * 1.05, y, f"{row['seconds']:.1f} s", va="center", fontsize=7)
            left.vlines(row["floor_seconds"], y - height / 2, y + height / 2, color="black", linewidth=1.5)
            right.barh(y, row["peak_mib"], height * 0.9, color=colour)
    left.set_yticks(range(len(jobs)), [f"{job} {count}" for job, count in jobs])
    left.invert_yaxis()
    left.set_xscale("log")
    left.set_xlabel("seconds, Ansible's start included (logarithmic); black: calls × latency ÷ concurrency")
    right.set_xlabel("peak memory of the largest process, MiB")
    shown = dict(zip(*reversed(left.get_legend_handles_labels())))
    figure.legend(shown.values(), shown.keys(), loc="outside upper center", ncols=len(shown), frameon=False)
    picture = io.StringIO()
    figure.savefig(picture, format="svg", metadata={"Date": None, "Title": "Keys: seconds and memory"})
    plt.close(figure)
    declaration, rest = picture.getvalue().split("\n", 1)
    path.write_text(f"{declaration}\n{LICENCE}{rest}", encoding="utf-8")
