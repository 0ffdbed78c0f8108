# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets a real controller up, twice, and launches every job template in a way that changes no client.

    export CONTROLLER_HOST=https://awx.example.com CONTROLLER_OAUTH_TOKEN=… OPENROUTER_PROVISIONING_KEY=…
    .venv/bin/python scripts/awx_acceptance.py --client company-abc -e @awx-settings.yml

Everything after the script's own options goes to ansible-playbook. The second run has to change nothing. Templates that
only read are launched as they are, all others as checks. The workflow is not launched: it onboards.

It makes what awx_setup.yml makes, and leaves it there. So far it was run against tests/awx_imitation only, which runs
no job.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PLAYBOOK = [str(Path(sys.executable).with_name("ansible-playbook")), "playbooks/awx_setup.yml"]
ONLY_READ = ("list_clients", "client_info", "diagnose_client")
UNFINISHED = ("new", "pending", "waiting", "running")


def answer(question: dict[str, Any], client: str) -> str:
    """To what has to be answered; what is asked besides is left empty."""
    return {"new_limit": "100", "mai_client_name": "Acceptance"}.get(question["variable"], client)


def launch_of(template: dict[str, Any], survey: dict[str, Any], client: str) -> dict[str, Any] | None:
    """What is posted to launch a template without changing a client; None where that cannot be."""
    answers = {one["variable"]: answer(one, client) for one in survey.get("spec", []) if one["required"]}
    reads = Path(template["playbook"]).stem in ONLY_READ
    if reads or template["job_type"] == "check":
        return {"extra_vars": answers}
    return {"extra_vars": answers, "job_type": "check"} if template["ask_job_type_on_launch"] else None


def launch_all(api: httpx.Client, prefix: str, client: str, patience: float = 600) -> list[dict[str, Any]]:
    """A row for each template whose name begins so; they are launched one after the other."""
    rows = []
    found = get(api, "job_templates/", name__startswith=prefix, page_size=200, order_by="name")["results"]
    for template in found:
        wanted = launch_of(template, get(api, f"job_templates/{template['id']}/survey_spec/"), client)
        row = {"template": template["name"], "as": "", "job": "", "status": "not launched", "seconds": ""}
        if wanted is not None:
            launched = api.post(f"job_templates/{template['id']}/launch/", json=wanted)
            if launched.status_code == 201:
                job = finished(api, launched.json()["job"], patience)
                row.update(job=job["id"], status=job["status"], seconds=job["elapsed"])
            else:
                row["status"] = f"refused: HTTP {launched.status_code}"
            row["as"] = "check" if "check" in (template["job_type"], wanted.get("job_type")) else "run"
        rows.append(row)
    return rows


def finished(api: httpx.Client, number: int, patience: float) -> dict[str, Any]:
    until = time.monotonic() + patience
    while True:
        job = get(api, f"jobs/{number}/")
        if job["status"] not in UNFINISHED or time.monotonic() > until:
            return job
        time.sleep(2)


def get(api: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    return api.get(path, params=query).raise_for_status().json()


def set_up(arguments: list[str]) -> tuple[int, int]:
    """Its exit code, and how much it changed."""
    run = subprocess.run([*PLAYBOOK, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(run.stdout, end="", flush=True)
    recap = re.search(r"^localhost\s+:.*\bchanged=(\d+)", re.sub(r"\x1b\[[\d;]*m", "", run.stdout), re.M)
    return run.returncode, int(recap[1]) if recap else -1


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--client", required=True, help="a client of the inventory, for what has to be answered")
    parser.add_argument("--prefix", default="mAI: ", help="as mai_awx_prefix")
    options, arguments = parser.parse_known_args(given)
    for number in (1, 2):
        code, changed = set_up(arguments)
        print(f"set-up {number}: exit code {code}, changed {changed}")
        if code != 0 or (number == 2 and changed != 0):
            return 1
    # Jobs are launched by whoever set up
    with httpx.Client(
        base_url=f"{address(os.environ['CONTROLLER_HOST'])}/api/v2/",
        verify=os.environ.get("CONTROLLER_VERIFY_SSL", "true").lower() not in ("false", "no", "0"),
        timeout=60,
        **credentials(os.environ),
    ) as api:
        rows = launch_all(api, options.prefix, options.client)
    for row in rows:
        print(f"{row['template']:<40} {row['as']:<6} job {row['job']!s:<6} {row['status']} {row['seconds']}")
    bad = [row for row in rows if row["status"] not in ("successful", "not launched")]
    print(f"{len(rows)} templates, {len(bad)} of them not successful")
    return 1 if bad else 0


def address(host: str) -> str:
    """As the modules take it."""
    return host.rstrip("/") if host.startswith(("http://", "https://")) else f"https://{host}"


def credentials(environ: Any) -> dict[str, Any]:
    token = environ.get("CONTROLLER_OAUTH_TOKEN")
    if token:
        return {"headers": {"Authorization": f"Bearer {token}"}}
    return {"auth": (environ["CONTROLLER_USERNAME"], environ["CONTROLLER_PASSWORD"])}


if __name__ == "__main__":
    sys.exit(main())
