#!/usr/bin/env bash
# How long it takes to get a seat over links that lose packets, at a round trip of 90 ms: one JSON line for each loss.
#
#   tests/bench/joins.sh [NEWCOMERS]        (default 10000 for each loss)
set -euo pipefail
cd "$(dirname "$0")/../.."

count=${1:-10000}
cargo build --release --quiet --package quarrel-tests --bin sim
for loss in 0 0.05 0.2; do
    "${CARGO_TARGET_DIR:-target}/release/sim" joins --count "$count" --loss "$loss"
done
