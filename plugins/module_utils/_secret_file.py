# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret out of an environment file on the target."""

from __future__ import annotations

from ansible_collections.mai.clients.plugins.module_utils import _own_file
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._envfile import parse


class SecretError(Refused):
    """Why a secret cannot be read from its file; never with anything out of the file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "secret")


def read_secret(path: str, variable: str) -> str:
    """Return the value of a variable in an environment file."""
    try:
        value = parse(_own_file.read(path).decode("utf-8")).get(variable)
    except FileNotFoundError:
        raise SecretError(f"The file {path} does not exist. Create it first, or correct its path.") from None
    except OSError as error:
        raise SecretError(f"The file {path} cannot be read: {error.strerror}. Run with become as root.") from None
    except ValueError:
        raise SecretError(f"The file {path} is not text in UTF-8. Write it again as an environment file.") from None
    if not value:
        raise SecretError(f"The file {path} has no value for {variable}. Add it, or name the variable that it has.")
    return value
