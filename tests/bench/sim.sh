#!/usr/bin/env bash
# Evenings in the simulated network, each from a seed of its own: twelve players on links of the table, who drive through tunnels,
# change networks, leave and come again, held at every tick to the rules that no run may break. A broken rule says which it is and
# the command that repeats it.
#
#   tests/bench/sim.sh [SEEDS] [FIRST]      (default 52 seeds of two player-hours each, from seed 1)
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds=${1:-52}
first=${2:-1}
# What a test run promises.
hours=0
(($# == 0)) && hours=100
cargo build --release --quiet --package quarrel-tests --bin sim
exec "${CARGO_TARGET_DIR:-target}/release/sim" play --seeds "$seeds" --seed "$first" --threads "$(nproc)" --hours "$hours"
