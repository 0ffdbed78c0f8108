#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
#
# by_hand.sh CLIENT PORT IMAGE SSH...      SSH...: command and options that reach the machine, user@host last
#
# One client by hand: what a good script over SSH does, in one look at OpenRouter and one command on the machine.
# Run again, it checks the same and changes nothing. It is what the collection is measured beside; nothing else uses
# it. It trusts its arguments, survives no interruption, and proves nothing beyond "the instance answers".
set -eu

client=$1 port=$2 image=$3
shift 3

# The key: made where there is none of that name. Its secret is printed, this once.
secret=$(
    python3 - "client-$client" << 'EOF'
import json, os, sys, urllib.request

def call(path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["OPENROUTER_PROVISIONING_KEY"]}
    headers["Content-Type"] = "application/json"
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(os.environ["OPENROUTER_BASE_URL"] + path, data, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)

name = sys.argv[1]
if all(key["name"] != name for key in call("/keys?include_disabled=true")["data"]):
    print(call("/keys", {"name": name, "limit": 50, "limit_reset": "monthly"})["key"])
EOF
)

# Everything on the machine; values and secret go in as standard input, like the script.
{
    printf "client='%s' port='%s' image='%s' base_url='%s' secret='%s'\n" \
        "$client" "$port" "$image" "$OPENROUTER_BASE_URL" "$secret"
    cat << 'EOF'
set -eu
umask 077
service=mai-$(printf %s "$client" | tr -d -)
directory=/opt/mai/deployments/client-$client
changed=no
mkdir -p "$directory/data"
cd "$directory"

put() {
    cat > "$1.new"
    if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; changed=yes; fi
}

random() {
    od -An -tx1 -N32 /dev/urandom | tr -d ' \n'
}

if [ -n "$secret" ]; then
    printf 'OPENAI_API_KEY="%s"\nOPENROUTER_API_KEY="%s"\n' "$secret" "$secret" | put api_key.env
elif [ ! -s api_key.env ]; then
    echo "The key client-$client exists, but its secret is not here." >&2
    exit 1
fi
[ -s secrets.env ] || printf 'WEBUI_SECRET_KEY="%s"\n' "$(random)" | put secrets.env
[ -s admin.env ] || put admin.env << END
WEBUI_ADMIN_EMAIL="admin@$client.example"
WEBUI_ADMIN_NAME="Admin"
WEBUI_ADMIN_PASSWORD="$(random)"
END
put settings.env << END
BYPASS_MODEL_ACCESS_CONTROL="true"
CLIENT_ORG_NAME="$client"
ENABLE_SIGNUP="false"
ENV="prod"
MONTHLY_LIMIT="50"
OPENAI_API_BASE_URL="$base_url"
OPENROUTER_EXTERNAL_USER="$client-001"
ORGANIZATION_NAME="$client"
USAGE_MARKUP_MULTIPLIER="1.3"
WEBUI_NAME="$client"
END
put compose.yml << END
name: client-$client
services:
  $service:
    container_name: $service
    image: $image
    restart: unless-stopped
    env_file: [settings.env, api_key.env, secrets.env, admin.env]
    ports: ["$port:8080"]
    volumes: [./data:/app/backend/data]
END
before=$(docker inspect --format '{{.Id}} {{.State.StartedAt}}' "$service" 2> /dev/null || true)
docker compose up --detach --pull never > up.log 2>&1 || { cat up.log >&2; exit 1; }
[ "$before" = "$(docker inspect --format '{{.Id}} {{.State.StartedAt}}' "$service")" ] || changed=yes

waited=0
until curl --silent --fail --output health.json "http://127.0.0.1:$port/health"; do
    waited=$((waited + 1))
    [ "$waited" -lt 300 ] || { echo "$service does not answer." >&2; exit 1; }
    sleep 0.2
done

row=$(
    python3 - "$client" << 'END'
import sqlite3, sys, time

client = sys.argv[1]
with open("api_key.env") as file:
    key = file.readline().split('"')[1]
wanted = {"name": client, "openrouter_api_key": key, "markup_rate": 1.3, "monthly_limit": 50.0, "is_active": 1}
with sqlite3.connect("data/webui.db", timeout=30) as database:
    where = (f"{client}-001",)
    columns = ", ".join(wanted)
    row = database.execute(f"SELECT {columns} FROM client_organizations WHERE id = ?", where).fetchone()
    now = int(time.time() * 1000)
    if row is None:
        marks = ", ".join("?" * (len(wanted) + 3))
        database.execute(
            f"INSERT INTO client_organizations ({columns}, id, created_at, updated_at) VALUES ({marks})",
            (*wanted.values(), *where, now, now),
        )
    elif row != tuple(wanted.values()):
        assignments = ", ".join(f"{column} = ?" for column in wanted)
        database.execute(f"UPDATE client_organizations SET {assignments} WHERE id = ?", (*wanted.values(), *where))
    else:
        sys.exit()
print("changed")
END
)
[ -z "$row" ] || changed=yes
echo "changed=$changed"
EOF
} | "$@" sudo sh -s
