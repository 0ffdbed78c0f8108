# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many networks Docker can still make. Each client's instance has one, and each takes a range of addresses."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

from ansible_collections.mai.clients.plugins.module_utils._instance import system

# As many are counted; whoever has that many has enough.
MOST = 50
_LONGEST_SEARCH = 5000
# Docker's own, where its configuration names none.
_DEFAULT = [{"Base": f"172.{number}.0.0/16", "Size": 16} for number in (17, 18, 19)]
_DEFAULT += [{"Base": f"172.{number}.0.0/14", "Size": 16} for number in (20, 24, 28)]
_DEFAULT += [{"Base": "192.168.0.0/16", "Size": 20}]


def left(configured: object) -> int | None:
    """At most MOST; null where it cannot be told. The argument is what `docker info` calls DefaultAddressPools."""
    routes = system.read_text("/proc/net/route")
    return count(configured, routes) if routes is not None else None


def count(configured: object, routes: str) -> int | None:
    """Docker gives each network a range of its pools that nothing else on the machine reaches directly.

    The bridge of a network is in the routes while the network exists, whether or not anything uses it.
    """
    pools = configured if isinstance(configured, list) and configured else _DEFAULT
    try:
        # A network takes one of this family, whether or not the engine has some of the other
        pools = [pool for pool in pools if ":" not in pool["Base"]]
        taken = list(_taken(routes))
        free = itertools.chain.from_iterable(_free(IPv4Network(pool["Base"]), pool["Size"], taken) for pool in pools)
        return sum(1 for _range in itertools.islice(free, MOST)) if pools else None
    except (ValueError, TypeError, KeyError):  # an engine that tells it in another way
        return None


def _taken(routes: str) -> Iterator[IPv4Network]:
    """What is reached without a gateway, from /proc/net/route, whose numbers are of the machine's own byte order."""
    for line in routes.splitlines()[1:]:
        _interface, target, gateway, *_counters, mask, _mtu, _window, _irtt = line.split()
        if gateway == "00000000" and mask != "00000000":
            yield IPv4Network(f"{_address(target)}/{_address(mask)}")


def _address(number: str) -> IPv4Address:
    return IPv4Address(int(number, 16).to_bytes(4, sys.byteorder))


def _free(pool: IPv4Network, size: int, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    within = [network for network in taken if network.overlaps(pool)]
    for part in itertools.islice(pool.subnets(new_prefix=size), _LONGEST_SEARCH):
        if not any(network.overlaps(part) for network in within):
            yield part
