#!/usr/bin/env bash
# The speed of verifying a journal, and its bytes: one JSON line.
#
#   tests/bench/replay.sh [SECONDS]
#
# A room of Arena with 16 bots is played for SECONDS (default 3600), and `quarrel replay verify` replays its journal on one core.
# Bytes are per player-minute, once of those bots and once of idle players.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-3600}
case $seconds in
    '' | *[!0-9]*) echo "usage: tests/bench/replay.sh [SECONDS]; '$seconds' is not a number" >&2; exit 2 ;;
esac

# Apart from each other, or the server would be built with the features that only tests need.
cargo build --release --quiet --locked --bin quarrel
cargo build --release --quiet --locked --package quarrel-tests --bin sim
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/sim" journal --out "$work/busy.journal" --seconds "$seconds"
"$bin/sim" journal --out "$work/idle.journal" --seconds "$seconds" --idle
# The first core that this process may use.
core=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
taskset -c "$core" "$bin/quarrel" replay verify --json "$work/busy.journal" >"$work/verify"
for kind in busy idle; do
    "$bin/quarrel" replay info --json "$work/$kind.journal" >"$work/$kind"
done
python3 - "$work" <<'PY'
import json, sys

verify, busy, idle = (json.load(open(f"{sys.argv[1]}/{name}")) for name in ("verify", "busy", "idle"))
print(json.dumps({
    "ticks": verify["ticks"],
    "seconds": round(verify["seconds"], 3),
    "ticks_per_second": round(verify["ticks_per_second"]),
    "times_real_time": round(verify["times_real_time"]),
    "checksums": verify["checksums"],
    "bytes": verify["bytes"],
    "bytes_per_player_minute_busy": round(busy["bytes_per_player_minute"]),
    "bytes_per_player_minute_idle": round(idle["bytes_per_player_minute"]),
}))
PY
