# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many networks Docker can still make, from its pools and the machine's routes."""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv4Network

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance.networks import MOST, count

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
OUT = ("0.0.0.0/0", "192.0.2.1")
DEFAULT = 31  # 172.17 to 172.31, and sixteen in 192.168


def number(address: str) -> str:
    order = "<" if sys.byteorder == "little" else ">"
    return f"{struct.unpack(order + 'I', socket.inet_aton(address))[0]:08X}"


def routes(*networks: str | tuple[str, str]) -> str:
    lines = []
    for entry in networks:
        network, gateway = entry if isinstance(entry, tuple) else (entry, "0.0.0.0")
        address, mask = IPv4Network(network).with_netmask.split("/")
        lines.append(f"any0\t{number(address)}\t{number(gateway)}\t0001\t0\t0\t0\t{number(mask)}\t0\t0\t0\n")
    return HEADER + "".join(lines)


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ((), DEFAULT),
        ((OUT,), DEFAULT),
        ((OUT, "192.0.2.0/24"), DEFAULT),
        (("172.17.0.0/16",), DEFAULT - 1),
        (("172.17.0.0/16", "172.18.0.0/16", "192.168.16.0/20"), DEFAULT - 3),
        (("192.168.1.0/24",), DEFAULT - 1),  # a home's or an office's
        (("172.16.0.0/12",), 16),  # a VPN
        (("192.168.0.0/16",), 15),
        ((("172.16.0.0/12", "192.0.2.1"),), DEFAULT),  # by way of a gateway: Docker does not mind
        (("172.16.0.0/12", "192.168.0.0/16"), 0),
        (("0.0.0.0/1", "128.0.0.0/1"), 0),
    ],
)
def test_dockers_own_ranges(taken: tuple[str, ...], left: int) -> None:
    assert count(None, routes(*taken)) == count([], routes(*taken)) == left


@pytest.mark.parametrize(
    ("pools", "taken", "left"),
    [
        ([{"Base": "10.201.0.0/16", "Size": 24}], (), MOST),
        ([{"Base": "10.201.0.0/24", "Size": 26}], ("10.201.0.64/26",), 3),
        ([{"Base": "10.201.0.0/24", "Size": 24}], ("10.201.0.128/25",), 0),
        ([{"Base": "10.201.0.0/24", "Size": 24}, {"Base": "10.202.0.0/24", "Size": 25}], ("10.201.0.0/24",), 2),
        ([{"Base": "10.0.0.0/8", "Size": 29}], ("10.0.0.0/8",), 0),  # two millions of them
        ([{"Base": "fd00::/8", "Size": 64}], (), None),
        ([{"Base": "10.201.0.0/24", "Size": 26}, {"Base": "fd00::/8", "Size": 64}], ("10.201.0.64/26",), 3),
        ([{"Base": "10.201.0.0/24", "Size": 8}], (), None),
        ([{"Base": "10.201.0.0/24"}], (), None),
        (["10.201.0.0/24"], (), None),
        ("10.201.0.0/24", (), DEFAULT),
    ],
)
def test_ranges_of_its_configuration(pools: object, taken: tuple[str, ...], left: int | None) -> None:
    assert count(pools, routes(*taken)) == left


@pytest.mark.parametrize("text", ["", HEADER, "\n\n"])
def test_a_machine_without_routes(text: str) -> None:
    assert count(None, text) in (DEFAULT, None)


def test_what_the_kernel_writes_in_another_way_is_not_counted() -> None:
    assert count(None, HEADER + "eth0\tno\troute\n") is None
