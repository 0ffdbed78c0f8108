# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the target, through real shells."""

from __future__ import annotations

import hashlib
import os
import pathlib
import pwd
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import (
    InvalidOption,
    StoreConflict,
    StoreRefused,
    StoreUnknown,
)
from ansible_collections.mai.clients.plugins.plugin_utils._target_secret import TargetSecretFile

SECRET = "sk-or-v1-" + "1" * 64
OTHER = "sk-or-v1-" + "2" * 64
NAMES = ["OPENAI_API_KEY", "OPENROUTER_API_KEY"]


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Shell:
    """Runs commands as a connection does, and remembers what anybody could have seen of them."""

    def __init__(self, path: str | None = None, as_nobody: bool = False, greeting: str = "") -> None:
        self.environment = {**os.environ, **({"PATH": path} if path else {})}
        self.user = pwd.getpwnam("nobody").pw_uid if as_nobody else None
        self.greeting = greeting
        self.seen: list[str] = []

    def __call__(self, cmd: str, in_data: bytes | None = None) -> dict[str, t.Any]:
        done = subprocess.run(
            ["/bin/sh", "-c", cmd],
            check=False,
            input=in_data or b"",
            capture_output=True,
            env=self.environment,
            user=self.user,
        )
        self.seen += [cmd, done.stdout.decode(), done.stderr.decode()]
        return {
            "rc": done.returncode,
            "stdout": self.greeting + done.stdout.decode(),
            "stderr": done.stderr.decode(),
        }


@pytest.fixture(params=["dash", "bash"])
def shell(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Shell:
    """The scripts are run by sh: that is another one on every system."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to(f"/bin/{request.param}")
    return Shell(f"{tools}:{os.environ['PATH']}")


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """In a directory whose name means something to every shell."""
    directory = tmp_path / 'it\'s a "dir" $HOME `id`; ł'
    directory.mkdir()
    return directory / "api_key.env"


def secret_file(shell: t.Any, file: pathlib.Path, *names: str, **more: t.Any) -> TargetSecretFile:
    return TargetSecretFile(shell, str(file), names or NAMES, **more)


def test_store_and_look(shell: Shell, file: pathlib.Path) -> None:
    store = secret_file(shell, file)
    seen = store.observe()
    assert (seen.digest, seen.hash, seen.obstacle) == (None, None, None)
    store.store(SECRET, hash_of(SECRET), seen.digest)
    assert file.read_text() == f'OPENAI_API_KEY="{SECRET}"\nOPENROUTER_API_KEY="{SECRET}"\n'
    assert file.stat().st_mode & 0o777 == 0o600
    seen = store.observe()
    assert seen.holds(hash_of(SECRET)) and seen.to_repair(hash_of(SECRET)) == []
    store.store(OTHER, hash_of(OTHER), seen.digest)
    assert store.observe().hash == hash_of(OTHER)
    assert [entry.name for entry in file.parent.iterdir()] == ["api_key.env"]
    assert not any(secret in text for text in shell.seen for secret in (SECRET, OTHER))


def test_it_is_noted_whose_secrets_were_there(shell: Shell, file: pathlib.Path) -> None:
    store = secret_file(shell, file)
    for secret in (SECRET, OTHER, SECRET):
        store.store(secret, hash_of(secret), store.observe().digest)
    notes = [f"# replaces {digest}" for digest in (hash_of(SECRET), hash_of(OTHER))]
    assert file.read_text().splitlines()[2:] == notes
    file.chmod(0o644)
    store.repair(hash_of(SECRET), store.observe().digest)
    assert file.read_text().splitlines()[2:] == notes
    assert store.observe().to_repair(hash_of(SECRET)) == []


@pytest.mark.parametrize(
    "line",
    [
        "{name}={secret}",
        '{name}="{secret}"',
        "{name}='{secret}'",
        "export {name}={secret}",
        '  export   {name} = "{secret}"  ',
        "{name}={secret}\r",
        "{name}=old\n{name}={secret}",
        "# {name}=no\nMY_{name}=no\n{name}={secret}\n{name}_2=no",
    ],
)
def test_reads_what_people_write(shell: Shell, file: pathlib.Path, line: str) -> None:
    file.write_bytes((line.format(name="OPENAI_API_KEY", secret=SECRET) + "\n").encode())
    assert secret_file(shell, file, "OPENAI_API_KEY").observe().hash == hash_of(SECRET)


@pytest.mark.parametrize("text", ["", "OPENAI_API_KEY=\n", 'OPENAI_API_KEY=""\n', "something else\n", "OPENAI_API_KEY"])
def test_no_secret_in_it(shell: Shell, file: pathlib.Path, text: str) -> None:
    file.write_text(text)
    seen = secret_file(shell, file).observe()
    assert seen.digest == hash_of(text)
    assert seen.hash is None


@pytest.mark.parametrize("was", [None, SECRET])
@pytest.mark.parametrize("became", [None, OTHER])
def test_gives_way_to_whoever_was_faster(shell: Shell, file: pathlib.Path, was: str | None, became: str | None) -> None:
    store = secret_file(shell, file)
    if was:
        store.store(was, hash_of(was), None)
    seen = store.observe()
    file.unlink(missing_ok=True)
    if became:
        file.write_text(became)
    if was == became:  # nothing there, before and after
        store.store(SECRET, hash_of(SECRET), seen.digest)
        return
    with pytest.raises(StoreConflict):
        store.store(SECRET, hash_of(SECRET), seen.digest)
    assert (file.read_text() if file.exists() else None) == became
    assert len(list(file.parent.iterdir())) == (1 if became else 0)


def test_a_command_that_was_sent_twice_has_stored(shell: Shell, file: pathlib.Path) -> None:
    """As when the connection broke after it had run, and tries again by itself."""
    store = secret_file(shell, file)
    for _time in range(2):
        store.store(SECRET, hash_of(SECRET), None)
    assert store.observe().to_repair(hash_of(SECRET)) == []
    with pytest.raises(StoreConflict):
        store.store(OTHER, hash_of(OTHER), None)
    with pytest.raises(StoreConflict):
        store.repair(hash_of(SECRET), None)
    file.write_text(f"OPENAI_API_KEY={SECRET}\n")  # not all that was asked for
    with pytest.raises(StoreConflict):
        store.store(SECRET, hash_of(SECRET), None)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_signal_around_the_rename(shell: Shell, file: pathlib.Path, moment: str) -> None:
    """A refusal means that nothing was stored, as the key is then deleted."""
    tools = file.parent.parent / "tools"
    kill = "kill -TERM $PPID"
    real = subprocess.run(["which", "mv"], capture_output=True, text=True, check=True).stdout.strip()
    script = {"before": f'{kill}\nexec {real} "$@"\n', "after": f'{real} "$@"\n{kill}\n'}[moment]
    (tools / "mv").write_text(f"#!/bin/sh\n{script}")
    (tools / "mv").chmod(0o755)
    secret_file(shell, file).store(SECRET, hash_of(SECRET), None)
    (tools / "mv").unlink()
    assert secret_file(shell, file).observe().hash == hash_of(SECRET)
    (tools / "sync").write_text(f"#!/bin/sh\n{kill}\n")
    (tools / "sync").chmod(0o755)
    with pytest.raises(StoreRefused, match="interrupted"):
        secret_file(shell, file).store(OTHER, hash_of(OTHER), secret_file(shell, file).observe().digest)
    assert secret_file(shell, file).observe().hash == hash_of(SECRET)
    assert [entry.name for entry in file.parent.iterdir()] == ["api_key.env"]


def test_repairs_in_place(shell: Shell, file: pathlib.Path) -> None:
    file.write_text(f"export OPENROUTER_API_KEY={SECRET}\nOPENAI_API_KEY={OTHER}\n")
    file.chmod(0o644)
    store = secret_file(shell, file)
    seen = store.observe()
    assert seen.to_repair(hash_of(SECRET)) == ["mode 644 instead of 600", "OPENAI_API_KEY"]
    store.repair(hash_of(SECRET), seen.digest)
    assert store.observe().to_repair(hash_of(SECRET)) == []
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(secret in text for text in shell.seen for secret in (SECRET, OTHER))


@pytest.mark.parametrize("owner", ["nobody", str(pwd.getpwnam("nobody").pw_uid)])
def test_owner(file: pathlib.Path, owner: str) -> None:
    secret_file(Shell(), file).store(SECRET, hash_of(SECRET), None)
    store = secret_file(Shell(), file, owner=owner, group="nogroup")
    seen = store.observe()
    assert seen.faults == [f"owner root instead of {owner}", "group root instead of nogroup"]
    store.repair(hash_of(SECRET), seen.digest)
    assert file.owner() == "nobody" and file.group() == "nogroup"
    assert store.observe().faults == []


def test_unknown_owner_is_a_definite_no(shell: Shell, file: pathlib.Path) -> None:
    with pytest.raises(StoreRefused, match="owner, group or mode"):
        secret_file(shell, file, owner="nobody-of-that-name").store(SECRET, hash_of(SECRET), None)
    assert list(file.parent.iterdir()) == []


def test_missing_directory(shell: Shell, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "missing" / "api_key.env"
    obstacle = secret_file(shell, file).observe().obstacle
    assert obstacle and "does not exist" in obstacle
    assert secret_file(shell, file, check_mode=True).observe().obstacle is None
    with pytest.raises(StoreRefused, match="does not exist"):
        secret_file(shell, file).store(SECRET, hash_of(SECRET), None)


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_something_else_of_that_name(shell: Shell, file: pathlib.Path, kind: str) -> None:
    if kind == "link":
        file.symlink_to("elsewhere")
    else:
        file.mkdir()
    with pytest.raises(StoreRefused, match="symbolic link" if kind == "link" else "not a regular file"):
        secret_file(shell, file).observe()
    with pytest.raises(StoreConflict):
        secret_file(shell, file).store(SECRET, hash_of(SECRET), None)


def test_another_user(file: pathlib.Path) -> None:
    """May see nothing, or not write, and both is said before a key is created."""
    for directory in [file.parent, *file.parents]:
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    nobody = Shell(as_nobody=True)
    obstacle = secret_file(nobody, file).observe().obstacle
    assert obstacle and "no file can be created" in obstacle
    with pytest.raises(StoreRefused, match="no file can be created"):
        secret_file(nobody, file).store(SECRET, hash_of(SECRET), None)
    secret_file(Shell(), file).store(SECRET, hash_of(SECRET), None)
    with pytest.raises(StoreRefused, match="become"):
        secret_file(nobody, file).observe()
    file.parent.chmod(0o700)
    with pytest.raises(StoreRefused, match="become"):
        secret_file(nobody, file).observe()


def test_full_disk_is_a_definite_no(file: pathlib.Path) -> None:
    """/dev/full refuses every byte: mktemp is made to name it."""
    tools = file.parent.parent / "full"
    tools.mkdir()
    (tools / "mktemp").write_text('#!/bin/sh\nln -s /dev/full "${1%XXXXXX}full" && echo "${1%XXXXXX}full"\n')
    (tools / "mktemp").chmod(0o755)
    shell = Shell(f"{tools}:{os.environ['PATH']}")
    with pytest.raises(StoreRefused, match="No space left"):
        secret_file(shell, file).store(SECRET, hash_of(SECRET), None)
    assert list(file.parent.iterdir()) == []


def test_input_that_was_cut_is_not_stored(file: pathlib.Path) -> None:
    shell = Shell()
    with pytest.raises(StoreRefused, match="completely"):
        secret_file(lambda cmd, in_data: shell(cmd, in_data[:40]), file).store(SECRET, hash_of(SECRET), None)
    assert list(file.parent.iterdir()) == []


def test_unknown_outcomes(file: pathlib.Path) -> None:
    def cut(cmd: str, in_data: bytes | None = None) -> dict[str, t.Any]:
        raise AnsibleConnectionFailure(f"lost with {in_data!r}")

    silent = {"rc": 0, "stdout": "mai: stored 123", "stderr": ""}
    for run in (cut, lambda cmd, in_data: silent, lambda cmd, in_data: {**silent, "rc": 1, "stderr": SECRET}):
        with pytest.raises(StoreUnknown) as caught:
            secret_file(run, file).store(SECRET, hash_of(SECRET), None)
        assert SECRET not in str(caught.value)


def test_a_target_without_coreutils_is_refused(file: pathlib.Path) -> None:
    file.write_text("OPENAI_API_KEY=x\n")
    nothing = file.parent.parent / "nothing"
    nothing.mkdir()
    (nothing / "sh").symlink_to("/bin/sh")
    with pytest.raises(StoreRefused, match="coreutils"):
        secret_file(Shell(str(nothing)), file).observe()


def test_shasum_where_there_is_no_sha256sum(file: pathlib.Path) -> None:
    """As on macOS; without flock, too."""
    tools = file.parent.parent / "some tools"
    tools.mkdir()
    for name in [
        "sh",
        "sed",
        "tail",
        "tr",
        "cut",
        "stat",
        "mktemp",
        "cat",
        "chmod",
        "sync",
        "mv",
        "rm",
        "shasum",
        "perl",
    ]:
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tools / name).symlink_to(found)
    store = secret_file(Shell(str(tools)), file)
    store.store(SECRET, hash_of(SECRET), store.observe().digest)
    assert store.observe().hash == hash_of(SECRET)


def test_greetings_of_the_login_shell_do_no_harm(file: pathlib.Path) -> None:
    store = secret_file(Shell(greeting="Welcome!\nmail: none\n"), file)
    store.store(SECRET, hash_of(SECRET), store.observe().digest)
    assert store.observe().hash == hash_of(SECRET)


def test_files_that_dead_runs_left_are_removed(file: pathlib.Path) -> None:
    (file.parent / ".api_key.env.mai-dead42").write_text(OTHER)
    secret_file(Shell(), file).store(SECRET, hash_of(SECRET), None)
    assert [entry.name for entry in file.parent.iterdir()] == ["api_key.env"]


def test_without_a_lock_the_files_of_other_runs_are_left_alone(file: pathlib.Path) -> None:
    """As with busybox, whose flock refuses a time limit."""
    tools = file.parent.parent / "busybox"
    tools.mkdir()
    (tools / "flock").write_text("#!/bin/sh\necho usage >&2\nexit 1\n")
    (tools / "flock").chmod(0o755)
    other = file.parent / ".api_key.env.mai-alive2"
    other.write_text(OTHER)
    secret_file(Shell(f"{tools}:{os.environ['PATH']}"), file).store(SECRET, hash_of(SECRET), None)
    assert other.exists() and file.exists()


@pytest.mark.parametrize(
    ("path", "names", "more"),
    [
        ("relative", NAMES, {}),
        ("/dir/", NAMES, {}),
        ("/x\ny", NAMES, {}),
        ("/x", [], {}),
        ("/x", ["A-B"], {}),
        ("/x", ["A=1; id"], {}),
        ("/x", NAMES, {"owner": "-R"}),
        ("/x", NAMES, {"group": "a:b"}),
    ],
)
def test_wrong_options(path: str, names: list[str], more: dict[str, str]) -> None:
    with pytest.raises(InvalidOption, match="secret_"):
        TargetSecretFile(Shell(), path, names, **more)
