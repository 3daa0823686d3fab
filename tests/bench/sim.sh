#!/usr/bin/env bash
# Play in the simulated network, each run from its own seed: twelve players on known links, with tunnels, changes of networks,
# leaves and joins, checked at every tick against named rules. A broken rule is printed with the command that repeats the run.
#
#   tests/bench/sim.sh [SEEDS] [FIRST]      (default 52 seeds of two player-hours each, from seed 1)
set -euo pipefail
cd "$(dirname "$0")/../.."

seeds=${1:-52}
first=${2:-1}
# Player-hours that must be played at least; tests/full promises a hundred.
hours=0
(($# == 0)) && hours=100
cargo build --release --quiet --locked --package quarrel-tests --bin sim
exec "${CARGO_TARGET_DIR:-target}/release/sim" play --seeds "$seeds" --seed "$first" --threads "$(nproc)" --hours "$hours"
