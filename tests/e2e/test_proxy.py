# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS: two clients behind one Caddy, their certificates from a real ACME server on another host, who asks.

The tests are one story, told in order.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.fleet import PORTS, Fleet
from tests.hosts.host import Host
from tests.kit.figures import PLANTED, Table

DOMAIN = "example.test"
ACME = f"acme.{DOMAIN}"
ONE, TWO = "tls-one", "tls-two"
NAMES = {ONE: f"mai-tlsone.{DOMAIN}", TWO: f"mai-tlstwo.{DOMAIN}"}
OTHER = f"chat.{DOMAIN}"
SITES = "/etc/caddy/mai.d"
ACME_SERVER = f"""
{{
    auto_https disable_redirects
    skip_install_trust
}}
https://{ACME} {{
    tls internal
    acme_server
}}
"""
ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
UPGRADE = (
    *("-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13"),
    *("-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
)
SOCKET = "/ws/socket.io/?EIO=4&transport=websocket"
# Each piece with the second in which it came, and whether it was compressed on its way
STREAM = """
import json, ssl, sys, time, urllib.request, zlib
url, token, root, model = sys.argv[1:]
body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "Tell me more"}]}).encode()
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept-Encoding": "gzip"}
request = urllib.request.Request(url + "/api/chat/completions", body, headers)
with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=root), timeout=60) as answer:
    plain = zlib.decompressobj(31) if answer.headers.get("Content-Encoding") == "gzip" else None
    while True:
        piece = answer.read1(65536)
        if not piece:
            break
        text = plain.decompress(piece) if plain else piece
        print(json.dumps([time.time(), text.decode()]), flush=True)
"""
PORT_TAKER = "import socket, time; taker = socket.create_server(('', 443)); time.sleep(600)"


REQUESTS = Table("proxy", "Requests to a published client, from another host", ("request", "answer"))


class Place:
    """The host of the clients, and the other one: the ACME server, and who asks."""

    def __init__(self, fleet: Fleet, host: Host, other: Host, folder: pathlib.Path) -> None:
        self.fleet, self.host, self.other, self.folder = fleet, host, other, folder
        # Half a minute, while playbooks run
        install = "apt-get install -qqy --no-install-recommends chromium libnss3-tools"
        self.browser = other.start("sh", "-c", f"DEBIAN_FRONTEND=noninteractive {install}")

    def name(self, *names: str, address: str | None = None) -> None:
        """Both hosts resolve these names from now on, by default to the clients' host."""
        lines = f"{address or self.host.address()} {' '.join(names)}\\n"
        for host in (self.host, self.other):
            host.exec("sh", "-c", "cat >> /etc/hosts", data=lines.replace("\\n", "\n"))

    def curl(self, url: str, *arguments: str, check: bool = True) -> str:
        """What the other host gets, the certificate verified."""
        command = ("curl", "-sS", "-m", "30", "--cacert", "/root/acme-root.crt", *arguments, url)
        return self.other.exec(*command, check=check).stdout

    def head(self, url: str, *arguments: str) -> str:
        return self.curl(url, "-o", "/dev/null", "-D", "-", *arguments).lower()

    def status(self, url: str, *arguments: str) -> str:
        """000 without an answer."""
        return self.curl(url, "-o", "/dev/null", "-w", "%{http_code}", *arguments, check=False)

    def site(self, slug: str) -> str:
        return self.host.exec("cat", f"{SITES}/{slug}.caddy", check=False).stdout

    def caddy(self, name: str) -> str:
        return self.host.exec("systemctl", "show", "caddy", f"--property={name}", "--value").stdout.strip()

    def token(self, slug: str) -> str:
        admin = self.fleet.variables(slug, "admin.env")
        form = {"email": admin["WEBUI_ADMIN_EMAIL"], "password": admin["WEBUI_ADMIN_PASSWORD"]}
        answer = self.curl(
            f"https://{NAMES[slug]}/api/v1/auths/signin", "-H", "Content-Type: application/json", "-d", json.dumps(form)
        )
        return str(json.loads(answer)["token"])


@pytest.fixture(scope="module")
def place(
    ready_hosts: tuple[Host, Host], new_fleet: Callable[..., Fleet], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    host, other = ready_hosts
    folder = tmp_path_factory.mktemp("tls")
    install = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends caddy"
    other.exec("sh", "-c", install)
    other.exec("sh", "-c", "cat > /etc/caddy/Caddyfile && systemctl reload caddy", data=ACME_SERVER)
    root = other.exec("sh", "-c", f"for i in $(seq 50); do cat {ROOT} && break; sleep 0.1; done").stdout
    other.exec("sh", "-c", "cat > /root/acme-root.crt", data=root)
    (folder / "acme-root.crt").write_text(root)
    fleet = new_fleet(
        mai_domain=DOMAIN,
        mai_acme_directory=f"https://{ACME}/acme/local/directory",
        mai_acme_email="it@agency.example",
        mai_acme_ca_root=str(folder / "acme-root.crt"),
    )
    for slug in NAMES:
        fleet.put(slug, host, mai_admin_email=f"admin@{slug}.example")
    place = Place(fleet, host, other, folder)
    yield place
    for one in (host, other):
        purge = (
            "systemctl stop caddy; apt-get purge -qqy caddy chromium >/dev/null 2>&1; rm -rf /etc/caddy /var/lib/caddy"
        )
        one.exec(
            "sh", "-c", f"{purge}; sed '/{DOMAIN}/d' /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts", check=False
        )


def test_onboarded_with_a_certificate_once_the_name_is_there(place: Place) -> None:
    place.name(ACME, address=place.other.address())
    place.name(NAMES[ONE])
    first = place.fleet.run(f"{ONE},{TWO}")
    assert (
        f"not published yet: its name does not resolve on the machine: create the DNS record {NAMES[TWO]} A"
        in first.said
    )
    assert place.site(TWO) == "" and f"{SITES}/{ONE}.root.crt" in place.site(ONE)
    assert place.status(f"https://{NAMES[ONE]}/health") == "200"
    for slug in NAMES:
        assert place.fleet.published(slug)["HostIp"] == "127.0.0.1"

    place.name(NAMES[TWO])
    begun = place.caddy("InvocationID")
    shown = place.fleet.run(f"{ONE},{TWO}", "--check", "--diff")
    assert f"Would publish https://{NAMES[TWO]}" in shown.said and f"+{NAMES[TWO]} {{" in shown.stdout
    assert place.site(TWO) == ""
    second = place.fleet.run(f"{ONE},{TWO}")
    assert second.stats[ONE]["changed"] == 0 and second.stats[TWO]["changed"] > 0
    assert place.caddy("InvocationID") == begun
    assert place.status(f"https://{NAMES[TWO]}/health") == "200"


def test_what_passes_the_proxy(place: Place, tmp_path: pathlib.Path) -> None:
    url, token = f"https://{NAMES[ONE]}", place.token(ONE)
    redirected = place.head(f"http://{NAMES[ONE]}/c/1?x=1")
    assert " 308 " in redirected and f"location: https://{NAMES[ONE]}/c/1?x=1" in redirected
    REQUESTS.add("http://, with path and query", "308 to the same of https://")
    page = place.head(url, "--compressed")
    assert " 200" in page and "strict-transport-security: max-age=31536000" in page
    assert "server:" not in page and "x-powered-by" not in page
    REQUESTS.add("https://, certificate of the ACME server", "200, HSTS, nothing of which server it is")

    # A streamed answer comes in pieces, also to those who take it compressed, and also while Caddy is reloaded
    place.fleet.control.fault(kind="drip", path="/chat/completions", seconds=0.15)
    models = json.loads(place.curl(f"{url}/api/models", "-H", f"Authorization: Bearer {token}"))["data"]
    model = next(one["id"] for one in models if one.get("owned_by") != "arena")
    asked = place.other.start("python3", "-c", STREAM, url, token, "/root/acme-root.crt", model)
    socket = place.other.start(
        "curl", "-sS", "--http1.1", "-m", "20", "--cacert", "/root/acme-root.crt", "-D", "-", "-o", "/dev/null",
        *UPGRADE, "-H", f"Origin: {url}", url + SOCKET,
    )  # fmt: skip
    begun = place.caddy("MainPID")
    place.host.exec("systemctl", "reload", "caddy")
    assert place.caddy("MainPID") == begun and place.caddy("ActiveState") == "active"
    pieces = [json.loads(line) for line in asked.communicate(timeout=60)[0].splitlines()]
    text = "".join(piece for _when, piece in pieces)
    assert text.startswith(": OPENROUTER PROCESSING") and text.rstrip().endswith("data: [DONE]")
    seconds = pieces[-1][0] - pieces[0][0]
    assert len(pieces) > 5 and seconds > 0.5
    REQUESTS.add("a streamed chat, while Caddy is reloaded", f"{len(pieces)} pieces in {seconds:.1f} s, to its end")
    assert "101 Switching Protocols" in socket.communicate(timeout=60)[0]
    REQUESTS.add("a web socket, while Caddy is reloaded", "101")
    foreign = [*UPGRADE, "-H", "Origin: https://evil.example", "--http1.1", "-m", "5"]
    assert " 403 " in place.head(url + SOCKET, *foreign)
    REQUESTS.add("a web socket of another site", "403")

    upload = (
        "head -c 200000000 /dev/zero | curl -sS --cacert /root/acme-root.crt -H 'Authorization: Bearer '$1 "
        "-F 'file=@-;filename=big.bin' $2/api/v1/files/"
    )
    answer = json.loads(place.other.exec("sh", "-c", upload, "upload", token, url).stdout)
    assert answer["filename"] == "big.bin" and answer["meta"]["size"] > 200_000_000
    REQUESTS.add("an upload of 200 MB", f"200, {answer['meta']['size']} bytes arrived")
    # An answer that is worth it is compressed
    long = ("-F", f"file=@/etc/hostname;filename={'a' * 700}", "--compressed", "-H", f"Authorization: Bearer {token}")
    assert "content-encoding: " in place.head(f"{url}/api/v1/files/", *long)
    REQUESTS.add("a long answer", "compressed")


def test_clients_are_apart_and_strangers_get_none_of_them(place: Place) -> None:
    tokens = {slug: place.token(slug) for slug in NAMES}
    for slug, other in ((ONE, TWO), (TWO, ONE)):
        bearer = ("-H", f"Authorization: Bearer {tokens[other]}")
        assert place.status(f"https://{NAMES[slug]}/api/v1/auths/", *bearer) == "401"
        # Another client's name in the request, past the name of the handshake
        there = place.curl(f"https://{NAMES[slug]}/api/config", "-H", f"Host: {NAMES[other]}", check=False)
        assert slug not in there
    REQUESTS.add("another client's session", "401")
    REQUESTS.add("another client's name after the handshake", "nothing of the client")
    address = place.host.address()
    for scheme, port in (("https", 443), ("http", 80)):
        nobody = ("--resolve", f"nobody.{DOMAIN}:{port}:{address}", "-k")
        got = place.curl(f"{scheme}://nobody.{DOMAIN}/api/config", *nobody, check=False)
        assert "onboarding" not in got and "WebUI" not in got and "auth" not in got.lower()
    REQUESTS.add("a name that nobody has, http:// and https://", "no client")
    for slug in NAMES:
        port = place.fleet.published(slug)["HostPort"]
        assert place.status(f"http://{address}:{port}/health") == "000"
    REQUESTS.add("the instance's own port", "no connection")


def test_a_browser_shows_the_page(place: Place) -> None:
    """Trusting the CA as people do who imported it."""
    dump = (
        "mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -N --empty-password && "
        "certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n acme -i /root/acme-root.crt && "
        "timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --dump-dom $1"
    )
    place.browser.wait(120)
    page = place.other.exec("sh", "-c", dump, "dump", f"https://{NAMES[ONE]}/").stdout
    direct = place.curl(f"https://{NAMES[ONE]}/")
    title = re.search("<title>(.*?)</title>", direct)
    assert title and title[0] in page
    assert "ERR_" not in page
    REQUESTS.add("the page in a browser that trusts the CA", "shown, with its title")


def certificate(folder: pathlib.Path, name: str, key: str) -> tuple[str, str]:
    """A certificate for a name, of nobody's CA, and its key."""
    files = folder / f"{key}.crt", folder / f"{key}.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", f"/CN={name}"]
    make += ["-addext", f"subjectAltName=DNS:{name}", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(make, check=True, capture_output=True)
    return str(files[0]), str(files[1])


def test_what_caddy_cannot_use_changes_nothing(place: Place) -> None:
    fleet, host = place.fleet, place.host
    before, started = place.site(TWO), fleet.started(TWO)
    good, key = certificate(place.folder, NAMES[TWO], "good")
    _other, wrong = certificate(place.folder, NAMES[TWO], "other")
    own = {"mai_tls": "files", "mai_acme_directory": None, "mai_acme_email": None, "mai_acme_ca_root": None}

    fleet.change(TWO, **own, mai_tls_certificate=good, mai_tls_key=wrong)
    said = fleet.run(TWO, check=False)
    assert said.rc != 0 and f"the key {wrong} is not that of the certificate {good}" in said.said
    PLANTED.add("proxy: a key of another certificate", "the key … is not that of the certificate …", "nothing changed")

    # The operator's own configuration is broken
    fleet.change(TWO, mai_tls_key=key)
    host.exec("sh", "-c", "cp -p /etc/caddy/Caddyfile /root/; echo 'a.example { nonsense' >> /etc/caddy/Caddyfile")
    broken = host.exec("cat", "/etc/caddy/Caddyfile").stdout
    said = fleet.run(TWO, check=False)
    assert said.rc != 0 and "is not accepted without that site either" in said.said and "Caddyfile:" in said.said
    assert (place.site(TWO), host.exec("cat", "/etc/caddy/Caddyfile").stdout) == (before, broken)
    kept = [f"{slug}.{ending}" for slug in NAMES for ending in ("caddy", "root.crt")]
    assert host.exec("sh", "-c", f"ls -A {SITES} | sort").stdout.split() == kept
    assert {place.status(f"https://{name}/health") for name in NAMES.values()} == {"200"}
    PLANTED.add(
        "proxy: a Caddyfile that is broken",
        "is not accepted without that site either",
        "both clients are served as before",
    )

    host.exec("sh", "-c", "cat /root/Caddyfile > /etc/caddy/Caddyfile")
    again = fleet.run(TWO, "--diff")
    assert "PRIVATE KEY" not in again.output and "BEGIN CERT" not in again.output
    assert host.exec("stat", "-c", "%a %U %G", f"{SITES}/{TWO}.pem").stdout.split() == ["640", "root", "caddy"]
    # Its machine does not know that CA; whoever has its certificate does
    assert "answers, with a certificate of" in again.said
    place.other.exec("sh", "-c", "cat > /root/good.crt", data=pathlib.Path(good).read_text())
    assert place.status(f"https://{NAMES[TWO]}/health", "--cacert", "/root/good.crt") == "200"
    assert fleet.run(TWO).total("changed") == 0
    assert fleet.started(TWO) == started


def test_other_places_of_a_certificate_and_none_stays_behind(place: Place) -> None:
    fleet, host = place.fleet, place.host
    started, good = fleet.started(TWO), place.folder / "good.crt"
    fleet.change(TWO, mai_tls="internal", mai_tls_certificate=None, mai_tls_key=None)
    fleet.run(TWO)
    place.other.exec("sh", "-c", "cat > /root/internal.crt", data=host.exec("cat", ROOT).stdout)
    answer = place.head(f"https://{NAMES[TWO]}/health", "--cacert", "/root/internal.crt")
    assert " 200" in answer and "strict-transport-security" not in answer
    assert host.exec("sh", "-c", f"cd {SITES} && ls -A | grep {TWO}").stdout.split() == [f"{TWO}.caddy"]

    for path in (good, good.with_suffix(".key")):
        host.exec(
            "sh", "-c", f"cat > /etc/caddy/{path.name}; chgrp caddy /etc/caddy/{path.name}", data=path.read_text()
        )
    remote = {
        f"mai_tls_{what}": f"remote:/etc/caddy/good.{end}" for what, end in (("certificate", "crt"), ("key", "key"))
    }
    fleet.change(TWO, mai_tls="files", **remote)
    assert "answers, with a certificate of" in fleet.run(TWO).said
    assert place.status(f"https://{NAMES[TWO]}/health", "--cacert", "/root/good.crt") == "200"
    assert host.exec("sh", "-c", f"cd {SITES} && ls -A | grep {TWO}").stdout.split() == [f"{TWO}.caddy"]
    assert fleet.started(TWO) == started


def test_another_name_without_a_record_changes_nothing(place: Place) -> None:
    fleet, started = place.fleet, place.fleet.started(ONE)
    fleet.change(ONE, mai_fqdn=OTHER)
    said = fleet.run(ONE)
    assert f"https://{NAMES[ONE]} is served, and https://{OTHER} not yet: its name does not resolve" in said.said
    assert f"create the DNS record {OTHER} A" in said.said
    assert fleet.started(ONE) == started and place.status(f"https://{NAMES[ONE]}/health") == "200"
    assert f'WEBUI_URL="https://{NAMES[ONE]}"' in fleet.file(ONE, "settings.env")
    PLANTED.add("proxy: another name without a record", "its name does not resolve", "served under the old name")


def test_somebody_else_has_its_port_and_then_another_name(place: Place) -> None:
    fleet, host = place.fleet, place.host
    host.exec("systemctl", "stop", "caddy")
    taker = host.start("python3", "-c", PORT_TAKER)
    started, people = fleet.started(ONE), fleet.table(ONE, "user")
    place.name(OTHER)
    said = fleet.run(ONE, check=False)
    assert said.rc != 0 and "port 443 is used by python3 on this machine" in said.said
    assert fleet.started(ONE) == started
    PLANTED.add("proxy: port 443 taken", "port 443 is used by python3 on this machine", "the next run publishes")

    # The next run goes on: a Caddy that does not run is started, and another name keeps everything
    host.exec("pkill", "-f", "taker = socket")
    taker.wait(10)
    fleet.run(ONE)
    assert place.status(f"https://{OTHER}/health") == "200"
    assert place.status(f"https://{NAMES[ONE]}/health") == "000"
    assert place.status(f"https://{NAMES[TWO]}/health", "--cacert", "/root/good.crt") == "200"
    assert fleet.environment(ONE)["WEBUI_URL"] == f"https://{OTHER}"
    assert [one["id"] for one in fleet.table(ONE, "user")] == [one["id"] for one in people]


def test_suspended_and_back(place: Place) -> None:
    fleet, url = place.fleet, f"https://{OTHER}/"
    fleet.run(ONE, playbook="playbooks/suspend_client.yml")
    assert (place.status(url), place.curl(url)) == ("503", "This service is suspended.")
    REQUESTS.add("a client that is suspended", "503, This service is suspended.")
    assert fleet.run(ONE).total("changed") == 0
    assert place.status(url) == "503"
    fleet.run(ONE, playbook="playbooks/resume_client.yml")
    assert place.status(url + "health") == "200"


def test_its_address_follows_an_instance_that_another_playbook_started(place: Place) -> None:
    fleet = place.fleet
    fleet.change(ONE, mai_port=next(PORTS))
    fleet.run(ONE, playbook="playbooks/rotate_key.yml")
    assert place.status(f"https://{OTHER}/health") == "200"
    assert fleet.run(ONE).total("changed") == 0


def test_what_others_say_of_it(place: Place) -> None:
    fleet = place.fleet
    diagnosis = fleet.run(ONE, playbook="playbooks/diagnose_client.yml", check=False)
    assert f"https://{OTHER} answers, its certificate is good until" in diagnosis.said


def test_the_end(place: Place) -> None:
    fleet, host = place.fleet, place.host
    begun = place.caddy("MainPID")
    # An address that is given up: another proxy is in front now
    fleet.change(ONE, mai_proxy="none")
    said = fleet.run(ONE)
    assert "Upgrade and Connection for /ws/" in said.said
    assert place.site(ONE) == "" and place.status(f"https://{OTHER}/health") == "000"
    # By its name, whatever the inventory says by now
    fleet.change(TWO, mai_domain=None)
    fleet.run(TWO, "-e", f"confirm={TWO}", playbook="playbooks/offboard_client.yml")
    assert host.exec("ls", "-A", SITES).stdout == ""
    assert place.status(f"https://{NAMES[TWO]}/health", "-k") == "000"
    assert place.caddy("MainPID") == begun
