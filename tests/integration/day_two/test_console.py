# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""console.yml: the guide's menu at a terminal, whose choices are the single playbooks."""

from __future__ import annotations

import os
import pathlib

from tests.kit.agency import Agency, free_port
from tests.kit.terminal import CTRL_C, CTRL_D, Terminal

CONSOLE = "playbooks/console.yml"


def console(agency: Agency, *arguments: str) -> Terminal:
    """Without a provisioning key in its environment or inventory."""
    return agency.at_terminal(CONSOLE, *arguments, OPENROUTER_PROVISIONING_KEY="")


def give_key(terminal: Terminal, key: str) -> None:
    terminal.answer("Provisioning key (it is not shown; Enter goes on without):", key)


def choose(terminal: Terminal, number: str, target: str = "") -> None:
    terminal.answer("Choice:", number)
    if target:
        terminal.answer("Client", target)


def held_by_any_process(secret: str) -> list[str]:
    """Command lines that hold it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if secret in line:
            found.append(line)
    return found


def test_a_session_of_somebody_who_liked_the_script(agency: Agency, client: str) -> None:
    provisioning_key = agency.openrouter.provisioning_key
    with agency.openrouter.client() as account:
        foreign = account.post("/keys", json={"name": "website", "limit": 20, "limit_reset": "weekly"}).json()["data"]
    terminal = console(agency, "-vvvv")

    choose(terminal, "4")
    give_key(terminal, "sk-or-v1-" + "5" * 64)
    terminal.sees("This is not a management key")
    give_key(terminal, provisioning_key)
    terminal.answer("Client, or hash of a key:", "company-abd")
    terminal.sees("no client and no key company-abd. Did you mean company-abc?")

    choose(terminal, "4", client)
    terminal.answer("New limit", "lots")
    terminal.sees("'lots' is no limit")
    terminal.answer("New limit", "75")
    terminal.sees(f"-e client={client} -e new_limit=75")
    terminal.sees("75.00 USD per calendar month")
    terminal.sees("Done.")
    assert held_by_any_process(provisioning_key) == []

    choose(terminal, "5", foreign["hash"][:8])
    terminal.sees("key: website")
    terminal.answer("Disable this key", "yes")
    terminal.sees("state: disabled")
    choose(terminal, "4", "website")
    terminal.answer("New limit", "30")
    terminal.sees("limit: 30.00 (weekly)")
    choose(terminal, "7", "website")
    terminal.sees("the key website has no client in this inventory, so there is no instance")

    choose(terminal, "5", client)
    terminal.answer("Suspend company-abc", "")
    terminal.sees("Nothing was changed by this choice")

    choose(terminal, "3")
    terminal.answer("Client, or hash of a key:", "", end=CTRL_C)
    terminal.sees("Left.")
    choose(terminal, "2")
    terminal.sees("company-abc")
    terminal.sees("Keys at OpenRouter without a client of this inventory:")
    terminal.sees("website")
    choose(terminal, "6")
    assert terminal.wait() == 0, terminal.output

    assert agency.key(client)["limit"] == 75 and not agency.key(client)["disabled"]
    [changed] = [key for key in agency.control.all_keys() if key["name"] == "website"]
    assert (changed["limit"], changed["limit_reset"], changed["disabled"]) == (30, "weekly", True)
    agency.assert_converged(client)
    assert provisioning_key not in terminal.output and agency.secret(client) not in terminal.output


def test_a_client_is_created_and_what_fails_comes_back_to_the_menu(agency: Agency, client: str) -> None:
    agency.client("broken", mai_port=80)
    terminal = console(agency, "-e", "mai_markup_rate=1.4")
    choose(terminal, "1")
    terminal.answer("Name of the organisation:", "Newcomer Inc.")
    terminal.answer("[newcomer]:")
    terminal.answer("Machine", "127.0.0.1")
    terminal.answer("Port", str(free_port()))
    terminal.answer("Limit", "5")
    terminal.answer("E-mail address for bills")
    terminal.answer("E-mail address of its administrator")
    terminal.answer("Write it?")
    terminal.answer("Onboard newcomer now? (yes/no) [yes]:")
    give_key(terminal, agency.openrouter.provisioning_key)
    terminal.sees("-e client=newcomer")
    terminal.sees("5.00 USD per calendar month")
    terminal.sees("Done.")

    choose(terminal, "1")
    terminal.answer("Name of the organisation:", "", end=CTRL_D)
    # The key is still known, and so is the new client
    choose(terminal, "4")
    terminal.sees("Clients: company-abc, broken, newcomer")
    terminal.answer("Client, or hash of a key:", "broken")
    terminal.answer("New limit", "7")
    terminal.sees("broken was not touched")
    terminal.sees("It ended with code 2: see above what is wrong.")
    terminal.answer("Choice:", "", end=CTRL_D)
    assert terminal.wait() == 0, terminal.output
    assert "mai_markup_rate: 1.4" in (agency.inventory / "host_vars" / "newcomer.yml").read_text()
    assert agency.key("newcomer")["limit"] == 5


def test_without_a_terminal_the_single_playbooks_are_named(agency: Agency) -> None:
    refused = agency.run("", playbook=CONSOLE)
    assert refused.rc == 2 and "there is no terminal to ask in" in refused.said
    for name in ("new_client", "onboard_client", "list_clients", "client_info", "set_limit", "suspend_client"):
        assert f"playbooks/{name}.yml" in refused.said and os.path.exists(f"playbooks/{name}.yml")
