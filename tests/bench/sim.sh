#!/usr/bin/env bash
# Measurements in the simulated network: JSON lines, the same for the same seed on every machine but for what the machine itself costs.
#
#   tests/bench/sim.sh [NEWCOMERS]
#
# How long joins take without loss, at 5 % and at 20 % (default 10000 newcomers each), and what an hour of play costs.
set -euo pipefail
cd "$(dirname "$0")/../.."

count=${1:-10000}
cargo build --release --quiet --package quarrel-tests --bin sim
sim=${CARGO_TARGET_DIR:-target}/release/sim

for loss in 0 0.05 0.2; do
    "$sim" joins --count "$count" --loss "$loss"
done
for link in wifi train; do
    "$sim" cost --link "$link"
done
