# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose file of an instance: how its health is checked."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jinja2
import pytest
import yaml
from ansible.plugins.filter.core import FilterModule as AnsibleFilters
from ansible_collections.mai.clients.plugins.plugin_utils._plan.compose_extra import (
    MERGED,
    OWNED,
    compose_extra,
)
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import health_intervals

from tests.unit.repository.tasks import ROOT

TEMPLATE = ROOT / "roles" / "instance" / "templates" / "compose.yml.j2"
PATH = "/health?a=1&b=$x"
QUICK_THEN_RARE = {"interval": "60s", "start_interval": "5s"}
OTHERS = {"interval": "30s"}


def rendered(
    engine: str | None = "26.1.5", compose: str | None = "2.26.1", extra: t.Any = None, **more: t.Any
) -> dict[str, t.Any]:
    """The compose file on a machine where these were seen."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(AnsibleFilters().filters())
    plan = {
        "service": "mai-companyabc",
        "image": "mai:1",
        "image_name": "mai:1",
        "env_files": ["settings.env"],
        "bind": "127.0.0.1",
        "digest": "0123",
        "health_intervals": health_intervals({"engine": engine, "compose": compose}),
        "compose_extra": compose_extra(extra or {}, "company-abc"),
        "image_id": None,
        "keeps_image": False,
        "database": {"service": ""},
        **more,
    }
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        inventory_hostname="company-abc",
        mai_plan={"instance": plan},
        mai_seen={"image": {"id": "sha256:01"}},
        mai_port=8001,
        mai_health_path=PATH,
        mai_health_timeout=300,
        mai_memory_limit=None,
        mai_cpu_limit=None,
    )
    return yaml.load(text, Loader=Strict)


class Strict(yaml.SafeLoader):
    """Compose refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[t.Any, t.Any]:
        names = [self.construct_object(name, deep=deep) for name, _value in node.value]
        assert len(names) == len(set(names)), names
        return super().construct_mapping(node, deep)


def healthcheck(engine: str | None = "26.1.5", compose: str | None = "2.26.1") -> dict[str, t.Any]:
    return rendered(engine, compose)["services"]["mai-companyabc"]["healthcheck"]


def test_the_image_is_noted_by_its_identifier_and_never_pulled() -> None:
    assert rendered()["x-mai-image"] == "sha256:01"
    known = rendered(image_id="sha256:02", image="sha256:02")
    service = known["services"]["mai-companyabc"]
    assert (known["x-mai-image"], service["image"], service["pull_policy"]) == ("sha256:02", "sha256:02", "never")


@pytest.mark.parametrize(
    "given", [["tika"], {"tika": {"condition": "service_started"}, "mai-companyabc-database": {"condition": "x"}}]
)
def test_what_an_operator_has_it_wait_for_is_added(given: t.Any) -> None:
    database = {"service": "mai-companyabc-database", "image": "sha256:05", "image_name": "postgres:17"}
    extra = {"service": {"depends_on": given}, "services": {"tika": {"image": "tika"}}}
    for own in ("", database["service"]):
        merged = compose_extra(extra, "company-abc", own)
        found = rendered(database={**database, "service": own}, compose_extra=merged)
        waits = found["services"]["mai-companyabc"]["depends_on"]
        assert waits["tika"] == {"condition": "service_started"}
        if own:
            assert waits[own] == {"condition": "service_healthy"}


def test_no_key_of_the_template_is_written_twice() -> None:
    """Each is the collection's alone, or has what an operator adds, too."""
    own = set(rendered(extra={"service": {"depends_on": ["tika"]}})["services"]["mai-companyabc"])
    assert own - set(OWNED) == set(MERGED)
    added = {name: {"a": {"b": "c"}} if name in ("labels", "depends_on") else ["a:b"] for name in MERGED}
    found = rendered(extra={"service": added})["services"]["mai-companyabc"]
    assert all("a" in str(found[name]) for name in MERGED)


def test_postgresql_stands_beside_the_instance_and_publishes_nothing() -> None:
    database = {"service": "mai-companyabc-database", "image": "sha256:05", "image_name": "postgres:17"}
    extra = {"service": {"networks": ["proxy"]}, "networks": {"proxy": {"external": True}}}
    found = rendered(database=database, compose_extra=compose_extra(extra, "company-abc", database["service"]))[
        "services"
    ]
    instance, service = found["mai-companyabc"], found["mai-companyabc-database"]
    assert instance["depends_on"] == {"mai-companyabc-database": {"condition": "service_healthy"}}
    assert "depends_on" not in rendered()["services"]["mai-companyabc"]
    assert instance["networks"] == ["default", "proxy"]
    assert "ports" not in service and "networks" not in service
    assert (service["env_file"], service["image"], service["pull_policy"]) == (["database.env"], "sha256:05", "never")
    assert service["healthcheck"]["start_interval"] == "2s"
    assert service["labels"]["mai.clients.database"] == service["labels"]["mai.clients.beside"] == "company-abc"
    assert rendered()["services"].keys() == {"mai-companyabc"}


EXTRA = {
    "service": {
        "labels": {"traefik.enable": "true", "auth": "a:$apr1$x"},
        "networks": ["default", "proxy"],
        "extra_hosts": ["ollama.internal:10.0.0.9"],
        "ports": ["127.0.0.1:9000:9000"],
        "volumes": ["/srv/fonts:/usr/share/fonts:ro"],
        "security_opt": ["label=disable"],
        "deploy": {"resources": {"reservations": {"devices": [{"driver": "nvidia", "count": 1}]}}},
        "shm_size": "1gb",
    },
    "services": {"tika": {"image": "apache/tika:3", "labels": ["a=b"]}, "odd: name": {"image": "x"}},
    "networks": {"proxy": {"external": True}},
    "volumes": {"cache": None},
}


def test_what_an_operator_adds_stands_beside_what_is_ours() -> None:
    before, after = rendered(), rendered(extra=EXTRA)
    ours, service = before["services"]["mai-companyabc"], after["services"]["mai-companyabc"]
    added = EXTRA["service"]
    assert service["labels"] == {**ours["labels"], "traefik.enable": "true", "auth": "a:$$apr1$$x"}
    for name in ("ports", "volumes", "security_opt"):
        assert service[name] == [*ours[name], *added[name]]
    for name in ("networks", "extra_hosts", "deploy", "shm_size"):
        assert service[name] == added[name]
    assert {name: service[name] for name in set(ours) - {"labels", "ports", "volumes", "security_opt"}} == {
        name: ours[name] for name in set(ours) - {"labels", "ports", "volumes", "security_opt"}
    }
    assert after["services"]["tika"] == {
        "image": "apache/tika:3",
        "labels": {"a": "b", "mai.clients.beside": "company-abc"},
    }
    assert after["services"]["odd: name"]["image"] == "x"
    assert (after["networks"], after["volumes"]) == ({"proxy": {"external": True}}, {"cache": None})


def test_without_anything_added_the_file_is_ours_alone() -> None:
    assert set(rendered()) == {"name", "x-mai-image", "services"}
    assert set(rendered()["services"]) == {"mai-companyabc"}


@pytest.fixture
def check() -> list[str]:
    """The command that checks, as Compose hands it to the engine."""
    kind, *command = healthcheck()["test"]
    assert kind == "CMD"
    return [word.replace("$$", "$") for word in command]


@pytest.mark.parametrize(
    ("engine", "compose", "intervals"),
    [
        ("26.1.5+dfsg1", "2.26.1-4", QUICK_THEN_RARE),
        ("25.0.0", "2.20.2", QUICK_THEN_RARE),
        ("25.0.0-rc.1", "2.24.0-birthday.10", QUICK_THEN_RARE),
        ("100.1", "5.0.0", QUICK_THEN_RARE),
        # Podman counts for itself, and is as old as its number says.
        ("5.4.2", "2.26.1", OTHERS),
        ("20.10.24+dfsg1", "2.26.1", OTHERS),
        ("24.0.9", "2.24.0", OTHERS),
        ("24.0.9", None, OTHERS),
        # Compose would refuse to start anything.
        ("26.1.5", "2.20.1", OTHERS),
        ("26.1.5", "2.9.0", OTHERS),
        ("26.1.5", "dev", OTHERS),
        ("26.1.5", None, OTHERS),
        # Not installed yet.
        (None, None, OTHERS),
        (None, "2.26.1", OTHERS),
        ("dev", "2.26.1", OTHERS),
    ],
)
def test_it_is_checked_rarely_in_words_that_are_understood(
    engine: str | None, compose: str | None, intervals: dict[str, str]
) -> None:
    found = healthcheck(engine, compose)
    del found["test"]
    assert found == {"timeout": "5s", "retries": 3, "start_period": "300s", **intervals}


@pytest.mark.parametrize(("status", "passes"), [(200, True), (204, True), (307, True), (404, False), (503, False)])
def test_python_alone_asks_past_every_proxy(
    check: list[str], tmp_path: pathlib.Path, status: int, passes: bool
) -> None:
    """In an image without a shell and without curl, whose environment names a proxy that does not answer."""
    (tmp_path / "python3").symlink_to(sys.executable)
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    with answering(status) as (port, asked):
        program, *arguments = (word.replace("8080", str(port)) for word in check)
        done = subprocess.run(
            [str(tmp_path / program), *arguments],
            env={**proxies, "PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode == 0) == passes, done.stderr
    assert asked == [PATH]


@contextlib.contextmanager
def answering(status: int) -> t.Iterator[tuple[int, list[str]]]:
    """A port that answers so, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()
