# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run needs, and what it says where that is not so."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import NEEDS as CHOICES
from ansible_collections.mai.clients.plugins.plugin_utils._plan.obstacles import NEEDS, obstacle

from tests.unit.plan.situations import PUBLISHED, changed, client, converged, nothing, planned

EVERYTHING = tuple(NEEDS)
UNREACHABLE = {
    "probe/key": {"status": 401, "ok": False, "refused": True, "reached": True, "limit_remaining": None, "error": None}
}
NO_INSTANCE = (
    "company-abc has no instance with a key in /opt/mai/deployments/client-company-abc, so nothing was changed: run "
    "onboard_client.yml first."
)
UPGRADING = "An upgrade of company-abc was interrupted, so nothing was changed: run upgrade_client.yml first."
RESTORING = "A restore of company-abc was interrupted, so nothing was changed: run restore_client.yml again."
DATABASE = "Nothing of company-abc was changed. It is damaged: restore it."
SET_UP = (
    "company-abc is set up, but not everything works:\n"
    "- OpenRouter refuses the client's key (HTTP 401): it is disabled or was deleted"
)


def found(seen: t.Mapping[str, t.Any], needs: t.Collection[str], **variables: t.Any) -> str:
    wanted = client(**variables)
    told = planned(wanted, seen)
    return obstacle(needs, wanted, seen, told["plan"], told["checks"])


def test_the_spec_knows_every_need():
    # What takes the place of key outside check mode is nobody's to ask for
    assert set(CHOICES) == set(NEEDS) - {"unexpired"}


def test_nothing_stands_in_the_way_of_a_client_that_is_as_it_should_be():
    assert found(converged(client()), set(EVERYTHING) - {"backup"}) == ""


# What differs in the look, what is needed → the sentence
SITUATIONS: dict[str, tuple[dict[str, t.Any], tuple[str, ...], str]] = {
    "not ours": ({"directory/managed": False}, ("client",), NO_INSTANCE),
    "no key": ({"key_hash": None}, ("client",), NO_INSTANCE),
    "no key, but nobody needs one": ({"key_hash": None}, ("database",), ""),
    "upgrade interrupted": ({"directory/upgrading": True}, ("client", "no_upgrade"), UPGRADING),
    "restore interrupted": ({"directory/restoring": True}, ("client", "no_upgrade"), RESTORING),
    "upgrade interrupted, to be finished": ({"directory/upgrading": True}, ("client",), ""),
    "database damaged": ({"database/error": "It is damaged: restore it."}, ("client", "database"), DATABASE),
    "database damaged, but not needed": ({"database/error": "It is damaged: restore it."}, ("client",), ""),
    "key refused": (UNREACHABLE, ("proof",), SET_UP),
    "key refused, nothing to be changed": (UNREACHABLE, ("proof_unless_due",), SET_UP),
    "key refused, something to be changed": (
        {**UNREACHABLE, "containers/0/state": "exited"},
        ("proof_unless_due",),
        "",
    ),
    "key refused after the change": ({**UNREACHABLE, "containers/0/state": "exited"}, ("proof",), SET_UP),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_stands_in_the_way(situation):
    changes, needs, sentence = SITUATIONS[situation]
    assert found(changed(converged(client()), changes), needs) == sentence


def test_every_problem_of_the_machine_is_in_one_sentence():
    seen = changed(nothing(), {"port/listening": True, "directory/free_bytes": 5})
    sentence = found(seen, ("machine",))
    assert sentence.startswith("company-abc was not touched. Put its machine right first:\n- port 8001 is already used")
    assert sentence.count("\n- ") == 2


def test_the_first_need_is_the_one_that_is_told():
    seen = changed(nothing(), {"directory/free_bytes": 5})
    assert found(seen, ("proof", "machine", "client")) == NO_INSTANCE


def test_a_fault_of_the_address_is_none_of_the_instance() -> None:
    seen = changed(converged(client(**PUBLISHED)), {"proxy/answer/status": 502})
    assert "answers with 502" in found(seen, ("proof",), **PUBLISHED)
    assert found(seen, ("proof_of_instance",), **PUBLISHED) == ""
    refused = changed(seen, UNREACHABLE)
    assert "refuses the client's key" in found(refused, ("proof_of_instance",), **PUBLISHED)
