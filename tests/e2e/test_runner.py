# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way AWX runs it: jobs of ansible-runner, and everything that AWX stores about them searched for secrets."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

import pytest

from tests.e2e.awx import BAKED, OLDEST_CORE, PROGRAMS, REQUIREMENTS, Awx, Job, Sent, oldest_core
from tests.e2e.conftest import Image
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project
from tests.kit.canaries import READABLE
from tests.openrouter_simulator import Simulator

SLUG, OLD = "from-awx", "from-oldest-core"
MARK = "/run/before-the-jobs"
# Answers of a survey that were left empty
EMPTY = {"openrouter_provisioning_key": "", "mai_billing_email": "", "replace_lost_key": "", "take_lock": ""}
# Everything that happens to a client after its onboarding, in this order, and the answers of its survey
OPERATIONS: dict[str, dict[str, str]] = {
    "set_limit": {"new_limit": "750", "remember": "false"},
    "suspend_client": {"keep_running": ""},
    "resume_client": {},
    "rotate_key": {"older_than_days": "", "carry_usage": "", "delete_old": ""},
    "upgrade_client": {"new_image": "", "when_idle": "", "canary": "", "idle_minutes": "", "continue": ""},
    "list_clients": {"fail_on": "down"},
    "client_info": {},
    "site": {"fail_on_drift": ""},
    "diagnose_client": {"paid_test": "", "disk_gib": "", "memory_mib": "", "fail_on_unknown": "", "json_file": ""},
    "offboard_client": {"confirm": SLUG, "purge_data": "", "host_lost": ""},
}
# Jobs that end badly, each in its way: what becomes of the client, and what the job says
FAILING: dict[str, tuple[dict[str, t.Any], str]] = {
    "refused": ({}, "answered 400"),
    "broken": ({"mai_extra_env": {"STANDIN_FAIL": "start"}}, "broken"),
    "gone": ({"ansible_port": 1}, "UNREACHABLE"),
    "misspelt": ({"mai_admin_pasword": "PASSWORD"}, "did you mean mai_admin_password?"),
    "image": ({"mai_image": "localhost:1/mai:1", "mai_image_pull": "always"}, "localhost:1/mai:1"),
    "database": ({"mai_database": "external", "mai_database_url": "URL"}, "mai_database_url"),
}
# Where a job stands when somebody cancels it: a request to OpenRouter, or a task, before it
CANCELLED: dict[str, t.Any] = {
    "cancelled-created": ("POST", "after"),
    "cancelled-starting": "Wait until the instance is up",
    "cancelled-record": "The client's record in the instance's database",
}
ADMIN = {"mai_admin_email": "admin@example.com"}


@pytest.fixture(scope="module")
def awx(
    new_fleet: t.Callable[..., Fleet], project: Project, ready_hosts: tuple[Host, Host], standin_image: Image
) -> t.Iterator[Awx]:
    fleet, host = new_fleet(), ready_hosts[0]
    host.exec("touch", MARK)
    # Sockets of SSH lie in it: a short path.
    with tempfile.TemporaryDirectory(prefix="awx-") as folder:
        awx = Awx(pathlib.Path(folder) / "runner", project, fleet)
        awx.group = {
            **{"mai_image": standin_image.name, "mai_image_pull": "never", "mai_usage_history": False},
            **{"mai_monthly_limit": 500, "mai_health_timeout": 20, **ADMIN},
            "mai_instance_api_base_url": fleet.openrouter.openrouter_like_url,
        }
        vaulted = awx.vaulted(awx.canary("backup password"))
        backup = {"mai_backup_repository": f"/srv/backup/{SLUG}", "mai_backup_password": vaulted}
        fleet.put(SLUG, host, mai_client_name="From AWX", **backup)
        fleet.put("another", host, mai_client_name="Another")
        yield awx
        awx.close()
        report(awx)


@pytest.fixture(scope="module")
def first(awx: Awx) -> Job:
    """The most talkative job; the first password comes from a credential, as an extra variable."""
    password = {"mai_admin_password": awx.canary("first password")}
    return awx.launch(verbosity=4, options="--diff", credential=password, client=SLUG, **EMPTY)


@pytest.fixture
def node(awx: Awx) -> t.Iterator[pathlib.Path]:
    """Another machine of the mesh: it has nothing but what it is sent."""
    folder = awx.folder.with_name("node")
    yield folder
    for path in awx.folder.parent.glob("node*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_job_onboards_the_client(awx: Awx, first: Job) -> None:
    assert (first.status, first.rc) == ("successful", 0), first.said
    assert first.stats["changed"][SLUG] > 0
    assert awx.fleet.organization(SLUG)["name"] == "From AWX"
    assert awx.fleet.container(SLUG)["State"]["Running"]
    assert awx.fleet.sign_in(SLUG, password=awx.canaries["first password"]).status_code == 200


def test_a_job_hands_on_what_it_made_and_keeps_nothing_itself(awx: Awx, first: Job) -> None:
    [stats] = [event for event in first.events if event["event"] == "playbook_on_stats"]
    handed = stats["event_data"]["artifact_data"]["mai_handover"]
    assert set(handed) == {SLUG} and handed[SLUG]["key_hash"] == awx.fleet.only_key(SLUG)["hash"]
    assert (handed[SLUG]["name"], handed[SLUG]["limit"], handed[SLUG]["suspended"]) == ("From AWX", 500, False)
    record = awx.fleet.file(SLUG, "HANDOVER.md")
    assert "| changed by job | 4711, template Onboard a client, launched by anna, revision ffffffffffff |" in record
    assert not (awx.folder / "project" / "handovers").exists()


def test_it_would_find_a_secret(awx: Awx, first: Job) -> None:
    awx.learn(SLUG)
    # Provisioning key, client's key, WEBUI_SECRET_KEY; passwords of the vault, the backup and the administrator
    assert len(awx.canaries) == 6
    for name, secret in awx.canaries.items():
        half = secret[: len(secret) // 2]
        shapes = (secret, half, half[::-1], base64.b64encode(b"ab" + secret.encode()).decode())
        assert all(name in awx.found(f"… {shape} …") for shape in shapes)
    assert len(first.events) > 100 and len(first.artifacts) > 1000


def test_no_event_and_no_artifact_holds_a_secret(awx: Awx, first: Job) -> None:
    awx.learn(SLUG)
    assert awx.leaks(first) == set()


def test_a_second_job_elsewhere_changes_nothing(awx: Awx, first: Job, node: pathlib.Path) -> None:
    """Through `transmit | worker | process`: nothing is needed but what the job was sent."""
    second = awx.send(node, client="all", options=f"--limit {SLUG}", **EMPTY).wait()
    assert (second.status, second.rc) == ("successful", 0), second.said
    assert second.stats["changed"] == {} and set(second.stats["ok"]) == {SLUG}
    assert awx.fleet.writes == []
    assert awx.fleet.control.keys_named("client-another") == []
    # Of its own copy, the clone that finds itself
    assert second.paths() and all(path.startswith(f"{node}/project/") for path in second.paths())
    assert awx.leaks(second) == set()


def install(awx: Awx, place: str) -> None:
    """What the project's sync does, in the project's root; and what the build of an image does with the same file."""
    folder, project = awx.folder / place, awx.folder / "project"
    search = {"ANSIBLE_COLLECTIONS_PATH": str(folder), "HOME": str(awx.folder / "home"), "PATH": os.environ["PATH"]}
    command = [str(PROGRAMS / "ansible-galaxy"), "collection", "install", "--offline"]
    subprocess.run([*command, "-r", "collections/requirements.yml"], cwd=project, env=search, check=True)
    assert (folder / "ansible_collections/mai/clients/MANIFEST.json").exists()


def test_the_same_from_the_collection_that_the_sync_installed(awx: Awx, first: Job) -> None:
    """It beats one in the image, and the project's own link to itself."""
    install(awx, BAKED)
    install(awx, REQUIREMENTS)
    job = awx.launch(client=SLUG, **EMPTY)
    shutil.rmtree(awx.folder / REQUIREMENTS)
    assert job.rc == 0 and job.stats["changed"] == {}, job.said
    assert awx.fleet.writes == []
    used = job.paths()
    roles = {path for path in used if "/roles/" in path}
    assert roles and all(path.startswith(f"{awx.folder / REQUIREMENTS}/") for path in roles)
    # The job template's playbook is a file of the project, of the same revision
    assert all(path.startswith(f"{awx.folder}/project/playbooks/") for path in used - roles)


def test_the_same_from_the_collection_in_the_image(awx: Awx, first: Job) -> None:
    """The project holds a wrapper and nothing else."""
    project, aside = awx.folder / "project", awx.folder / "aside"
    project.rename(aside)
    project.mkdir()
    (project / "onboard.yml").write_text("- ansible.builtin.import_playbook: mai.clients.onboard_client\n")
    try:
        job = awx.launch("onboard.yml", client=SLUG, **EMPTY)
    finally:
        shutil.rmtree(project)
        aside.rename(project)
        shutil.rmtree(awx.folder / BAKED)
    assert job.rc == 0 and job.stats["changed"] == {}, job.said
    assert awx.fleet.writes == []
    assert job.paths() and all(path.startswith(f"{awx.folder / BAKED}/") for path in job.paths())


def test_a_limit_without_the_client_is_an_error(awx: Awx, first: Job) -> None:
    none = awx.launch(client=SLUG, options="--limit another")
    assert none.rc != 0
    assert "--limit another leaves none of the clients named with client=from-awx" in none.words


def test_an_answer_that_looks_like_a_template_stays_text(awx: Awx, first: Job) -> None:
    refused = awx.launch(client="{{ lookup('env', 'HOME') }}")
    assert refused.rc != 0 and str(awx.folder) not in refused.said.rpartition("No client or group")[2][:80]


@pytest.mark.parametrize("playbook", OPERATIONS)
def test_every_operation_is_a_job(awx: Awx, first: Job, playbook: str) -> None:
    awx.learn(SLUG)
    loud = list(OPERATIONS).index(playbook) % 2
    options = f"--limit {SLUG}" + (" --diff" if loud else "")
    job = awx.launch(playbook, verbosity=4 * loud, client=SLUG, options=options, **{**EMPTY, **OPERATIONS[playbook]})
    assert job.rc == 0, job.said
    awx.learn(SLUG)
    assert awx.leaks(job) == set()
    if playbook == "set_limit":
        assert "NOT RECORDED: the next onboard/site run sets 500" in job.words


def test_the_last_operation_left_nothing(awx: Awx, first: Job) -> None:
    assert awx.fleet.control.keys_named(f"client-{SLUG}") == []


class Story(t.NamedTuple):
    foreseen: Job
    failed: Job
    cancelled: dict[str, Job]
    left: set[str]
    """Provisional keys after the cancelled jobs."""
    recovered: Job


@pytest.fixture(scope="module")
def story(awx: Awx, simulator: Simulator, ready_hosts: tuple[Host, Host]) -> Story:
    """Jobs that fail and jobs that are cancelled, then one job over all of them."""
    fleet, host, control = awx.fleet, ready_hosts[0], simulator.control
    url = f"postgresql://mai:{awx.canary('database password')}@127.0.0.1:1/mai"
    values = {"URL": url, "PASSWORD": awx.canary("misspelt password")}
    for slug, (variables, _said) in FAILING.items():
        own = {name: values.get(str(value), value) for name, value in variables.items()}
        fleet.put(slug, host, mai_client_name=slug, **own)
    for slug in CANCELLED:
        fleet.put(slug, host, mai_client_name=slug)
    named = ",".join(FAILING)
    foreseen = awx.launch(verbosity=4, options="--check --diff", client=f"database,{','.join(CANCELLED)}", **EMPTY)
    leaky = '{"error": {"code": 400, "message": "{authorization} {response}"}}'
    control.fault(kind="status", status=400, method="POST", when="after", name="client-refused", body=leaky)
    failed = awx.launch(verbosity=4, options="--diff", client=named, **EMPTY)
    control.clear_faults()
    # Docker would start it again and again
    host.exec("docker", "rm", "--force", fleet.service("broken"), check=False)

    nodes = {slug: awx.folder.with_name(f"n{number}") for number, slug in enumerate(CANCELLED)}
    sent: dict[str, Sent] = {}
    cancelled: dict[str, Job] = {}
    for slug, where in CANCELLED.items():
        file = nodes[slug].with_suffix(".hold")
        plugins = REPOSITORY / "tests" / "kit" / "callback_plugins"
        hold = {"HOLD_AT": where, "HOLD_FILE": str(file), "ANSIBLE_CALLBACK_PLUGINS": str(plugins)}
        task = isinstance(where, str)
        fault = None
        if not task:
            method, when = where
            fault = control.fault(kind="hold", method=method, when=when, name=f"client-{slug} ~pending-")
        sent[slug] = awx.send(nodes[slug], client=slug, env=hold if task else {}, **EMPTY)
        if fault is not None:  # in time, it would give the request up: it is cancelled at once
            control.wait_until_held(fault, 120)
            cancelled[slug] = sent[slug].cancel()
            control.clear_faults()
    for slug, job in sent.items():
        if slug not in cancelled:
            job.wait_for(nodes[slug].with_suffix(".hold").exists)
            cancelled[slug] = job.cancel()
    left = {key["name"].split(" ~")[0] for key in control.all_keys() if "~pending-" in key["name"]}

    again = ["refused", *CANCELLED]
    recovered = awx.launch(client=",".join(again), **{**EMPTY, "take_lock": "true"})
    awx.learn(*again)
    return Story(foreseen, failed, cancelled, left, recovered)


def test_check_mode_fails_or_foresees_and_tells_no_secret(awx: Awx, story: Story) -> None:
    assert set(story.foreseen.stats["changed"]) >= set(CANCELLED), story.foreseen.said
    assert awx.leaks(story.foreseen) == set()


@pytest.mark.parametrize("slug", FAILING)
def test_a_failing_job_says_why(story: Story, slug: str) -> None:
    ended = story.failed.stats["failures"] | story.failed.stats["dark"]
    assert story.failed.status == "failed" and slug in ended, story.failed.said
    assert FAILING[slug][1] in story.failed.words


def test_and_tells_no_secret(awx: Awx, story: Story) -> None:
    assert awx.leaks(story.failed) == set()


@pytest.mark.parametrize("slug", CANCELLED)
def test_a_cancelled_job_tells_no_secret(awx: Awx, story: Story, slug: str) -> None:
    job = story.cancelled[slug]
    assert job.status == "canceled" and len(job.events) > 10
    # What AWX has of it at the end: a task that began
    assert not [event for event in job.events if event["event"] == "playbook_on_stats"]
    assert awx.leaks(job) == set()
    assert (f"client-{slug}" in story.left) == (not isinstance(CANCELLED[slug], str))


@pytest.mark.parametrize("slug", ["refused", *CANCELLED])
def test_the_next_job_takes_it_to_its_end(awx: Awx, story: Story, slug: str) -> None:
    assert story.recovered.rc == 0, story.recovered.said
    key, secret = awx.fleet.only_key(slug), awx.fleet.secret(slug)
    assert (key["name"], key["disabled"]) == (f"client-{slug}", False)
    assert key["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert awx.fleet.environment(slug)["OPENROUTER_API_KEY"] == secret
    assert awx.fleet.organization(slug)["openrouter_api_key"] == secret


def test_which_tells_no_secret_either(awx: Awx, story: Story) -> None:
    assert awx.leaks(story.recovered) == set()


def test_the_oldest_core_onboards_and_changes_nothing_then(awx: Awx, ready_hosts: tuple[Host, Host]) -> None:
    awx.fleet.put(OLD, ready_hosts[0], mai_client_name="From the oldest")
    password = {"mai_admin_password": awx.canary("password of the oldest")}
    job = awx.launch(verbosity=4, options="--diff", credential=password, env=oldest_core(), client=OLD, **EMPTY)
    assert job.rc == 0 and f"[core {OLDEST_CORE}]" in job.said, job.said
    again = awx.launch(env=oldest_core(), client=OLD, **EMPTY)
    assert again.rc == 0 and again.stats["changed"] == {}, again.said
    assert awx.fleet.writes == []
    awx.learn(OLD)
    assert awx.leaks(job) == set() and awx.leaks(again) == set()


def test_nobody_else_on_the_machine_can_read_a_secret(awx: Awx, first: Job, story: Story) -> None:
    host = awx.fleet.host(SLUG)
    script = READABLE.replace("MARK", MARK)
    host.exec("sh", "-c", "umask 022; cat > /var/tmp/planted", data=awx.canaries["vault password"])
    assert awx.found(host.exec("sh", "-c", script).stdout) == {"vault password"}
    host.exec("rm", "/var/tmp/planted")
    assert awx.found(host.exec("sh", "-c", script).stdout) == set()


def report(awx: Awx) -> None:
    """What was searched, for build/report.md."""
    seen = awx.ledger
    cores = sorted({OLDEST_CORE, importlib.metadata.version("ansible-core")})
    endings = ", ".join(f"{count} {status}" for status, count in sorted(seen.endings.items()))
    lines = [
        "## Jobs as AWX runs them",
        "",
        f"{seen.jobs} jobs of ansible-runner ({endings}), ansible-core {' and '.join(cores)}, verbosity 0 and 4,"
        " with --check and --diff.",
        "",
        "| searched | |",
        "|---|--:|",
        f"| events (output and data) | {seen.events} |",
        f"| characters of events, artifacts, facts, the machine's readable files and its journal | {seen.characters} |",
        f"| canaries | {len(seen.canaries)} |",
        f"| forms of them (raw, base64, URL, JSON, hexadecimal, backwards, halves) | {seen.forms} |",
    ]
    folder = REPOSITORY / "build" / "report.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "awx-jobs.md").write_text("\n".join(lines) + "\n")
