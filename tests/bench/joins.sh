#!/usr/bin/env bash
# The time to get a seat over links that lose packets, at a round trip of 90 ms: one JSON line for each loss. It fails when more
# than one join in a hundred exceeds its limit, or when a join never ends.
#
#   tests/bench/joins.sh [JOINS]        (default 10000 for each loss)
set -euo pipefail
cd "$(dirname "$0")/../.."

count=${1:-10000}
cargo build --release --quiet --locked --package quarrel-tests --bin sim
join() { "${CARGO_TARGET_DIR:-target}/release/sim" joins --count "$count" "$@"; }
join --loss 0 --p99-ms 300
join --loss 0.05 --p99-ms 550
join --loss 0.2 --p99-ms 1700
