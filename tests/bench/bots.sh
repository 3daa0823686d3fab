#!/usr/bin/env bash
# The CPU and memory of a bot, beside the CPU of its session: one JSON line for each N (default 64 256 512 1000).
#
#   tests/bench/bots.sh [--game crowd|arena] [N...]
#
# N bots of one process at 30 Hz both ways, in rooms of 64 (crowd, the default) or 16 (arena). Both CPU figures are of the same
# twelve seconds, read from /proc, so their ratio holds on a noisy machine too. Memory is that of N bots less that of one.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
    echo "usage: tests/bench/bots.sh [--game crowd|arena] [N...]; $1" >&2
    exit 2
}

game=crowd
sizes=()
while (($#)); do
    case $1 in
        --game) game=${2:-}; shift ;;
        '' | *[!0-9]*) usage "'$1' is not a number" ;;
        *) sizes+=("$1") ;;
    esac
    shift || usage "--game needs a name"
done
case $game in
    crowd) seats=64 ;;
    arena) seats=16 ;;
    *) usage "'$game' is not a game" ;;
esac
((${#sizes[@]})) || sizes=(64 256 512 1000)

cargo build --release --quiet --locked --bin quarrel --bin swarm
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
server=
swarm=
cleanup() {
    for process in $swarm $server; do
        kill "$process" 2>/dev/null && wait "$process" || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

# The memory of a swarm of one bot, which every larger one includes.
alone_kb=0
for n in 1 "${sizes[@]}"; do
    # Emptied here because the server opens it a little later: the loop below would find the previous server's port.
    : >"$work/log"
    "$bin/quarrel" serve --listen 127.0.0.1:0 --http 127.0.0.1:0 --data-dir "$work/data" --game "$game" \
        --seats "$seats" --rooms $((n / seats + 2)) --bots 0 2>"$work/log" &
    server=$!
    # The log has the port that the system chose.
    for _ in {1..100}; do
        players=$(sed -n 's/.*"message":"serving".*"address":"\([^"]*\)".*/\1/p' "$work/log")
        [[ -n $players ]] && break
        sleep 0.1
    done
    # A server accepts 300 joins a second from one network, so a thousand need some seconds.
    "$bin/swarm" run --game "$game" --server "$players" --bots "$n" --ramp 5s --duration 20s --max-lag-ms 1000 \
        --report "$work/report.json" >"$work/out" 2>&1 &
    swarm=$!
    sleep 11
    python3 - "$swarm" "$server" "$n" "$game" "$alone_kb" >"$work/line" <<'PY'
import json, os, sys, time

swarm, server, n, game, alone_kb = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])

def cpu_ms(process):
    fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def rss_kb(process):
    lines = open(f"/proc/{process}/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

def look():
    return time.monotonic(), cpu_ms(server), cpu_ms(swarm)

first = look()
time.sleep(12)
last = look()
seconds, server_ms, swarm_ms = (after - before for before, after in zip(first, last))
kb = rss_kb(swarm)
print(json.dumps({
    "bots": n,
    "game": game,
    "server_cpu_ms_per_client_s": round(server_ms / seconds / n, 3),
    "swarm_cpu_ms_per_bot_s": round(swarm_ms / seconds / n, 3),
    "swarm_to_server": round(swarm_ms / server_ms, 3),
    "swarm_rss_mb": round(kb / 1024, 1),
    "rss_kb_per_bot": round((kb - alone_kb) / (n - 1), 1) if n > 1 else kb,
}))
PY
    wait "$swarm" || { cat "$work/out" "$work/log" >&2; exit 1; }
    swarm=
    kill "$server" && wait "$server"
    server=
    if ((n == 1)); then
        alone_kb=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["rss_kb_per_bot"])' "$work/line")
    else
        # Bots that were disconnected cost nothing, so their count belongs beside the figures.
        python3 - "$work/line" "$work/report.json" <<'PY'
import json, sys

line, report = (json.load(open(path)) for path in sys.argv[1:])
swarm = {"lag_ms_p99": report["swarm"]["lag_ms_p99"]}
play = {name: report[name] for name in ("snapshots_per_bot_s", "disconnected")}
print(json.dumps({**line, **swarm, **play}), flush=True)
PY
    fi
done
