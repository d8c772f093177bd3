# What the real servers share. Sourced by `run` and `serve`, which set here.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/skucast-live.XXXXXX")
# Of the servers that run, by kind.
declare -A server_pids=()

cleanup() {
    stop_all
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A proxy of this machine must not come between us and a server on loopback.
export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
export npm_config_cache=${npm_config_cache:-$scratch/npm-cache}

skip() { printf 'skipped: %s\n' "$*"; }

# free_port: one that nobody listens on.
free_port() {
    node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => {
        console.log(s.address().port); s.close(); })'
}

# password: one that nobody else has.
password() { node -e 'console.log(require("node:crypto").randomBytes(18).toString("hex"))'; }

# missing_for KIND: says why the server cannot run here, and fails; quiet when it can.
missing_for() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        echo "Node.js and npm are not installed"
        return 1
    fi
    if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
        echo "Node.js 20 or later is needed"
        return 1
    fi
    if declare -F "missing_for_$1" >/dev/null; then
        "missing_for_$1"
    fi
}

# install KIND: the versions of its lock file, into $scratch/KIND.
install() {
    mkdir -p "$scratch/$1" && cp "$here/$1"/* "$scratch/$1/" &&
        (cd "$scratch/$1" && npm ci --no-audit --no-fund --loglevel=error)
}

# wait_for KIND TEXT SECONDS: until the server has written the text to its log; fails when it ends before.
wait_for() {
    local left=$(($3 * 5))
    while ! grep -q "$2" "$scratch/$1.log" 2>/dev/null; do
        kill -0 "${server_pids[$1]}" 2>/dev/null || return 1
        ((left-- > 0)) || return 1
        sleep 0.2
    done
}

# stop KIND: the server that we started, by its pid, and nothing else.
stop() {
    local pid=${server_pids[$1]:-}
    [[ -n $pid ]] || return 0
    kill "$pid" 2>/dev/null
    for _ in {1..50}; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    unset "server_pids[$1]"
    if declare -F "after_$1" >/dev/null; then
        "after_$1"
    fi
}

stop_all() {
    local kind
    for kind in "${!server_pids[@]}"; do
        stop "$kind"
    done
}
