# Starts PostgreSQL and Medusa. Sourced by `run`.

postgres_programs() {
    local found
    found=$(command -v initdb) && dirname "$found" && return
    found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
    [[ -n $found ]] && dirname "$found"
}

missing_for_medusa() {
    if ! postgres_programs >/dev/null; then
        echo "PostgreSQL is not installed (Debian: postgresql)"
        return 1
    fi
    if ((EUID == 0)) && ! id postgres >/dev/null 2>&1; then
        echo "PostgreSQL does not run as root, and there is no user postgres"
        return 1
    fi
}

# PostgreSQL refuses to be root.
as_postgres() {
    if ((EUID == 0)); then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

# Of a database that is thrown away: nothing has to survive a crash.
start_postgres() {
    local programs port=$1 secret=$2
    programs=$(postgres_programs) || return 1
    # Beside $scratch, which only its owner may enter.
    postgres_folder=$(mktemp -d "${TMPDIR:-/tmp}/skucast-postgres.XXXXXX") || return 1
    printf '%s\n' "$secret" >"$postgres_folder/password"
    ((EUID == 0)) && chown -R postgres "$postgres_folder"
    (
        cd "$postgres_folder" || exit 1
        as_postgres "$programs/initdb" --pgdata=data --username=postgres --auth=scram-sha-256 --pwfile=password \
            --encoding=UTF8 --no-sync &&
            as_postgres "$programs/pg_ctl" --pgdata=data --log=log --wait start -o "-p $port \
                -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
                -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    ) >"$scratch/postgres.log" 2>&1
}

after_medusa() { stop_postgres; }

stop_postgres() {
    [[ -n ${postgres_folder:-} ]] || return 0
    (cd "$postgres_folder" && as_postgres "$(postgres_programs)/pg_ctl" --pgdata=data --mode=fast stop) >/dev/null 2>&1
    rm -rf "$postgres_folder"
    postgres_folder=
}

start_medusa() {
    install medusa || return 1
    local port postgres_port secret status=0
    port=$(free_port) && postgres_port=$(free_port) && secret=$(password) || return 1
    if ! start_postgres "$postgres_port" "$secret"; then
        cat "$scratch/postgres.log"
        stop_postgres
        return 1
    fi
    export LIVE_URL=http://127.0.0.1:$port LIVE_PASSWORD=$secret NODE_ENV=development
    export DATABASE_URL=postgres://postgres:$secret@127.0.0.1:$postgres_port/postgres
    export MEDUSA_DISABLE_TELEMETRY=true DO_NOT_TRACK=1
    (
        cd "$scratch/medusa" || exit 1
        medusa=node_modules/.bin/medusa
        "$medusa" db:migrate && "$medusa" user --email live@example.com --password "$secret" &&
            exec node "$medusa" start --host 127.0.0.1 --port "$port"
    ) >"$scratch/medusa.log" 2>&1 &
    server_pids[medusa]=$!
    wait_for medusa 'Server is ready on' 300 &&
        node "$here/medusa/seed.js" >"$scratch/medusa.json" || status=1
    unset LIVE_URL LIVE_PASSWORD NODE_ENV DATABASE_URL
    return "$status"
}
