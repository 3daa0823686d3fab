#!/usr/bin/env bash
# The CPU and the bytes that a player costs the server: one JSON line for each N (default 64 256 512).
#
#   tests/bench/room.sh [--near] [N...]
#
# N walkers (`crowd`) at 30 Hz both ways, from another process, each of which is sent 64: in rooms of 64, or with --near the 64
# nearest of all N in one room. These machines are shared and noisy: compare figures of one run, never of two.
set -euo pipefail
cd "$(dirname "$0")/../.."

mode=rooms
sizes=()
for arg in "$@"; do
    case $arg in
        --near) mode=near ;;
        *[!0-9]*) echo "usage: tests/bench/room.sh [--near] [N...]; '$arg' is not a number" >&2; exit 2 ;;
        *) sizes+=("$arg") ;;
    esac
done
((${#sizes[@]})) || sizes=(64 256 512)

cargo build --release --quiet --locked --bin quarrel --bin swarm
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
server=
cleanup() {
    [[ -n $server ]] && kill "$server" 2>/dev/null && wait "$server" || true
    rm -rf "$work"
}
trap cleanup EXIT

for n in "${sizes[@]}"; do
    seats=64
    [[ $mode == near ]] && seats=$n
    # Emptied here because the server opens it a little later: the loop below would find the previous server's port.
    : >"$work/log"
    "$bin/quarrel" serve --listen 127.0.0.1:0 --http 127.0.0.1:0 --data-dir "$work/data" --game crowd \
        --seats "$seats" --rooms 64 --bots 0 2>"$work/log" &
    server=$!
    # The log has the ports that the system chose.
    for _ in {1..100}; do
        players=$(sed -n 's/.*"message":"serving".*"address":"\([^"]*\)".*/\1/p' "$work/log")
        http=$(sed -n 's/.*"message":"serving".*"http":"\([^"]*\)".*/\1/p' "$work/log")
        [[ -n $players && -n $http ]] && break
        sleep 0.1
    done
    "$bin/swarm" run --game crowd --server "$players" --server-http "http://$http" --bots "$n" --ramp 5s --max-lag-ms 1000 \
        --duration 20s --report "$work/report.json" >"$work/out" 2>&1 || { cat "$work/out" "$work/log" >&2; exit 1; }
    python3 - "$work/report.json" "$n" "$mode" <<'PY'
import json, sys

report = json.load(open(sys.argv[1]))
server = report["server"]
print(json.dumps({
    "clients": int(sys.argv[2]),
    "mode": sys.argv[3],
    "server_cpu_ms_per_client_s": server["cpu_ms_per_player_s"],
    "bytes_out_per_client_s": report["bytes_down_per_bot_s"],
    "updates_per_client_s": report["snapshots_per_bot_s"],
    "tick_ms_p99": server["tick_ms_p99"],
    "rss_mb": server["rss_mb"],
    "disconnected": report["disconnected"],
}), flush=True)
PY
    kill "$server" && wait "$server"
    server=
done
