#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_info
short_description: Everything there is to know about one client's instance
version_added: 0.1.0
description:
  - Looks, on the target host and in one round trip, at one client's instance of mAI or Open WebUI.
    Machine, Docker, files, container or unit, image, port, health, database, saved connection and settings.
  - Nothing is changed, and nothing fails because a part is missing. What is absent is null, false or empty.
  - The instance is not trusted. Its database and its answers are read in a process of their own, confined to the folder
    of the database, within bounds of time (25 s for the database, 5 s to 60 s for an answer), memory (512 MiB) and size
    (8 MiB, 4 MiB); no link is followed. Every text comes out on one line, with control characters made visible, cut to
    500 characters.
  - No secret is returned. Keys and settings come as SHA-256 in hex, which for a key is the hash that OpenRouter
    knows it by.
author:
  - The mai.clients team (@mai-clients)
requirements:
  - Python >= 3.8 on the target
extends_documentation_fragment:
  - mai.clients.attributes
  - mai.clients.instance
  - mai.clients.instance.health
options:
  image:
    description: Reference of the image whose presence on the target is to be told. Without it no image is looked for.
    type: str
  database_image:
    description: Reference of the image of the client's own PostgreSQL, as O(image).
    type: str
  database_url_proof:
    description:
      - By what it is told whether the instance's database elsewhere is the wanted one, RV(instance.database), without
        its URL. A salt, a colon, and PBKDF2-HMAC-SHA256 of the URL with that salt in 100000 rounds, in hex.
    type: str
  port:
    description:
      - Host port that the instance has or shall have.
      - An instance in a running container is asked on the port that the container really publishes.
    type: int
  fqdn:
    description:
      - The name under which Caddy on the target is to publish the instance. Without it, RV(instance.proxy) is null
        unless there is a site of this client.
    type: str
  tls_files:
    description:
      - Paths on the target of the files that the site needs, by what they are. V(certificate), V(key), V(root).
    type: dict
    default: {}
  people:
    description: E-mail addresses whose accounts are told of in RV(instance.people), whatever their case.
    type: list
    elements: str
    default: []
  probe:
    description:
      - Whether to try what the instance is for, see RV(instance.probe).
      - This calls O(base_url) with the client's key, and lists the instance's models through a session of at most
        60 seconds that is made on the target from E(WEBUI_SECRET_KEY). Nothing is created anywhere.
    type: bool
    default: false
  base_url:
    description: Address of the API that the instance's key is for, for example V(https://openrouter.ai/api/v1).
    type: str
  proxies:
    description:
      - Variables such as E(HTTPS_PROXY), by which the instance reaches O(base_url), where those of its environment are
        about to change. By default those that it has, else those of the target. They may hold passwords.
    type: dict
    default: {}
  no_proxy:
    description: What E(NO_PROXY) is to be beside O(proxies).
    type: str
    default: ""
  bind:
    description: The address at which the instance is to listen.
    type: str
  remote_tmp:
    description: Where Ansible unpacks what it copies to the target; C(~) is the home of who logs in there.
    type: str
    default: ~/.ansible/tmp
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: The module changes nothing.
  idempotent:
    support: full
seealso:
  - module: mai.clients.client_organization
  - module: mai.clients.stored_connection
"""

EXAMPLES = r"""
- name: Look at the instance of company-abc
  mai.clients.instance_info:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    image: registry.example.com/mai:1.4.2
    port: 8001
  register: look

- name: Say whether it is healthy
  ansible.builtin.debug:
    msg: "{{ 'healthy' if look.instance.health.ok else look.instance.health.url ~ ' says no' }}"

- name: Try its key and its models
  mai.clients.instance_info:
    client: company-abc
    deployment_dir: /opt/mai/deployments/client-company-abc
    port: 8001
    probe: true
    base_url: https://openrouter.ai/api/v1
"""

RETURN = r"""
instance:
  description: What was found. Times are in UTC, sizes in bytes, digests are SHA-256 in hex.
  returned: always
  type: dict
  contains:
    machine:
      description:
        - The machine. Its C(id) tells it from every other, also from clones of one template, until it is started again.
          C(architecture) is Debian's name.
        - C(transfer) is where Ansible unpacks what it copies there, with the number of its file system, here and below.
      returned: always
      type: dict
      sample:
        id: 6ac0d5a5f1bd4ba0b2c0c1d2e3f40516
        hostname: mai1
        system_id: debian
        system_version: "13"
        codename: trixie
        architecture: amd64
        memory_bytes: 8323026944
        memory_available_bytes: 5368709120
        swap_free_bytes: 0
        transfer:
          path: /home/ops/.ansible/tmp
          free_bytes: 21474836480
          device: 65025
        root: true
        systemd: true
        python_version: 3.13.5
    docker:
      description:
        - Docker's client, engine and compose plugin. C(error) says why the engine does not answer.
        - C(networks_left) is how many networks the address ranges of the engine still allow, the client's own included
          where it exists and there is no other; no more than 50 are counted. Null where it cannot be told.
      returned: always
      type: dict
      sample:
        cli: true
        engine: 26.1.5
        compose: 2.26.1
        error:
        data_root_free_bytes: 21474836480
        data_root_device: 65025
        networks_left: 28
    directory:
      description:
        - The deployment directory.
        - It is C(managed) when its mark, or the label in its compose file or unit, names this client.
        - C(made_by) is the version of the collection that made it, null where its mark does not tell.
        - C(shadowed_by) is a compose file that Compose would take instead of C(compose.yml), null where there is none.
        - It is C(upgrading) while an upgrade has begun and neither ended nor been taken back.
        - It is C(restoring) while a restore has exchanged the data, and PostgreSQL does not hold yet what belongs to
          them.
      returned: always
      type: dict
      sample:
        path: /opt/mai/deployments/client-company-abc
        exists: true
        empty: false
        managed: true
        managed_by: company-abc
        made_by: 0.1.0
        mode: "0700"
        free_bytes: 21474836480
        device: 65025
        upgrading: false
        restoring: false
    files:
      description: Mode, owner, group, size and (but for C(admin.env)) digest of each file of ours that exists.
      returned: always
      type: dict
      sample:
        compose.yml:
          mode: "0600"
          owner: root
          group: root
          size: 812
          sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    start_command:
      description: SHA-256 of the command by which a native instance was last started, or null.
      returned: always
      type: str
    settings:
      description: Digest of each value in C(settings.env).
      returned: always
      type: dict
    environment:
      description: Digest of each value in the environment of the container or process.
      returned: always
      type: dict
    key_hash:
      description: Hash of the key in C(api_key.env), or null.
      returned: always
      type: str
    key_variables:
      description: Hash of the value of each variable in C(api_key.env).
      returned: always
      type: dict
    former_key_hashes:
      description: Hashes of the keys that were in C(api_key.env) before this one.
      returned: always
      type: list
      elements: str
    key_candidates:
      description: Hash of every key found in the instance's environment, saved in its database, and in its
        organisation row.
      returned: always
      type: list
      elements: dict
      sample:
        - where: saved in Open WebUI
          hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    containers:
      description: The client's containers, running or not, by name or by label; the running one first.
      returned: always
      type: list
      elements: dict
    beside:
      description:
        - Other containers of the client's Compose project. They are C(managed) where the inventory has them, in
          C(mai_compose_extra).
      returned: always
      type: list
      elements: dict
      sample:
        - id: 3f4e5d6c7b8a
          name: client-company-abc-tika-1
          service: tika
          state: running
          managed: true
    foreign_containers:
      description: Other containers that publish O(port), with C(name) and C(ports).
      returned: always
      type: list
      elements: dict
    memory_limits_bytes:
      description: Sum of the memory limits of the running containers of all other clients on this machine.
      returned: always
      type: int
    unit:
      description: The systemd unit. Null where no systemd runs.
      returned: always
      type: dict
      sample:
        exists: true
        managed: true
        active_state: active
        sub_state: running
        main_pid: 4711
        restarts: 0
        since: "2026-11-24T13:16:00Z"
    process:
      description:
        - The process that C(instance.pid) names, and whether it is still this instance's. Null without one.
        - C(main_pid) is the instance that it keeps, null while that is about to be started again, C(restarts) how often
          it was.
      returned: always
      type: dict
      sample:
        pid: 4711
        running: true
        main_pid: 4712
        restarts: 0
        started_at: "2026-11-24T13:16:00Z"
    image:
      description:
        - Whether O(image) is on the machine. C(user) is the name or number of the user as whom it runs, null for root.
      returned: always
      type: dict
      sample:
        reference: registry.example.com/mai:1.4.2
        present: true
        id: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        size_bytes: 1843200000
        created: "2026-11-01T08:00:00Z"
        user:
    override:
      description: The file that Compose adds to C(compose.yml), C(name) and C(sha256). Null where there is none.
      returned: always
      type: dict
      sample:
        name: compose.override.yml
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    last_image:
      description:
        - The image that the instance was last started from, as its compose file says, and whether it is on the machine.
          C(user) is as for C(image). Null without a compose file; C(id) is null in one that an older release of the
          collection wrote.
      returned: always
      type: dict
      sample:
        reference: registry.example.com/mai:1.4.2
        id: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        present: true
        user:
    port:
      description:
        - Whether something listens on O(port), whether that is this instance, and its name where known. C(bindable) is
          whether the machine has the address O(bind), null where none is given.
      returned: always
      type: dict
      sample:
        number: 8001
        listening: true
        ours: true
        process: mai-companyabc
        bindable: true
    proxy:
      description:
        - Caddy and the client's site. Null for a client that is not published and has no site.
        - C(site) is the client's own file below C(/etc/caddy/mai.d), C(ours) where it bears the collection's mark,
          C(pending) where Caddy may not have taken it yet. C(imports) is whether Caddy's configuration has these.
        - C(files) has the digest of each of O(tls_files), or why it cannot be read; C(pair_error) is why the
          certificate and the key do not belong together.
        - C(ports) has who listens on 80 and 443, and whether that is C(caddy.service).
        - C(names) is to what O(fqdn) resolves on the target, and whether the target has that address (C(own)).
        - C(answer) is what comes back through the site, under the name that it serves, without O(probe=true) only its
          certificate. That is null where none was shown, C(complaint) is then what Caddy last said of it. C(verified)
          is by the system's certificate authorities and the root of O(tls_files); C(code) is OpenSSL's for why not.
      returned: always
      type: dict
      sample:
        version: 2.6.2
        unit: true
        active: true
        imports: true
        site:
          exists: true
          ours: true
          pending: false
          sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
          lines:
            - "# mai.clients.client: company-abc"
        files: {}
        pair_error:
        ports:
          "80":
            process: caddy
            caddy: true
          "443":
            process: caddy
            caddy: true
        names:
          - address: 203.0.113.7
            own: true
        addresses:
          - 203.0.113.7
        answer:
          certificate:
            issuer: E7
            not_before: "2026-11-01T08:00:00Z"
            not_after: "2027-01-30T08:00:00Z"
          verified: true
          code:
          reason:
          status: 200
          websocket: 101
          websocket_direct: 101
          error:
          complaint:
    health:
      description:
        - What the instance answers on this machine. C(status) is the HTTP status of O(health_path), null without
          an answer.
        - C(ready) is null for releases that have no C(/ready). C(onboarding) is true as long as there is no user.
        - C(accounts) is false for an instance whose people do not sign in (no C(/api/config)), null where it does not
          say.
      returned: always
      type: dict
      sample:
        url: http://127.0.0.1:8001/health
        status: 200
        ok: true
        ready: true
        version: 0.12.4
        accounts: true
        onboarding: false
        signup_enabled: false
    database:
      description:
        - The instance's database, its organisation records and how many people it has.
        - C(error) says why it, or a part of it, could not be read, and C(error_reason) so in one word - V(locked),
          V(missing), V(unreachable), V(damaged), V(foreign) for anything but the instance's own file, V(endless) for
          what came to no end in time or memory, V(unreadable), V(refused), V(driver) where the machine has none for
          PostgreSQL, V(stopped) where its own container does not run.
        - C(path) is the file, or host and name of a PostgreSQL database. C(own) is true for the client's own
          PostgreSQL, whose container is C(service), and C(scheme) what its URL begins with. C(as_wanted) compares
          with O(database_url_proof), C(in_use) says whether the running instance has that database; both are null
          where that is not known. C(copy_name) is what a copy of it is called. C(driver) says whether this Python has
          one for PostgreSQL, C(programs) whether the machine has C(pg_dump).
        - C(timestamps_unit) is V(ms), V(s), or null without records.
        - C(size_bytes) is that of the database, C(chats) their number; null where that is not known.
        - C(tracks_usage) is true for mAI, which records what people use; such an instance takes the key for its
          chats from its environment.
        - C(tracking) is what mAI's tables say, each value null where a release does not have them. C(used_today) is
          in USD without markup, of this UTC day. C(exchange_rate) is the newest that is kept; its C(rate) is null
          where it is no number.
      returned: always
      type: dict
      sample:
        kind: sqlite
        path: /opt/mai/deployments/client-company-abc/data/webui.db
        exists: true
        organizations_table: true
        organizations:
          - id: company-abc-001
            name: Company ABC
            key_hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
            markup_rate: 1.3
            monthly_limit: 500.0
            billing_email: billing@companyabc.com
            timezone: Europe/Warsaw
            is_active: true
            created_at: 1795526160
            updated_at: 1795526160
        tracks_usage: true
        tracking:
          used_today: 0.42
          users_not_mapped:
          users_not_members: 0
          users_gone: 0
          provisioning_key_saved: false
          exchange_rate:
            date: "2026-11-24"
            rate: 3.64
            source: nbp
        size_bytes: 4210688
        chats: 128
        users: 3
        administrators: 1
        error:
        error_reason:
        schema_revision: e7f8g9h0i1j2
        timestamps_unit: s
        copy_name: webui.db
        own: false
        scheme:
        service:
        as_wanted:
        in_use:
        driver: false
        programs: false
    people:
      description:
        - The accounts of the addresses in O(people), and of nobody else. C(role) is V(pending) for who is blocked;
          C(first) is true for the first account of the instance, which Open WebUI lets nobody else change.
        - C(first_administrator) is the address with which the instance was made; its password is in C(admin.env).
      returned: always
      type: dict
      sample:
        accounts:
          - email: anna@companyabc.com
            role: user
            first: false
        first_administrator: admin@companyabc.com
    database_image:
      description: The image of O(database_image), as for C(image).
      returned: always
      type: dict
    stored_connection:
      description:
        - The connections that Open WebUI keeps in its database.
        - C(form) is V(rows) (0.10 and later), V(blob) (up to 0.9) or V(none). No connections in a blob mean that
          the environment still counts.
        - C(url) is scheme, host, port and path of what was entered there, C(not a URL) for anything else. C(url_hash)
          is the SHA-256 of a URL that is nothing more than that, and null otherwise.
      returned: always
      type: dict
      sample:
        form: rows
        connections:
          - url: https://openrouter.ai/api/v1
            url_hash: 76ef4ad6f0c8a4ae66efb13875c107cee40c78997a212353d379acfbb2f45591
            key_hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    stored_settings:
      description:
        - Digest of the stored value of each variable that the instance takes from its database and no longer from
          its environment.
        - Where the stored value means the same as the text in C(settings.env), the digest is that of the text.
      returned: always
      type: dict
    facts:
      description: Who can read what, from the actual settings.
      returned: always
      type: dict
      sample:
        admin_chat_access: true
        admin_export: true
        forward_user_info: false
        login_required: true
        signup: false
    backup:
      description:
        - How the client is backed up on this machine, and what became of the last backup. The storage is not asked.
        - C(program), C(settings) and C(units) are digests of what is set up, C(stamp) is four digits that change with
          the passwords. C(metrics) are the files from which monitoring is told of it.
        - C(state) is null before the first run; C(state.error) is null after one that went well.
      returned: always
      type: dict
      sample:
        installed: true
        restic: true
        timer_active: true
        running: false
        next: Mon 2026-11-30 03:55:56 UTC
        state:
          last_success: '2026-11-29T14:19:05Z'
          repository: sftp:backup@vault.example.org:/srv/mai/company-abc
          snapshot: e38ed4702dbc5f87bf68732a3647e905d34ec7b3090666e24caf6580efa162ab
          bytes: 115510
          seconds: 4.3
          error:
          warning:
    usage:
      description:
        - How the client's usage is read each day on this machine, and what was read last. C(last) is null before the
          first reading. C(missing) are those of the last 30 days, but for today, that have none though there was one
          before them and the client was not suspended. C(since) is when the timer was set up.
      returned: always
      type: dict
      sample:
        installed: true
        timer_active: true
        running: false
        next: Sun 2026-11-29 23:50:00 UTC
        since: '2026-11-01T14:19:05Z'
        last:
          time: '2026-11-29T20:52:11Z'
          key_hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
          usage: '41.25'
          usage_monthly: '12.5'
          limit: '500'
          why: daily
        missing: []
    probe:
      description:
        - What came of trying. Null without O(probe=true).
        - C(models.status) is V(ok), V(failed), or V(unknown) where it could not be tried, with the C(reason).
        - C(signup_closed) is null where the instance did not say. C(usage_page.status) is 404 where there is none.
      returned: always
      type: dict
      sample:
        key:
          status: 200
          ok: true
          disabled: false
          limit: 500
          limit_remaining: 421.5
          label: sk-or-v1-0e6...1c96
          expires_at:
          effective_budget:
            scope: key_limit
            limit_usd: 500
            remaining_usd: 421.5
          error:
        models:
          status: ok
          count: 12
          reason:
        signup_closed: true
        usage_page:
          status: 200
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance.observe import observe
from ansible_collections.mai.clients.plugins.module_utils._instance.options import (
    HEALTH_OPTIONS,
    INSTANCE_OPTIONS,
    service_of,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **INSTANCE_OPTIONS,
            **HEALTH_OPTIONS,
            "image": {"type": "str"},
            "database_image": {"type": "str"},
            "database_url_proof": {"type": "str", "no_log": True},
            "port": {"type": "int"},
            "bind": {"type": "str"},
            "fqdn": {"type": "str"},
            "tls_files": {"type": "dict", "default": {}},
            "people": {"type": "list", "elements": "str", "default": []},
            "probe": {"type": "bool", "default": False},
            "base_url": {"type": "str"},
            "proxies": {"type": "dict", "default": {}, "no_log": True},
            # Apart: what is never logged is blotted out of the whole answer, and this may be 127.0.0.1
            "no_proxy": {"type": "str", "default": ""},
            "remote_tmp": {"type": "str", "default": "~/.ansible/tmp"},
        },
        supports_check_mode=True,
    )
    wanted = dict(module.params, service=service_of(module.params))
    if wanted["no_proxy"]:
        wanted["proxies"] = dict(wanted["proxies"], no_proxy=wanted["no_proxy"])
    module.exit_json(changed=False, instance=observe(wanted))


if __name__ == "__main__":
    main()
