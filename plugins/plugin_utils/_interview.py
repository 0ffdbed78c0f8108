# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be known of a new client: what was given, else what is answered, else what is proposed.

This is private to the collection. Where nobody can be asked, a proposal is taken; without one it is an error.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils import _new_client, _terminal
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._terminal import Question

Fault = t.Callable[[t.Any], "str | None"]
Values = dict[str, t.Any]


class Unknown(Exception):
    """What is missing or wrong, for an operator."""


class Interview:
    def __init__(self, fleet: Fleet, given: t.Mapping[str, t.Any], ask: bool) -> None:
        self._fleet = fleet
        self._can_ask = ask and _terminal.is_there()
        self.given = {name: _new_client.typed(name, value) for name, value in given.items()}
        self.given = {name: value for name, value in self.given.items() if value is not None}
        self.asked = False
        # What was decided without a question, with the reason
        self.notes: list[str] = []

    def check_given(self) -> None:
        wrong = [_new_client.fault_of(name, value) for name, value in self.given.items()]
        found = [*_new_client.strange(self.given), *filter(None, wrong)]
        if found:
            raise Unknown("\n- ".join(["Correct what was given first:", *found]))

    def who(self, client: str | None) -> tuple[str, bool]:
        """The client's slug, and whether it is there already."""
        fleet = self._fleet
        if client in fleet.clients:
            return str(client), True
        name = self.given["mai_client_name"] = self._value("mai_client_name", Question("Name of the organisation"))
        namesake = fleet.of_name(name)
        if client:
            self._refuse(_new_client.slug_fault(client, fleet))
            return client, False
        proposed = _new_client.free_slug(_new_client.slug_of(name), fleet)
        if namesake and not self._can_ask:
            return namesake, True
        if namesake:
            _terminal.tell(f"  The client {namesake} is called so already. This will be another one.")
        question = Question("Slug, its name in the inventory", proposed)
        return self._ask(question, "client", lambda slug: _new_client.slug_fault(slug, fleet)), False

    def where(self, machine: str | None) -> str:
        machines = self._fleet.machines()
        if machine:
            self._refuse(_new_client.machine_fault(machine))
            return machine
        # Where nobody says so, a client goes to no machine by chance
        default = machines[-1] if machines and (len(machines) == 1 or self._can_ask) else ""
        why = "that of your last client" if len(machines) > 1 else "your only one"
        return self._ask(
            Question("Machine, its host name or address", default, why), "machine", _new_client.machine_fault
        )

    def rest(self, machine: str, listening: t.Collection[int], asked: bool) -> Values:
        """Everything that is written of it; ``asked`` is whether the machine has said which ports are taken."""
        fleet, neighbours = self._fleet, self._fleet.on(machine)
        port = _new_client.free_port(fleet, neighbours, listening)
        whose = "there" if asked else "by the inventory alone"
        limit, of_limit = _new_client.limit_of(fleet)
        rate, of_rate = _new_client.markup_of(fleet)

        def port_fault(answer: t.Any) -> str | None:
            found = _new_client.fault_of("mai_port", answer)
            taken = {**dict.fromkeys(listening, "something else"), **_new_client.ports_of(fleet, neighbours)}
            if not found and int(answer) in taken:
                return f"port {int(answer)} is that of {taken[int(answer)]} there"
            return found

        found: Values = {"mai_client_name": self._value("mai_client_name", Question("Name of the organisation"))}
        found["mai_port"] = self._value(
            "mai_port", Question("Port", str(port), f"the first free one {whose}"), port_fault
        )
        question = Question("Limit, USD per calendar month, or none", _text(limit), of_limit)
        found["mai_monthly_limit"] = self._value("mai_monthly_limit", question)
        markup = self._value("mai_markup_rate", Question("Markup, the factor that is billed", _text(rate), of_rate))
        if "mai_markup_rate" in self.given or markup != rate:
            found["mai_markup_rate"] = markup
        question = Question("E-mail address for bills", required=False)
        found["mai_billing_email"] = self._value("mai_billing_email", question)
        question = Question("E-mail address of its administrator", found["mai_billing_email"] or "", required=False)
        found["mai_admin_email"] = self._value("mai_admin_email", question, proposal=False)
        return {name: value for name, value in {**found, **self.given}.items() if value is not None}

    def note(self, words: str) -> None:
        self.notes.append(shown(words))
        if self._can_ask:
            _terminal.tell(f"  {shown(words)}")

    def _value(self, name: str, question: Question, fault: Fault | None = None, proposal: bool = True) -> t.Any:
        """A variable. Where nobody can be asked its proposal counts, unless that is only a guess."""
        if name in self.given:
            return self.given[name]
        check = fault or (lambda answer: _new_client.fault_of(name, answer))
        return _new_client.typed(name, self._ask(question, name, check, proposal))

    def _ask(self, question: Question, name: str, fault: Fault, proposal: bool = True) -> str:
        if self._can_ask:
            self.asked = True
            return _terminal.ask(question, fault)
        if question.default and proposal:
            why = f": {question.why}" if question.why else ""
            self.notes.append(f"taken without a question: {name} {shown(question.default, 60)}{why}")
            return question.default
        if question.required:
            raise Unknown(
                f"{name} is missing ({question.words.lower()}). Give it as in -e {name}=…, or run this in a terminal, "
                "where it is asked for"
            )
        return ""

    @staticmethod
    def _refuse(fault: str | None) -> None:
        if fault:
            raise Unknown(fault)


def _text(value: float) -> str:
    return f"{value:g}" if value < 1e6 else str(value)
