# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of a client on its machine: what is seen of it, and that a change is whole or not at all."""

from __future__ import annotations

import os
import pathlib
import ssl
import subprocess
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils import _certificate
from ansible_collections.mai.clients.plugins.module_utils._instance import site
from ansible_collections.mai.clients.plugins.modules import proxy_site

CONTENT = "# mai.clients.client: company-abc\nmai-companyabc.example.com {\n}\n"
OWN = "a.example {\n}\n"
# They know what a configuration is, what is wrong with one, and whether it runs
COMMANDS = {
    "caddy": """
[ "$1" = version ] && echo "2.6.2" && exit 0
show() {
  cat "$1"
  # As Caddy 2.6
  [ -s "$1" ] || echo nonsense
  for one in $(sed -n 's/^import "*\\([^"]*\\)"*$/\\1/p' "$1"); do [ ! -e "$one" ] || show "$one"; done
}
show "$3" > "$HOME/read"
if grep -q nonsense "$HOME/read"; then
  echo "info: reading" >&2; echo "Error: $3:3: unrecognized directive: nonsense" >&2; exit 1
fi
for one in $(sed -n 's/^\ttls //p' "$HOME/read"); do [ -e "$one" ] || { echo "Error: no $one" >&2; exit 1; }; done
""",
    "systemctl": """
case $1 in
  show) echo LoadState=loaded; echo "ActiveState=$(cat "$HOME/state")"; echo MainPID=0; echo User=root ;;
  *) echo "$1" >> "$HOME/journal"
     [ -e "$HOME/refuses" ] && exit 1
     echo active > "$HOME/state" ;;
esac
""",
    "journalctl": 'echo "Error: sending configuration to instance: no"',
}


@pytest.fixture
def caddy(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "bin").mkdir()
    for name, script in COMMANDS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\nHOME={tmp_path}\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(site, "DIRECTORY", str(tmp_path / "mai.d"))
    monkeypatch.setattr(site, "CONFIG", str(tmp_path / "Caddyfile"))
    (tmp_path / "Caddyfile").write_text(OWN)
    (tmp_path / "state").write_text("active\n")
    return tmp_path


@pytest.fixture
def publish(run_module: t.Callable[..., dict], caddy: pathlib.Path) -> t.Callable[..., dict]:
    def publish(**options: t.Any) -> dict:
        (caddy / "journal").write_text("")
        own = {} if options.get("state") == "absent" else {"content": CONTENT}
        return run_module(proxy_site, client="company-abc", **{**own, **options})

    return publish


def files(caddy: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((caddy / "mai.d").glob("*")) if path.is_file()} | {
        "Caddyfile": (caddy / "Caddyfile").read_text()
    }


def journal(caddy: pathlib.Path) -> list[str]:
    return (caddy / "journal").read_text().split()


def test_a_site_is_published_once(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    assert publish(_check=True)["changed"] is True
    assert not (caddy / "mai.d").exists()
    first = publish()
    assert (first["rc"], first["changed"], first["certificate_shown"]) == (0, True, None)
    assert journal(caddy) == ["reload"]
    assert files(caddy)["company-abc.caddy"] == CONTENT
    assert files(caddy)["Caddyfile"].startswith(OWN) and files(caddy)["Caddyfile"].count("import ") == 1
    before = files(caddy)
    assert publish()["changed"] is False and journal(caddy) == [] and files(caddy) == before
    assert publish(retry=True)["changed"] is True and journal(caddy) == ["reload"]


def test_an_import_that_is_there_is_enough(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    # Of whom the operator's file is, and who reads it, stays so
    (caddy / "Caddyfile").chmod(0o600)
    os.chown(caddy / "Caddyfile", 12, 34)
    publish()
    found = (caddy / "Caddyfile").stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o600, 12, 34)
    own = f'{OWN}import "{caddy}/mai.d/*.caddy"\n'
    (caddy / "Caddyfile").write_text(own)
    publish()
    assert files(caddy)["Caddyfile"] == own


def test_what_caddy_does_not_accept_is_taken_back(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    publish()
    before = files(caddy)
    refused = publish(content=CONTENT + "nonsense\n")
    assert refused["rc"] == 1 and journal(caddy) == []
    said = f"Caddy does not accept the site of company-abc: Error: {caddy}/Caddyfile:3: unrecognized directive"
    assert said in refused["msg"]
    assert refused["msg"].endswith("Nothing was changed, what Caddy serves it serves on. Correct that, and run again.")
    assert files(caddy) == before and not list((caddy / "mai.d").glob(".*"))


def test_whose_fault_it_is(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    (caddy / "Caddyfile").write_text("nonsense\n")
    refused = publish()
    assert f"is not accepted without that site either (Error: {caddy}/Caddyfile:3" in refused["msg"]
    assert files(caddy) == {"Caddyfile": "nonsense\n"}


def test_a_reload_that_is_refused(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    (caddy / "refuses").touch()
    refused = publish()
    assert "Caddy did not reload for company-abc: Error: sending configuration to instance: no." in refused["msg"]
    # Whether Caddy took it after all is the next run's to find out
    assert files(caddy) == {"Caddyfile": OWN, ".company-abc.pending": ""}
    (caddy / "refuses").unlink()
    publish()
    (caddy / "refuses").touch()
    assert publish(content=CONTENT + "# another\n")["rc"] == 1
    assert files(caddy)["company-abc.caddy"] == CONTENT
    (caddy / "refuses").unlink()
    assert publish()["changed"] is True and journal(caddy) == ["reload"]
    assert publish()["changed"] is False


INSTANTS = [(site.os, "rename"), (site.os, "unlink"), (site.system, "run")]


def killed_at(instant: int, act: t.Callable[[], t.Any]) -> bool:
    """Whether a process that does this came so far, and was ended there, before what it would have done next."""
    child = os.fork()
    if child == 0:
        seen = 0

        def counting(done: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def call(*arguments: t.Any, **options: t.Any) -> t.Any:
                nonlocal seen
                # What is tried is nobody's to read
                seen += not str(arguments[-1]).endswith((".new", ".trial"))
                if seen == instant:
                    os._exit(9)
                return done(*arguments, **options)

            return call

        for module, name in INSTANTS:
            setattr(module, name, counting(getattr(module, name)))
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def brought(caddy: pathlib.Path, text: str) -> dict[str, t.Any]:
    """A site with a certificate of one's own, and what a run brings for it."""
    paths = {what: caddy / "mai.d" / f".company-abc.{what}.a1b2c3" for what in ("certificate", "key")}
    for what, path in paths.items():
        path.write_text(f"{what} {text}")
    pem = caddy / "mai.d" / "company-abc.pem"
    content = f"{CONTENT}\ttls {pem}\n# {text}\n"
    return {"brought": {what: str(path) for what, path in paths.items()}, "content": content}


def test_killed_at_any_instant_it_leaves_what_caddy_accepts(
    publish: t.Callable[..., dict], caddy: pathlib.Path
) -> None:
    """From no site to one with files, to another with other files, to one without, to none."""
    (caddy / "mai.d").mkdir()
    steps: list[t.Callable[[], dict[str, t.Any]]] = [
        lambda: brought(caddy, "one"),
        lambda: brought(caddy, "two"),
        dict,
        lambda: {"state": "absent"},
    ]
    before: dict[str, str] = files(caddy)
    for step in steps:
        instant, last = 1, False
        publish(**step())
        after = files(caddy)
        assert not [name for name in after if name.startswith(".")]
        while not last:
            restore(caddy, before)
            options = step()
            last = not killed_at(instant, lambda options=options: publish(**options))
            # A Caddy that starts now
            read = subprocess.run(
                ["caddy", "validate", "--config", caddy / "Caddyfile"], check=False, capture_output=True
            )
            assert read.returncode == 0, (step, instant, read.stderr, files(caddy))
            there = {name: text for name, text in files(caddy).items() if name.endswith(".caddy")}
            assert there in [{n: x for n, x in one.items() if n.endswith(".caddy")} for one in (before, after)]
            # The next run
            again = publish(**step())
            assert again["rc"] == 0 and files(caddy) == after, (instant, again)
            instant += 1
        assert instant > 5
        before = after


def restore(caddy: pathlib.Path, there: dict[str, str]) -> None:
    for path in (caddy / "mai.d").iterdir():
        path.unlink()
    for name, text in there.items():
        (caddy / name if name == "Caddyfile" else caddy / "mai.d" / name).write_text(text)


def test_a_caddy_that_does_not_run_is_started(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    publish()
    (caddy / "state").write_text("failed\n")
    assert publish()["changed"] is True and journal(caddy) == ["start"]
    # Not for a site that goes
    (caddy / "state").write_text("inactive\n")
    assert publish(state="absent")["changed"] is True and journal(caddy) == []


def test_what_a_killed_run_left_is_loaded(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    publish()
    (caddy / "mai.d" / ".company-abc.pending").touch()
    assert publish()["changed"] is True and journal(caddy) == ["reload"]
    assert not (caddy / "mai.d" / ".company-abc.pending").exists()


def test_files_that_were_brought(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    (caddy / "mai.d").mkdir()
    result = publish(**brought(caddy, "one"), _diff=True)
    assert "key one" not in str(result["diff"])
    pem = caddy / "mai.d" / "company-abc.pem"
    assert pem.stat().st_mode & 0o777 == 0o640 and pem.read_text() == "certificate one\nkey one"
    # A key goes with the site that named it, and so does one that an earlier release called otherwise
    (caddy / "mai.d" / "company-abc.key").touch()
    assert publish()["changed"] is True and list(files(caddy)) == ["company-abc.caddy", "Caddyfile"]
    publish(**brought(caddy, "one"))
    assert publish(state="absent")["changed"] is True
    assert list((caddy / "mai.d").iterdir()) == []
    assert publish(state="absent")["changed"] is False


def test_what_somebody_else_made_is_left_alone(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    (caddy / "mai.d").mkdir()
    (caddy / "mai.d" / "company-abc.caddy").write_text("# mai.clients.client: company-abcd\n")
    for state in ("present", "absent"):
        assert "was not made by this collection" in publish(state=state)["msg"]


def look(**options: t.Any) -> site.Look:
    wanted = {"client": "company-abc", "fqdn": "", "tls_files": {}, "probe": False, "health_path": "/health"}
    return site.Look({**wanted, **options}, None)


def test_a_client_without_an_address_costs_nothing(caddy: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.system, "Started", None)
    assert look().found({}, {}) is None


def test_what_is_seen(publish: t.Callable[..., dict], caddy: pathlib.Path) -> None:
    publish()
    found = look(fqdn="localhost").found({443: {"0"}}, {80: "container traefik"})
    assert (found["version"], found["unit"], found["active"], found["imports"]) == ("2.6.2", True, True, True)
    assert found["site"]["ours"] and found["site"]["sha256"] == site.sha256(CONTENT.encode())
    assert found["ports"]["80"] == {"process": "container traefik", "caddy": False}
    assert {"address": "127.0.0.1", "own": True} in found["names"]
    # One that has a site is seen whatever the inventory says by now
    assert look().found({}, {})["site"]["exists"]


def pair(folder: pathlib.Path, name: str, *more: str) -> tuple[str, str]:
    certificate, key = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "30", "-subj", f"/O=Żółw/CN={name}", "-utf8"]
    subprocess.run(
        [*make, "-out", certificate, "-keyout", key, *(more or ("-nodes",))], check=True, capture_output=True
    )
    return certificate, key


def test_certificates(tmp_path: pathlib.Path) -> None:
    certificate, key = pair(tmp_path, "one")
    other = pair(tmp_path, "two")[1]
    locked = pair(tmp_path, "three", "-passout", "pass:secret")
    assert _certificate.pair_error(certificate, key) is None
    assert (
        _certificate.pair_error(certificate, other) == f"the key {other} is not that of the certificate {certificate}"
    )
    assert _certificate.pair_error(*locked) == f"the key {locked[1]} has a password: give one without"
    swapped = _certificate.pair_error(certificate=key, key=certificate) or ""
    assert "are no certificate and key in PEM" in swapped
    assert "cannot be read: No such file" in (_certificate.pair_error(certificate, str(tmp_path / "none")) or "")

    der = ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate).read_text())
    described = _certificate.described(der)
    assert described["issuer"] == "one" and str(described["not_after"])[10:11] == "T"
    for odd in (b"", b"\x30", der[:100], b"\x30\x82\xff\xff", b"nonsense" * 10):
        assert _certificate.described(odd)["issuer"] is None
