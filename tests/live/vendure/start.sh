# Starts Vendure. Sourced by `run`.

start_vendure() {
    install vendure || return 1
    local port secret
    port=$(free_port) && secret=$(password) || return 1
    mkdir -p "$scratch/vendure/state"
    (
        cd "$scratch/vendure" || exit 1
        export LIVE_PORT=$port LIVE_PASSWORD=$secret LIVE_STATE=$scratch/vendure/state VENDURE_DISABLE_TELEMETRY=true
        exec node server.js
    ) >"$scratch/vendure.log" 2>&1 &
    server_pids[vendure]=$!
    wait_for vendure '^READY' 180 || return 1
    printf '{"url": "http://127.0.0.1:%s", "username": "live@example.com", "password": "%s"}\n' "$port" "$secret" \
        >"$scratch/vendure.json"
}
