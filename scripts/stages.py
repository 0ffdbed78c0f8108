# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stages of ``make test`` and ``make lint`` and writes build/report.md.

    scripts/stages.py test              every stage of a group, after forgetting earlier results
    scripts/stages.py lint sanity-2.21  groups and single stages; other results are kept
    scripts/stages.py --summary test openwebui    runs nothing: report and closing line over earlier runs

A stage that fails does not stop the next one. A stage that ran nothing has failed, and so has a skipped test.
Whoever measures something else (the demo, an onboarding) leaves it as Markdown in build/report.d/.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import IO, Callable
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RESULTS = BUILD / "results"
REPORT = BUILD / "report.md"
FRAGMENTS = BUILD / "report.d"
BIN = ROOT / ".venv" / "bin"
OPENWEBUI = ROOT / ".cache" / "openwebui"
FAILURE_LINES = 60  # of a failed command's output that the report keeps: where it ran, often only its end is kept


@dataclass
class Result:
    """What one stage did."""

    stage: str
    run: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    began: float = 0.0  # seconds since the epoch
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)  # one line each

    @property
    def bad(self) -> int:
        """Everything that keeps the stage from being good: failures, skips, and having done nothing."""
        return self.failed + self.skipped + (self.run == 0)


@dataclass(frozen=True)
class Stage:
    name: str
    groups: tuple[str, ...]
    execute: Callable[[str, float], Result]
    minutes: int = 10
    beside: str = ""  # keeps one processor busy: runs at the same time as its neighbours of that name


def pytest(*arguments: str, workers: int = 1) -> Callable[[str, float], Result]:
    """A stage of pytest: every test counts. Paths that do not exist (yet) make it fail.

    Several workers each take whole files: what a file sets up, it sets up once. They take them by name, which leaves
    small ones to the end; by the number of tests, one worker would end alone with a long file of few tests.
    """
    several = [f"--numprocesses={workers}", "--dist=loadfile", "--no-loadscope-reorder"]
    parallel = [] if workers == 1 else several

    def execute(name: str, deadline: float) -> Result:
        xml = RESULTS / f"{name}.xml"
        xml.unlink(missing_ok=True)
        code = run(["python", "-m", "pytest", f"--junit-xml={xml}", "--durations=10", *parallel, *arguments], deadline)
        result = Result(name)
        if xml.exists():
            for suite in ElementTree.parse(xml).getroot().iter("testsuite"):
                result.run += int(suite.get("tests", 0))
                result.failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                result.skipped += int(suite.get("skipped", 0))
                result.failures += failures(suite)
        result.passed = max(result.run - result.failed - result.skipped, 0)
        if code != 0 and result.failed == 0:  # pytest itself gave up, or was stopped
            result.failed = 1
        return result

    return execute


def failures(suite: ElementTree.Element) -> list[str]:
    """What went wrong in which test, on a line each: the end of a long log is read first."""
    found = []
    for case in suite.iter("testcase"):
        for problem in (*case.iter("failure"), *case.iter("error"), *case.iter("skipped")):
            found.append(f"{case.get('classname')}::{case.get('name')}: {' '.join(problem.get('message', '').split())}")
    return [line if len(line) < 400 else f"{line[:200]} … {line[-200:]}" for line in found]


def commands(*lines: str) -> Callable[[str, float], Result]:
    """A stage of plain commands: each counts once."""
    return counted(lambda: list(lines))


def counted(lines: Callable[[], list[str]]) -> Callable[[str, float], Result]:
    def execute(name: str, deadline: float) -> Result:
        result = Result(name)
        for line in lines():
            print(f"$ {line}", flush=True)
            result.run += 1
            with tempfile.TemporaryFile() as log:
                code = run(["sh", "-c", line], deadline, log)
                log.seek(0)
                printed = log.read().decode(errors="replace")
            print(printed, end="", flush=True)
            if code == 0:
                result.passed += 1
            else:
                result.failed += 1
                result.failures.append("\n    ".join([line, *printed.splitlines()[-FAILURE_LINES:]]))
        return result

    return execute


def molecule_scenarios() -> list[str]:
    scenarios = sorted(path.parent.name for path in ROOT.glob("extensions/molecule/*/molecule.yml"))
    return [f"cd extensions && molecule test --scenario-name {scenario}" for scenario in scenarios]


# The one list of what is tested, in this order.
STAGES = (
    Stage("ruff", ("lint", "test"), commands("ruff check .", "ruff format --check .")),
    Stage("yamllint", ("lint", "test"), commands("yamllint --strict .")),
    Stage("reuse", ("lint", "test"), commands("reuse lint --quiet || reuse lint --lines")),
    Stage(
        "changelog",
        ("lint", "test"),
        commands("antsibull-changelog lint", "antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml"),
    ),
    Stage("unit", ("test",), pytest("tests/unit", workers=2), minutes=15),
    Stage("ansible-lint", ("lint", "test"), commands("ansible-lint --offline --profile production"), beside="lint"),
    Stage(
        "docs",
        ("lint", "test"),
        commands(
            "antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent"
            " --disallow-unknown-collection-refs ."
        ),
        beside="lint",
    ),
    Stage("galaxy-importer", ("lint", "test"), commands("python scripts/galaxy_importer.py"), beside="lint"),
    # Of what takes longest, pylint, the newest finds all that the oldest does
    Stage(
        "sanity-2.19",
        ("lint", "test"),
        commands("python scripts/sanity.py 2.19.14 --skip-test pylint"),
        minutes=20,
        beside="lint",
    ),
    Stage("sanity-2.21", ("lint", "test"), commands("python scripts/sanity.py 2.21.5"), minutes=20, beside="lint"),
    Stage("demo", ("test",), commands("python scripts/demo.py", "sh scripts/demo_clean.sh"), beside="demo"),
    Stage("molecule", ("test",), counted(molecule_scenarios), minutes=20, beside="demo"),
    Stage("integration", ("test",), pytest("tests/integration", workers=2), minutes=45),
    Stage("faults", ("test",), pytest("tests/faults", workers=2), minutes=20),
    Stage("contract", ("test",), pytest("tests/contract", workers=2), minutes=20),
    Stage("e2e", ("test",), pytest("tests/e2e", workers=2), minutes=50),
    # Not part of make test: some hundred packages of two releases.
    Stage("openwebui-install", ("openwebui",), commands(f"sh tests/openwebui/install.sh {OPENWEBUI}"), minutes=15),
    Stage("openwebui-clients", ("openwebui",), pytest("tests/openwebui", workers=2), minutes=30),
    # What is true of that release stays so; .ci/run does not ask it each time.
    Stage(
        "openwebui-contract",
        ("openwebui",),
        pytest("tests/contract", f"--real-openwebui={OPENWEBUI}", workers=2),
        minutes=30,
    ),
    Stage("openwebui-demo", ("openwebui",), commands("python scripts/demo.py --openwebui", "sh scripts/demo_clean.sh")),
)


def environment() -> dict[str, str]:
    """The caller's environment without what would change how Ansible, pytest or our plugins behave."""
    foreign = ("ANSIBLE_", "MOLECULE_", "OPENROUTER_", "PYTEST_", "MAI_", "PYTHONPATH", "VIRTUAL_ENV")
    foreign += ("PYTHONDONTWRITEBYTECODE",)  # the tests are compiled once, not by each of some thousand processes
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    kept["PATH"] = f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept


def start(command: list[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        start_new_session=True,
    )


def run(command: list[str], deadline: float, output: IO[bytes] | None = None) -> int:
    """Runs a command to its end or to the deadline, and whatever it started with it."""
    process = start(command, output)
    try:
        return process.wait(timeout=max(deadline - time.monotonic(), 1))
    except subprocess.TimeoutExpired:
        print(f"Stopped: {' '.join(command)} took longer than its stage may.", flush=True)
        return 1
    finally:
        if process.poll() is None:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks first, so that tests can take down what they started."""
    for signal_number, patience in ((signal.SIGTERM, 60), (signal.SIGKILL, None)):
        os.killpg(process.pid, signal_number)
        try:
            process.wait(timeout=patience)
            return
        except subprocess.TimeoutExpired:
            continue


def choose(names: list[str]) -> list[Stage]:
    known = {stage.name for stage in STAGES} | {group for stage in STAGES for group in stage.groups}
    unknown = sorted(set(names) - known)
    if unknown:
        sys.exit(f"No such stage: {', '.join(unknown)}. Known: {', '.join(sorted(known))}")
    return [stage for stage in STAGES if stage.name in names or set(stage.groups) & set(names)]


def write_report(results: list[Result]) -> str:
    total = Result(
        "**total**",
        *(sum(getattr(result, field) for result in results) for field in ("run", "passed", "failed", "skipped")),
        seconds=wall_time(results),
    )
    rows = [
        f"| {row.stage} | {row.run} | {row.passed} | {row.failed} | {row.skipped} | {row.seconds:.1f} |"
        f" {100 * row.seconds / (total.seconds or 1):.0f} % |"
        for row in [*results, total]
    ]
    problems = [f"- {row.stage}: {problem}" for row in results for problem in row.failures]
    head = ["| stage | run | passed | failed | skipped | seconds | of the whole |", "|---|--:|--:|--:|--:|--:|--:|"]
    table = "\n".join([*head, *rows])
    summary = "\n\n".join([table, *(["Failed:\n" + "\n".join(problems)] if problems else [])])
    parts = ["# Test report", about(), summary]
    for fragment in sorted(FRAGMENTS.glob("*.md")):
        measured = datetime.fromtimestamp(fragment.stat().st_mtime, timezone.utc)
        parts += [fragment.read_text(encoding="utf-8").strip(), f"(measured {measured:%Y-%m-%d %H:%M} UTC)"]
    BUILD.mkdir(exist_ok=True)
    REPORT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return summary


def wall_time(results: list[Result]) -> float:
    """Seconds in which any of the stages ran: those that ran beside each other count once."""
    seconds, until = 0.0, 0.0
    for result in sorted(results, key=lambda result: result.began):
        end = result.began + result.seconds
        seconds += max(end - max(result.began, until), 0.0)
        until = max(until, end)
    return seconds


def about() -> str:
    revision = output(["git", "rev-parse", "--short", "HEAD"]) or "no revision"
    changed = " with local changes" if output(["git", "status", "--porcelain"]) else ""
    system = output(["sh", "-c", '. /etc/os-release && printf %s "$PRETTY_NAME"']) or platform.platform()
    now = datetime.now(timezone.utc)
    return "\n".join(
        [
            f"- {now:%Y-%m-%d %H:%M} UTC, revision {revision}{changed}",
            f"- {system}, {os.cpu_count()} cores",
            f"- Python {platform.python_version()}, ansible-core {version('ansible-core')}",
        ]
    )


def output(command: list[str]) -> str:
    try:
        return subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""


def load(stage: Stage) -> Result:
    """What the stage did when it last ran; nothing at all if it has not."""
    path = RESULTS / f"{stage.name}.json"
    return Result(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Result(stage.name)


def execute(stage: Stage) -> Result:
    print(f"\n=== {stage.name}", flush=True)
    began, start = time.time(), time.monotonic()
    result = stage.execute(stage.name, start + 60 * stage.minutes)
    result.began = round(began, 1)
    result.seconds = round(time.monotonic() - start, 1)
    (RESULTS / f"{stage.name}.json").write_text(json.dumps(asdict(result)), encoding="utf-8")
    verdict = "failed" if result.bad else "ok"
    if result.run == 0:
        verdict = "failed: nothing ran"
    elif result.skipped:
        verdict = f"failed: {result.skipped} skipped"
    print(f"=== {stage.name}: {verdict}, {result.passed} of {result.run}, {result.seconds:.0f} s", flush=True)
    return result


def execute_beside(stages: list[Stage]) -> list[Result]:
    """All at the same time, each in a process of its own; what each printed is shown in their order."""
    running = []
    try:
        for stage in stages:
            (RESULTS / f"{stage.name}.json").unlink(missing_ok=True)
            log = tempfile.TemporaryFile()  # noqa: SIM115  (closed at the end of this process)
            running.append((start([sys.executable, os.path.abspath(sys.argv[0]), stage.name], log), log))
        for process, log in running:
            process.wait()
            log.seek(0)
            print(log.read().decode(errors="replace"), flush=True)
    finally:
        for process, _log in running:
            if process.poll() is None:
                stop(process)
    return [load(stage) for stage in stages]


def execute_all(stages: list[Stage]) -> list[Result]:
    results = []
    for beside, group in itertools.groupby(stages, key=lambda stage: stage.beside):
        together = list(group)
        results += execute_beside(together) if beside and len(together) > 1 else [execute(stage) for stage in together]
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="groups (test, lint, openwebui) or stages")
    parser.add_argument("--summary", action="store_true", help="run nothing, report on what ran")
    options = parser.parse_args()
    chosen = choose(options.names)

    # When this process is asked to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    RESULTS.mkdir(parents=True, exist_ok=True)
    if "test" in options.names and not options.summary:
        for old in RESULTS.iterdir():
            old.unlink()
    results = [load(stage) for stage in chosen] if options.summary else execute_all(chosen)
    ran = [stage for stage in STAGES if stage in chosen or (RESULTS / f"{stage.name}.json").exists()]
    summary = write_report([load(stage) for stage in ran])
    print(f"\n{summary}\n\nReport: {REPORT.relative_to(ROOT)}")
    passed = sum(result.passed for result in results)
    failed = sum(result.bad for result in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
