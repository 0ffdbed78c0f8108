# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import (
    engine,
    masking,
    saved_variables,
    session,
    web,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_hashes import saved_hashes
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_settings import BLOB, ROWS, SavedSettings
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from .conftest import KEY, PASSWORD, SECRET_KEY


def test_session_is_one_that_open_webui_would_make():
    claims = jwt.decode(session.token(SECRET_KEY, {"id": "a", "session_stamp": "s"}), SECRET_KEY, algorithms=["HS256"])
    assert claims["id"] == "a"
    assert claims["session_stamp"] == "s"
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 30
    assert len(claims["jti"]) == 36


def test_session_of_another_secret_key_is_worthless():
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(session.token("another", {"id": "a"}), SECRET_KEY, algorithms=["HS256"])


MASKED = [
    f"key={KEY}",
    f'{{"password": {json.dumps(PASSWORD)}}}',
    f"password {PASSWORD!r}",
    "Authorization: Bearer sk-or-v1-0123456789abcdef",
    "token eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEifQ.c2lnbmF0dXJl",
    "postgresql://mai:hunter2@db/mai",
    "smtp password is from-the-environment",
    "connecting with p@ss%word",
    "connecting with p%40ss%25word",
]


@pytest.mark.parametrize("line", MASKED)
def test_secret_in_a_log_line_is_masked(line):
    hidden = masking.secrets(
        [{"OPENAI_API_KEY": KEY}, {"WEBUI_ADMIN_PASSWORD": PASSWORD}],
        [{"SMTP_PASSWORD": "from-the-environment", "DATABASE_URL": "postgresql://mai:p%40ss%25word@db/mai"}],
    )
    masked = masking.mask(line, hidden)
    assert "***" in masked
    for secret in (KEY, PASSWORD, json.dumps(PASSWORD)[1:-1], "0123456789abcdef", "c2lnbmF0", "hunter2"):
        assert secret not in masked
    for secret in ("from-the-environment", "p@ss%word", "p%40ss%25word"):
        assert secret not in masked


@pytest.mark.parametrize(
    "name",
    [
        *("SMTP_PASS", "LDAP_APP_PWD", "DB_PW", "BASIC_AUTH", "S3_ACCESS_ID", "MAIL_CREDENTIALS", "JWT_SALT"),
        *("TEAMS_WEBHOOK_URL", "api_key", "Client_Secret", "HF_TOKEN", "TLS_PRIVATE", "SENTRY_DSN", "REDIS_PASSPHRASE"),
    ],
)
def test_a_name_that_sounds_secret_hides_its_value(name):
    hidden = masking.secrets([], [{name: "between-you-and-me", "PLAIN": "open"}])
    assert masking.tail(f"{name}=between-you-and-me, open", hidden) == [f"{name}=***, open"]


def test_the_tail_of_a_log_is_lines_that_may_be_shown():
    log = "".join(f"line {number}\x1b[31m\u202e\n" for number in range(50)) + "x" * 10_000
    tail = masking.tail(log, set())
    assert len(tail) == 20 and tail[0] == "line 31␛[31m<U+202E>" and len(tail[-1]) == 500


def test_secret_that_holds_another_is_masked_whole():
    assert masking.mask("x-abc-def-y", masking.secrets([{"A": "abc", "B": "abc-def"}], [])) == "x-***-y"


def test_what_is_no_secret_stays_readable():
    hidden = masking.secrets(
        [{"WEBUI_ADMIN_EMAIL": "it@example.com", "WEBUI_ADMIN_NAME": "Admin", "EMPTY": "", "BLANK": " "}],
        [{"ENABLE_API_KEYS": "true", "PLAIN": "a longer value"}],
    )
    line = "Admin it@example.com true a longer value at http://127.0.0.1:8080/health"
    assert masking.mask(line, hidden) == line


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        ("true", True, True),
        ("True", True, True),
        ("yes", True, False),
        ("yes", False, True),
        ("false", True, False),
        ("500", 500, True),
        ("1.50", 1.5, True),
        ("501", 500, False),
        ("text", "text", True),
        ("text", "other", False),
        ("", None, True),
        ("x", None, False),
        ("a;b", ["a", "b"], True),
        ("a, b", ["a", "b"], True),
        ('["a", "b"]', ["a", "b"], True),
        ("a", ["a", "b"], False),
        ('{"a": 1}', {"a": 1}, True),
        ("{broken", {"a": 1}, False),
    ],
)
@pytest.mark.parametrize("form", [ROWS, BLOB])
def test_stored_value_that_means_the_same_has_the_digest_of_the_text(text, value, same, form):
    values = {"ui.default_models": value} if form == ROWS else {"ui": {"default_models": value}}
    digests = saved_hashes(SavedSettings(form, values), {"DEFAULT_MODELS": text, "WEBUI_URL": "https://x"})
    assert list(digests) == ["DEFAULT_MODELS"]
    assert (digests["DEFAULT_MODELS"] == sha256(text)) is same


def test_blob_where_the_environment_still_counts():
    saved = SavedSettings(BLOB, {"version": 0, "ui": {}})
    assert saved_hashes(saved, {"ENABLE_SIGNUP": "false", "WEBUI_URL": "https://x"}) == {}
    assert saved.connections() == []


@pytest.mark.parametrize("values", [{"openai.api_keys": "x"}, {"openai.api_keys": ["x"]}, {}])
def test_connections_of_an_unexpected_form_are_none(values):
    assert SavedSettings(ROWS, values).connections() == []


def test_older_place_of_a_setting_is_found():
    blob = {"rag": {"web": {"search": {"enable": True}}}}
    found = saved_hashes(SavedSettings(BLOB, blob), {"ENABLE_WEB_SEARCH": "false"})
    assert found == {"ENABLE_WEB_SEARCH": sha256("true")}


def test_which_variables_persist():
    assert {"ENABLE_SIGNUP", "WEBUI_URL", "DEFAULT_USER_ROLE", "JWT_EXPIRES_IN"} <= saved_variables.NAMES
    assert not saved_variables.NAMES & {
        "WEBUI_NAME",
        "WEBUI_SECRET_KEY",
        "DATABASE_URL",
        "CORS_ALLOW_ORIGIN",
        "BYPASS_MODEL_ACCESS_CONTROL",
        "ENV",
        "OFFLINE_MODE",
        "WEBUI_SESSION_COOKIE_SECURE",
    }


class _Redirecting(BaseHTTPRequestHandler):
    seen: list[str]

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        self.seen.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()


def test_key_follows_no_redirect_and_no_proxy(monkeypatch):
    _Redirecting.seen = []
    server = HTTPServer(("127.0.0.1", 0), _Redirecting)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    try:
        answer = web.request(f"http://127.0.0.1:{server.server_address[1]}/key", token=KEY)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert answer.status == 302
    assert _Redirecting.seen == ["/key"]


def test_key_that_is_no_header_is_an_error_without_it():
    answer = web.request("http://127.0.0.1:9/key", token="bad\nkey")
    assert answer.status is None
    assert "bad" not in answer.error


OWN = ["CMD", "python3", "-ISc", "import http.client", "/up?a=$b"]
FORMER = ["CMD", "sh", "-c", "if command -v curl", "sh", "http://127.0.0.1:8080/up"]


@pytest.mark.parametrize(
    ("test", "path"),
    [
        (OWN, "/up?a=$b"),
        (FORMER, "/up"),
        (["CMD", "sh", "-c", "/bin/check"], None),
        (["CMD-SHELL", "curl http://127.0.0.1:8080/health"], None),
        (["NONE"], None),
        ([], None),
        (None, None),
    ],
)
def test_the_path_of_our_own_check_is_what_is_waited_for(test, path):
    assert engine.health_path({"Config": {"Healthcheck": {"Test": test}}}) == path


@pytest.mark.parametrize(
    ("ports", "url"),
    [
        ([("127.0.0.1", 8001, 8080)], "http://127.0.0.1:8001"),
        ([("0.0.0.0", 9000, 9090), ("0.0.0.0", 8001, 8080)], "http://127.0.0.1:8001"),
        ([("::", 8001, 8080)], "http://[::1]:8001"),
        ([("192.0.2.7", 8001, 8080)], "http://192.0.2.7:8001"),
        ([], None),
    ],
)
def test_where_a_container_is_asked(ports, url):
    names = ("host_ip", "host_port", "container_port")
    assert engine.url({"ports": [dict(zip(names, port)) for port in ports]}) == url


@pytest.mark.parametrize(
    ("environment", "proxies"),
    [
        ({"HTTPS_PROXY": "http://a:1", "no_proxy": "b"}, {"https_proxy": "http://a:1", "no_proxy": "b"}),
        # Whatever else ends so is no proxy, and its value, 1 say, is no secret
        ({"TRUST_PROXY": 1, "FORWARDED_ALLOW_PROXY": "true", "ENABLE_PROXY": True}, {}),
        ({1: "x", None: "y", "HTTP_PROXY": ""}, {}),
    ],
)
def test_what_is_a_proxy(environment, proxies):
    assert web.proxies_of(environment) == proxies


@pytest.mark.parametrize(
    ("config", "proxies"),
    [
        ('{"proxies": {"default": {"httpsProxy": "http://a:1", "noProxy": "b"}}}', ("http://a:1", "b")),
        ('{"proxies": {"tcp://other": {"httpsProxy": "http://a:1"}}}', (None, None)),
        ('{"proxies": []}', (None, None)),
        ('{"proxies": {"default": "x"}}', (None, None)),
        ("[]", (None, None)),
        ("no JSON", (None, None)),
        (None, (None, None)),
    ],
)
def test_proxies_that_docker_gives_to_containers(monkeypatch, tmp_path, config, proxies):
    monkeypatch.setenv("HOME", str(tmp_path))
    if config is not None:
        (tmp_path / ".docker").mkdir()
        (tmp_path / ".docker" / "config.json").write_text(config)
    found = engine.proxies()
    assert (found.get("https_proxy"), found.get("no_proxy")) == proxies
