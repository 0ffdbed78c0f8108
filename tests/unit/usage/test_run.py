# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on the machine, as the one file that it is, and the simulator as the OpenRouter that it asks."""

from __future__ import annotations

import csv
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import web
from ansible_collections.mai.clients.plugins.module_utils._usage import history, run
from ansible_collections.mai.clients.plugins.plugin_utils import _program

from tests.openrouter_simulator import Simulator


class Client:
    def __init__(self, folder: pathlib.Path, openrouter: Simulator, url: str | None = None) -> None:
        self.directory, self.openrouter = folder, openrouter
        with openrouter.client() as http:
            made = http.post("/keys", json={"name": "client-abc", "limit": 50}).json()
        self.hash, self.secret = made["data"]["hash"], made["key"]
        (folder / "api_key.env").write_text(f'OPENAI_API_KEY="{self.secret}"\n')
        (folder / "settings.env").write_text(f'OPENAI_API_BASE_URL="{url or openrouter.url}"\n')
        self.program = folder / history.FOLDER / history.PROGRAM
        self.program.parent.mkdir()
        self.program.write_text(_program.usage())

    def run(self) -> tuple[int, str]:
        """As its timer does."""
        command = ["/usr/bin/python3", "-I", "-B", str(self.program)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert self.secret not in done.stdout + done.stderr and done.stderr == ""
        return done.returncode, done.stdout.strip()

    def here(self) -> tuple[int, str]:
        """The same in this process."""
        words, code = run._read(str(self.directory))
        assert self.secret not in words
        return code, words

    @property
    def lines(self) -> list[dict[str, str]]:
        if not (self.directory / history.FILE).exists():
            return []
        with open(self.directory / history.FILE, encoding="ascii", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def openrouter() -> t.Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def client(tmp_path: pathlib.Path, openrouter: Simulator, monkeypatch: pytest.MonkeyPatch) -> Client:
    openrouter.control.clear_faults()
    monkeypatch.setattr(run, "_PAUSES", (0, 0))
    return Client(tmp_path, openrouter)


@pytest.fixture
def morning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "now", lambda: "2026-11-02T02:51:00Z")


def test_a_reading(client: Client) -> None:
    client.openrouter.control.usage(client.hash, 0.1)
    assert client.run() == (0, f"0.1 USD used on the key {client.hash[:12]}…")
    [line] = client.lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line.pop("time"))
    assert line == {"key_hash": client.hash, "usage": "0.1", "usage_monthly": "0.1", "limit": "50", "why": "daily"}


def test_once_the_day_has_a_reading_nobody_is_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = ["2026-11-02T02:51:00Z", "2026-11-02T05:52:00Z", "2026-11-02T23:53:00Z", "2026-11-03T02:51:00Z"]
    for moment, number in zip(moments, (1, 1, 2, 3)):
        monkeypatch.setattr(history, "now", lambda moment=moment: moment)
        assert client.here()[0] == 0 and len(client.lines) == number


def test_another_key_is_read_on_the_same_day(client: Client, morning: None, tmp_path: pathlib.Path) -> None:
    client.here()
    (tmp_path / "rotated").mkdir()
    other = Client(tmp_path / "rotated", client.openrouter)
    (client.directory / "api_key.env").write_text((other.directory / "api_key.env").read_text())
    client.here()
    assert [line["key_hash"] for line in client.lines] == [client.hash, other.hash]


FAULTS: dict[str, tuple[dict[str, t.Any], str]] = {
    "503": ({"kind": "status", "status": 503}, "HTTP 503"),
    "429": ({"kind": "status", "status": 429}, "HTTP 429"),
    "a gateway's page": ({"kind": "html", "status": 401}, "HTTP 401"),
    "garbage": ({"kind": "garbage"}, "its answer cannot be read"),
    "no answer": ({"kind": "cut"}, "no answer"),
    "cut short": ({"kind": "truncated"}, "its answer cannot be read"),
    "a list": ({"kind": "garbage", "body": "[1, 2]"}, "HTTP 200"),
    "no data": ({"kind": "garbage", "body": '{"data": null}'}, "HTTP 200"),
    "no usage": ({"kind": "garbage", "body": '{"data": {"usage": "much"}}'}, "did not say what was used"),
    "too deep": ({"kind": "garbage", "body": "[" * 100_000}, "its answer cannot be read"),
    "huge": ({"kind": "garbage", "body": '{"data": "' + "x" * 5_000_000 + '"}'}, "its answer is too long"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_answer_adds_no_line(client: Client, morning: None, fault: str) -> None:
    what, words = FAULTS[fault]
    client.openrouter.control.fault(path="^/key$", times=None, **what)
    code, said = client.here()
    assert code == 1 and words in said and client.lines == []


def test_what_passes_is_tried_again(client: Client, morning: None) -> None:
    fault = client.openrouter.control.fault(kind="status", status=503, path="^/key$", times=2)
    assert client.here()[0] == 0 and len(client.lines) == 1
    assert client.openrouter.control.hits(fault) == 2


def test_an_answer_without_end_is_given_up(client: Client, morning: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = web.Asked
    monkeypatch.setattr(web, "Asked", lambda url, **more: asked(url, **{**more, "timeout": 0.3}))
    client.openrouter.control.fault(kind="hang", path="^/key$", times=None)
    assert client.here()[0] == 1 and client.lines == []


def test_a_refused_key_is_a_failure_and_asked_once(client: Client, morning: None) -> None:
    (client.directory / "api_key.env").write_text('OPENAI_API_KEY="sk-or-v1-gone"\n')
    client.openrouter.control.clear_journal()
    code, said = client.here()
    assert code == 1 and said == "OpenRouter refuses the key (HTTP 401): it is disabled, expired or deleted."
    assert len(client.openrouter.control.journal(everything=True)) == 1


def test_of_a_suspended_client_it_is_none(client: Client) -> None:
    suspended = history.reading(client.hash, {"usage": 1}, "suspension")
    assert suspended and history.add(str(client.directory), [suspended])
    with client.openrouter.client() as http:
        http.patch(f"/keys/{client.hash}", json={"disabled": True}).raise_for_status()
    assert client.run() == (0, "The client is suspended: its key is disabled.")
    assert [line["why"] for line in client.lines] == ["suspension"]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("api_key.env", None, "api_key.env does not exist"),
        ("api_key.env", "", "has no value for OPENAI_API_KEY"),
        ("settings.env", None, "settings.env holds no OPENAI_API_BASE_URL"),
        ("settings.env", 'OPENAI_API_BASE_URL="http://127.0.0.1:1/v1"\n', "Connection refused"),
    ],
)
def test_what_is_missing_is_named(client: Client, file: str, content: str | None, words: str) -> None:
    place = client.directory / file
    if content is None:
        place.unlink()
    else:
        place.write_text(content)
    program = client.program.read_text().replace("_PAUSES = (5, 30)", "_PAUSES = ()")
    client.program.write_text(program)
    code, said = client.run()
    assert code == 1 and words in said and client.lines == []


def test_a_link_in_its_place_is_not_followed(client: Client) -> None:
    (client.directory / "other").write_text("theirs")
    (client.directory / history.FILE).symlink_to("other")
    code, said = client.run()
    assert code == 1 and "usage.csv cannot be written" in said
    assert (client.directory / "other").read_text() == "theirs"


def test_it_goes_by_the_instances_proxy(client: Client, openrouter: Simulator) -> None:
    settings = client.directory / "settings.env"
    settings.write_text('OPENAI_API_BASE_URL="http://openrouter.invalid/api/v1"\n' + f'HTTP_PROXY="{openrouter.url}"\n')
    # What answers is no proxy, and says so
    assert client.here() == (1, "OpenRouter did not answer GET /key: HTTP 404.")


@pytest.mark.parametrize("program", [_program.backup, _program.usage])
def test_a_program_needs_nothing_but_python(program: t.Callable[[], str], tmp_path: pathlib.Path) -> None:
    text = program()
    assert "import ansible." not in text and "from ansible." not in text
    compile(text, "program", "exec", dont_inherit=True)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(tmp_path / "x" / "program.py")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode in (1, 2) and done.stderr == "" and done.stdout.count("\n") == 1
