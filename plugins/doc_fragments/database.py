# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options in plugins/module_utils/_database_options.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  database_path:
    description:
      - SQLite file of the instance, on the target, such as C(/opt/mai/deployments/client-company-abc/data/webui.db).
      - It is never created; the module fails when the file does not exist.
      - Exactly one of O(deployment_dir), O(database_path), O(database_url) and O(database_url_file) is required.
    type: path
  database_url:
    description:
      - URL of the instance's PostgreSQL database, as the target reaches it, such as
        C(postgresql://openwebui:password@127.0.0.1/openwebui). Special characters of the password are
        percent-encoded. A driver name, as in C(postgresql+psycopg://), is passed over.
      - It holds a password, so O(database_url_file) is the better choice.
    type: str
  database_url_file:
    description:
      - Environment file on the target whose variable E(DATABASE_URL) is the URL described at O(database_url).
      - The module fails when the file or the variable does not exist.
    type: path
  deployment_dir:
    description:
      - The client's directory on the target. Whatever its instance uses is the database, C(data/webui.db) there, the
        PostgreSQL that runs beside the instance, or the one that C(database.env) there names.
    type: path
  wait_timeout:
    description:
      - Seconds, 0 to 86400, to wait for another program's lock on the database, and for a PostgreSQL server to
        answer. The module fails when they have passed.
    type: float
    default: 30
requirements:
  - psycopg or psycopg2 on the target, for PostgreSQL only
"""
