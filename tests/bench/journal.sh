#!/usr/bin/env bash
# The CPU and the bytes of journals: one JSON line.
#
#   tests/bench/journal.sh [PAIRS [SECONDS [IDLE_SECONDS]]]
#
# CPU: 64 bots hunt in rooms of 16, alternately with and without journals, PAIRS times (default 4) for SECONDS each (default 15).
# `cpu_percent` is the extra CPU of the server per client. Most of its noise comes from the network's threads, so
# `threads_percent` leaves them out: the extra CPU of the threads that step rooms and that store, as a share of the server's CPU.
# `storage_percent` is the share of the threads that compress and write. Bytes are per player-minute: of those bots, of 16 idle
# players in a room, and of one idle player alone, for IDLE_SECONDS (default 60).
# These machines are shared and noisy: more pairs give better figures than longer ones.
set -euo pipefail
cd "$(dirname "$0")/../.."

pairs=${1:-4}
seconds=${2:-15}
idle_seconds=${3:-60}
case $pairs$seconds$idle_seconds in
    *[!0-9]*) echo "usage: tests/bench/journal.sh [PAIRS [SECONDS [IDLE_SECONDS]]]; '$*' are not numbers" >&2; exit 2 ;;
esac

cargo build --release --quiet --locked --bin quarrel --bin swarm
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
server=
cleanup() {
    [[ -n $server ]] && kill "$server" 2>/dev/null && wait "$server" || true
    rm -rf "$work"
}
trap cleanup EXIT

# thread_ns NAME: the CPU time of all threads of this name, in nanoseconds.
thread_ns() {
    local task sum=0
    for task in "/proc/$server/task"/*; do
        [[ $(<"$task/comm") == "$1" ]] && sum=$((sum + $(cut -d' ' -f1 "$task/schedstat")))
    done
    echo "$sum"
}

# run NAME on|off BOTS BRAIN SECONDS: writes the swarm's report to NAME.json, CPU times to NAME.*, and the journals below NAME/.
run() {
    local name=$1 write=$2 bots=$3 brain=$4 seconds=$5 players= http=
    # Emptied here because the server opens it a little later: the loop below would find the previous server's port.
    : >"$work/log"
    QUARREL_JOURNAL__WRITE=$write "$bin/quarrel" serve --listen 127.0.0.1:0 --http 127.0.0.1:0 --data-dir "$work/$name" \
        --game arena --seats 16 --bots 0 2>"$work/log" &
    server=$!
    # The log has the ports that the system chose.
    for _ in {1..100}; do
        players=$(sed -n 's/.*"message":"serving".*"address":"\([^"]*\)".*/\1/p' "$work/log")
        http=$(sed -n 's/.*"message":"serving".*"http":"\([^"]*\)".*/\1/p' "$work/log")
        [[ -n $players && -n $http ]] && break
        sleep 0.1
    done
    "$bin/swarm" run --game arena --server "$players" --server-http "http://$http" --bots "$bots" --brain "$brain" --ramp 2s \
        --max-lag-ms 1000 --duration "${seconds}s" --report "$work/$name.json" >"$work/out" 2>&1 || { cat "$work/out" "$work/log" >&2; exit 1; }
    thread_ns storage >"$work/$name.storage"
    thread_ns rooms >"$work/$name.rooms"
    sed 's/.*) //' "/proc/$server/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print ($12 + $13) / hz * 1e9 }' >"$work/$name.all"
    kill "$server" && wait "$server"
    server=
}

# size NAME KIND: appends the output of `replay info` for each journal to KIND.sizes, one line each.
size() {
    local journal
    for journal in "$work/$1/journals/"*.journal; do
        "$bin/quarrel" replay info --json "$journal" | tr -d '\n' >>"$work/$2.sizes"
        echo >>"$work/$2.sizes"
    done
}

for ((pair = 1; pair <= pairs; pair++)); do
    # The order alternates, so that an effect of being first falls on both alike.
    order=(on off)
    ((pair % 2)) || order=(off on)
    for write in "${order[@]}"; do
        run "$write-$pair" "$write" 64 hunt "$seconds"
    done
    size "on-$pair" busy
done
run idle on 16 idle "$idle_seconds"
size idle idle
run alone on 1 idle "$idle_seconds"
size alone alone

python3 - "$work" "$pairs" <<'PY'
import json, statistics, sys
from pathlib import Path

work, pairs = Path(sys.argv[1]), int(sys.argv[2])


def cpu(name):
    return json.loads((work / f"{name}.json").read_text())["server"]["cpu_ms_per_player_s"]


def bytes_per_player_minute(kind):
    journals = [json.loads(line) for line in (work / f"{kind}.sizes").read_text().splitlines()]
    minutes = sum(journal["player_minutes"] or 0 for journal in journals)
    return round(sum(journal["bytes"] for journal in journals) / minutes)


def number(name):
    return float((work / name).read_text())


on, off = ([cpu(f"{write}-{pair}") for pair in range(1, pairs + 1)] for write in ("on", "off"))
ratios = [(a / b - 1) * 100 for a, b in zip(on, off)]
storage = [number(f"on-{pair}.storage") / number(f"on-{pair}.all") * 100 for pair in range(1, pairs + 1)]


def threads(name):
    """CPU time of the threads that step rooms and that store; all runs are equally long."""
    return number(f"{name}.rooms") + number(f"{name}.storage")


both = [(f"on-{pair}", f"off-{pair}") for pair in range(1, pairs + 1)]
extra = [(threads(a) - threads(b)) / number(f"{b}.all") * 100 for a, b in both]
print(json.dumps({
    "pairs": pairs,
    "cpu_ms_per_client_s_on": round(statistics.median(on), 3),
    "cpu_ms_per_client_s_off": round(statistics.median(off), 3),
    "cpu_percent": round(statistics.median(ratios), 2),
    "cpu_percent_of_each_pair": [round(ratio, 1) for ratio in ratios],
    "threads_percent": round(statistics.median(extra), 2),
    "threads_percent_of_each_pair": [round(percent, 1) for percent in extra],
    "storage_percent": round(statistics.median(storage), 2),
    "bytes_per_player_minute_busy": bytes_per_player_minute("busy"),
    "bytes_per_player_minute_idle": bytes_per_player_minute("idle"),
    "bytes_per_player_minute_alone": bytes_per_player_minute("alone"),
}))
PY
