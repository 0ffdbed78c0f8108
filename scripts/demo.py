# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboards one client on this machine and shows that the result is real.

OpenRouter is simulated on loopback, the instance is the stand-in for mAI (or the real Open WebUI, --openwebui).
Everything lies in .demo/; scripts/demo_clean.sh ends what runs and removes it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
CLIENT = "company-abc"
DEPLOYMENT = DEMO / "deployments" / f"client-{CLIENT}"
PYTHON = ROOT / ".venv" / "bin" / "python"
MODEL = "openai/gpt-4o-mini"


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def line(label: str, value: object) -> None:
    print(f"   {label:<24} {value}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def remembered(name: str, make) -> str:
    """A value that a second demo run uses again, such as a port."""
    file = DEMO / name
    if not file.exists():
        file.write_text(f"{make()}\n")
    return file.read_text().strip()


def wait_for(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            sys.exit(f"{url} does not answer; see {DEMO}/simulator.log")
        time.sleep(0.2)


def start_simulator(address: str) -> str:
    """The simulated OpenRouter; its URL contains openrouter.ai, since mAI counts usage only there."""
    port = remembered("simulator.port", free_port)
    api = f"http://{address}:{port}/openrouter.ai/api/v1"
    try:
        running = httpx.get(f"{api}/models", timeout=2).is_success
    except httpx.HTTPError:
        running = False
    if not running:
        with open(DEMO / "simulator.log", "ab") as log:
            command = [PYTHON, "-m", "tests.openrouter_simulator", "--host", address, "--port", port]
            command += ["--provisioning-key-file", DEMO / "provisioning_key", "--state", DEMO / "simulator.json"]
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (DEMO / "simulator.pid").write_text(f"{process.pid}\n")
        wait_for(f"{api}/models")
    return api


def docker_gateway() -> str | None:
    """Where containers reach this machine; None where the demo cannot use Docker.

    What a container writes belongs to root, so only root can clean it up again.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    answers = []
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    for command in (["info"], ["compose", "version"], ["network", "inspect", "bridge", "--format", gateway]):
        try:
            done = subprocess.run(["docker", *command], check=True, capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            return None
        answers.append(done.stdout.strip())
    return answers[-1] or None


def what_runs(openwebui: bool, docker: bool) -> dict[str, str]:
    """How the instance of the demo is run, as variables of its inventory."""
    if openwebui:
        venv = ROOT / ".cache" / "openwebui"
        subprocess.run(["sh", ROOT / "tests" / "openwebui" / "install.sh", venv], check=True)
        program = shlex.quote(str(venv / "bin" / "open-webui"))
        quiet = {"OFFLINE_MODE": "true", "ENABLE_OLLAMA_API": "false", "ANONYMIZED_TELEMETRY": "false"}
        quiet |= {"BYPASS_EMBEDDING_AND_RETRIEVAL": "true", "STATIC_DIR": str(DEPLOYMENT / "static")}
        return {
            "MAI_DEMO_DEPLOYMENT": "native",
            "MAI_DEMO_IMAGE": "",
            "MAI_DEMO_START_COMMAND": f'{program} serve --host "$HOST" --port "$PORT"',
            "MAI_DEMO_EXTRA_ENV": json.dumps(quiet),
            "MAI_DEMO_CREATE_TABLE": "true",
        }
    standin = {"MAI_DEMO_EXTRA_ENV": "{}", "MAI_DEMO_CREATE_TABLE": "false"}
    if docker:
        image = "mai-clients-demo:latest"
        subprocess.run([PYTHON, ROOT / "scripts" / "demo_image.py", image], cwd=ROOT, check=True)
        return standin | {"MAI_DEMO_DEPLOYMENT": "docker", "MAI_DEMO_IMAGE": image, "MAI_DEMO_START_COMMAND": ""}
    command = ["env", f"PYTHONPATH={ROOT}", str(PYTHON), "-m", "tests.mai_standin"]
    start = " ".join(shlex.quote(word) for word in command)
    return standin | {"MAI_DEMO_DEPLOYMENT": "native", "MAI_DEMO_IMAGE": "", "MAI_DEMO_START_COMMAND": start}


def settings(api: str, runs: dict[str, str]) -> dict[str, str]:
    """What inventories/demo and a run on it read from the environment."""
    return {
        # Ansible's own working files, too, stay in the demo's directory
        "ANSIBLE_HOME": str(DEMO / "ansible"),
        "ANSIBLE_REMOTE_TEMP": str(DEMO / "ansible" / "tmp"),
        "OPENROUTER_BASE_URL": api,
        "OPENROUTER_PROVISIONING_KEY": "",  # yours, if you have one, would count before the demo's
        "OPENROUTER_PROVISIONING_KEY_FILE": str(DEMO / "provisioning_key"),
        "MAI_DEMO_DIR": str(DEMO),
        "MAI_DEMO_PORT": remembered("instance.port", free_port),
        **runs,
    }


def write_environment(known: dict[str, str]) -> None:
    """A file for `.`, with which playbooks are run on the demo by hand, too."""
    lines = [f'export PATH={shlex.quote(str(PYTHON.parent))}:"$PATH"']
    lines += [f"export {name}={shlex.quote(value)}" for name, value in known.items()]
    (DEMO / "environment").write_text("\n".join([*lines, ""]))


def onboard() -> dict[str, int]:
    """One run of the playbook, shown as it goes; returns the recap's numbers."""
    command = f"ansible-playbook -i inventories/demo playbooks/onboard_client.yml -e client={CLIENT}"
    print(f"   $ . .demo/environment\n   $ {command}\n", flush=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OPENROUTER_"))}
    process = subprocess.Popen(
        ["sh", "-c", f". .demo/environment && exec {command}"], cwd=ROOT, env=kept, stdout=subprocess.PIPE, text=True
    )
    recap: dict[str, int] = {}
    for text in process.stdout:
        print(f"   {text}", end="", flush=True)
        if re.match(rf"{CLIENT}\s+: ok=", text):
            recap = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", text)}
    if process.wait() != 0:
        sys.exit(f"The onboarding failed, see above. What there is so far lies in {DEMO}; make demo-clean removes it.")
    return recap


def admin_password() -> str:
    match = re.search(r'^WEBUI_ADMIN_PASSWORD="(.*)"$', (DEPLOYMENT / "admin.env").read_text(), re.M)
    return re.sub(r"\\(.)", r"\1", match.group(1))


def usage_of(api: str, provisioning_key: str) -> dict:
    keys = httpx.get(f"{api}/keys", headers={"Authorization": f"Bearer {provisioning_key}"}).raise_for_status().json()
    return next(key for key in keys["data"] if key["name"] == f"client-{CLIENT}")


def show_it_works(api: str, port: str, tracks_usage: bool) -> None:
    instance = f"http://127.0.0.1:{port}"
    provisioning_key = (DEMO / "provisioning_key").read_text().strip()
    line("health", f"{instance}/health answers {httpx.get(f'{instance}/health').raise_for_status().status_code}")

    credentials = {"email": "admin@companyabc.com", "password": admin_password()}
    answer = httpx.post(f"{instance}/api/v1/auths/signin", json=credentials, timeout=30).raise_for_status().json()
    session = {"Authorization": f"Bearer {answer['token']}"}
    line("administrator", f"{answer['email']} signed in, role {answer['role']}")

    before = usage_of(api, provisioning_key)["usage"]
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello to Company ABC."}]}
    reply = httpx.post(f"{instance}/api/chat/completions", json=chat, headers=session, timeout=60).raise_for_status()
    line("chat", repr(reply.json()["choices"][0]["message"]["content"])[:70])

    key = usage_of(api, provisioning_key)
    cost = key["usage"] - before
    if cost <= 0:
        sys.exit("The chat did not appear on the client's key at OpenRouter.")
    line("cost on the key", f"{cost:.8f} USD of {key['limit']:.2f} USD a {key['limit_reset']} limit")
    if tracks_usage:
        summary = httpx.get(
            f"{instance}/api/v1/usage-tracking/my-organization/usage-summary", headers=session, timeout=30
        )
        summary.raise_for_status()
        with sqlite3.connect(f"file:{DEPLOYMENT}/data/webui.db?mode=ro", uri=True) as database:
            raw, billed = database.execute("SELECT sum(raw_cost), sum(markup_cost) FROM client_daily_usage").fetchone()
        if abs(billed - raw * 1.3) > 1e-12 or raw <= 0:
            sys.exit(f"The instance billed {billed} for {raw}: not raw cost times 1.3.")
        line("usage in the instance", f"{raw:.8f} USD raw, {billed:.8f} USD billed (x 1.3); its usage page answers")
    with sqlite3.connect(f"file:{DEPLOYMENT}/data/webui.db?mode=ro", uri=True) as database:
        columns = "id, name, monthly_limit, markup_rate, billing_email, is_active"
        row = database.execute(f"SELECT {columns} FROM client_organizations").fetchone()
    line("database", dict(zip(columns.split(", "), row)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openwebui", action="store_true", help="the real Open WebUI in place of the stand-in (2 GB)")
    arguments = parser.parse_args()
    DEMO.mkdir(mode=0o700, exist_ok=True)

    heading("A simulated OpenRouter")
    gateway = None if arguments.openwebui else docker_gateway()
    api = start_simulator(gateway or "127.0.0.1")
    runs = what_runs(arguments.openwebui, docker=gateway is not None)
    known = settings(api, runs)
    write_environment(known)
    line("API", api)
    line("instance", f"{'Open WebUI' if arguments.openwebui else 'stand-in for mAI'}, {runs['MAI_DEMO_DEPLOYMENT']}")

    begin = time.monotonic()
    heading("Onboard Company ABC")
    first = onboard()
    first_seconds = time.monotonic() - begin

    heading("The hand-over")
    print((DEMO / "handovers" / f"{CLIENT}.md").read_text())

    heading("It is real")
    show_it_works(api, known["MAI_DEMO_PORT"], tracks_usage=not arguments.openwebui)

    heading("The same command again")
    again = time.monotonic()
    second = onboard()
    again_seconds = time.monotonic() - again
    if second.get("changed") != 0:
        sys.exit(f"The second run changed {second.get('changed')} things: it should change nothing.")

    kind = "openwebui" if arguments.openwebui else "standin"
    fragment = ROOT / "build" / "report.d" / f"demo-{kind}.md"
    fragment.parent.mkdir(parents=True, exist_ok=True)
    fragment.write_text(
        f"## Demo ({runs['MAI_DEMO_DEPLOYMENT']}, {'Open WebUI' if arguments.openwebui else 'stand-in'})\n\n"
        "| | tasks ok | changed | seconds |\n|---|---|---|---|\n"
        f"| first run | {first['ok']} | {first['changed']} | {first_seconds:.1f} |\n"
        f"| second run | {second['ok']} | {second['changed']} | {again_seconds:.1f} |\n"
        f"| whole demo | | | {time.monotonic() - begin:.1f} |\n"
    )
    heading("Done")
    line("first run", f"changed={first['changed']} in {first_seconds:.0f} s")
    line("second run", f"changed={second['changed']} in {again_seconds:.0f} s")
    line("open it", f"http://127.0.0.1:{known['MAI_DEMO_PORT']}")
    line("run others on it", ". .demo/environment; ansible-playbook -i inventories/demo playbooks/list_clients.yml")
    line("end it", "make demo-clean")


if __name__ == "__main__":
    main()
