# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to OpenRouter, as the environment of ansible-playbook says it."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import environment
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.client import Client
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.environment import checked_url, proxy
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption

OPENROUTER = "https://openrouter.ai/api/v1"
VIA = "http://127.0.0.1:3128"
KEY = "sk-or-v1-0123456789abcdef"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_"):
            monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, OPENROUTER, None),
        ({"HTTPS_PROXY": VIA}, OPENROUTER, (VIA, "HTTPS_PROXY")),
        ({"https_proxy": VIA}, OPENROUTER, (VIA, "https_proxy")),
        ({"https_proxy": VIA, "HTTPS_PROXY": "http://other:1"}, OPENROUTER, (VIA, "https_proxy")),
        ({"ALL_PROXY": VIA}, OPENROUTER, (VIA, "ALL_PROXY")),
        ({"ALL_PROXY": "http://other:1", "HTTPS_PROXY": VIA}, OPENROUTER, (VIA, "HTTPS_PROXY")),
        ({"HTTP_PROXY": VIA}, OPENROUTER, None),
        ({"HTTP_PROXY": VIA}, "http://proxy.internal:8080/v1", (VIA, "HTTP_PROXY")),
        ({"HTTPS_PROXY": "127.0.0.1:3128"}, OPENROUTER, (VIA, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://u:p%40ss@proxy:3128/"}, OPENROUTER, ("http://u:p%40ss@proxy:3128/", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://[fd00::5]:3128"}, OPENROUTER, ("http://[fd00::5]:3128", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": ""}, OPENROUTER, None),
        # As files of Windows and forms leave it
        *(({"HTTPS_PROXY": text}, OPENROUTER, (VIA, "HTTPS_PROXY")) for text in (VIA + "\r", VIA + "\n", f" {VIA} ")),
    ],
)
def test_the_proxy_of_a_url(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, expected: tuple[str, str] | None
) -> None:
    given(monkeypatch, variables)
    assert proxy(url) == expected


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("*", OPENROUTER, True),
        ("openrouter.ai", OPENROUTER, True),
        (".openrouter.ai", OPENROUTER, True),
        ("*.openrouter.ai", OPENROUTER, True),
        ("OpenRouter.AI", OPENROUTER, True),
        ("localhost, openrouter.ai", OPENROUTER, True),
        ("localhost openrouter.ai", OPENROUTER, True),
        ("ai", OPENROUTER, True),
        ("router.ai", OPENROUTER, False),
        ("openrouter.ai:443", OPENROUTER, True),
        ("openrouter.ai:8443", OPENROUTER, False),
        ("https://openrouter.ai", OPENROUTER, True),
        ("", OPENROUTER, False),
        (",,", OPENROUTER, False),
        ("localhost,172.17.0.0/16,fd00::/8", OPENROUTER, False),
        ("localhost,[::1]", OPENROUTER, False),
        ("172.17.0.0/16", "http://172.17.0.1:8080/v1", True),
        ("172.17.0.0/16", "http://172.18.0.1:8080/v1", False),
        ("172.17.0.1", "http://172.17.0.1:8080/v1", True),
        ("172.17.0.1:8080", "http://172.17.0.1:8080/v1", True),
        ("172.17.0.1:81", "http://172.17.0.1:8080/v1", False),
        ("172.17.0.1/33,10.0.0.0/x,300.1.1.1", "http://172.17.0.1:8080/v1", False),
        ("fd00::/8", "http://[fd00::5]:8080/v1", True),
        ("[fd00::]/8", "http://[fd00::5]:8080/v1", True),
        ("[fd00::5]", "http://[fd00::5]:8080/v1", True),
        ("fd00:0::5", "http://[fd00::5]:8080/v1", True),
        ("[fd00::5]:8080", "http://[fd00::5]:8080/v1", True),
        ("[fd00::5]:81", "http://[fd00::5]:8080/v1", False),
        ("127.0.0.1", "http://localhost:8080/v1", False),
    ],
)
def test_no_proxy_as_people_write_it(monkeypatch: pytest.MonkeyPatch, exceptions: str, url: str, direct: bool) -> None:
    given(monkeypatch, {"ALL_PROXY": VIA, "NO_PROXY": exceptions})
    assert (proxy(url) is None) == direct
    Client(KEY, url)


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("variables", "about"),
    [
        ({"ALL_PROXY": "socks5://127.0.0.1:7890"}, "ALL_PROXY names a SOCKS proxy: install httpx[socks]"),
        ({"ALL_PROXY": "socks5h://127.0.0.1:7890"}, "ALL_PROXY names a SOCKS proxy: install httpx[socks]"),
        ({"ALL_PROXY": "socks://127.0.0.1:7890/"}, "ALL_PROXY names a proxy of the kind socks, which is not known"),
        ({"https_proxy": "socks4://127.0.0.1:1"}, "https_proxy names a proxy of the kind socks4"),
        ({"HTTPS_PROXY": "ftp://127.0.0.1:1"}, "HTTPS_PROXY names a proxy of the kind ftp"),
        ({"HTTPS_PROXY": "http://[::1"}, "HTTPS_PROXY cannot be read as the address of a proxy"),
        ({"HTTPS_PROXY": f"http://user:{SECRET}/x@proxy:3128"}, "HTTPS_PROXY cannot be read"),
        ({"HTTPS_PROXY": f"http://user:{SECRET}@proxy:port"}, "HTTPS_PROXY cannot be read"),
        ({"HTTPS_PROXY": "http://proxy:99999"}, "HTTPS_PROXY cannot be read"),
        ({"HTTPS_PROXY": "http://"}, "HTTPS_PROXY cannot be read"),
        ({"HTTPS_PROXY": "http://my proxy:3128"}, "HTTPS_PROXY cannot be read"),
        (
            {"SSL_CERT_FILE": "/etc/ssl/certs/missing.pem"},
            "SSL_CERT_FILE names /etc/ssl/certs/missing.pem, which is not",
        ),
        ({"SSL_CERT_FILE": __file__}, "holds no certificates that can be read"),
    ],
)
def test_each_fault_names_its_variable_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], about: str
) -> None:
    given(monkeypatch, variables)
    monkeypatch.setattr(environment, "find_spec", lambda _name: None)
    with pytest.raises(InvalidOption) as raised:
        Client(KEY, OPENROUTER)
    assert about in str(raised.value)
    assert SECRET not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_a_directory_of_certificates_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    given(monkeypatch, {"SSL_CERT_DIR": str(tmp_path)})
    Client(KEY, OPENROUTER)


@pytest.mark.parametrize(
    "url",
    [
        "https://openrouter.ai/api/v1",
        "https://openrouter.ai/api/v1/",
        "http://127.0.0.1:8080/v1",
        "http://[::1]:8080/v1",
        "https://xn--bcher-kva.example/v1",
        "https://bücher.example/v1",
    ],
)
def test_a_base_url(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "openrouter.ai/api/v1",
        "ftp://openrouter.ai",
        "https://",
        "http://[::1",
        "http://[::1]x:8080/v1",
        "http://[not::an::address]/v1",
        "https://openrouter.ai:port/v1",
        "https://openrouter.ai:99999/v1",
        "https://open router.ai/v1",
        f"https://user:{SECRET}@openrouter.ai/v1",
        f"https://openrouter.ai/v1?key={SECRET}",
    ],
)
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        Client(KEY, url)
    assert str(raised.value).startswith("base_url must be a plain URL")
    assert SECRET not in str(raised.value)
