#!/usr/bin/env bash
# Figures of how play feels over each link, in the simulated network: the table of tests/README.md, or one JSON line for each link.
#
#   tests/bench/feel.sh [--json] [--seconds N] [--players N] [--seed N] [LINK...]
#
# The same seed gives the same figures on every machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --quiet --locked --package quarrel-tests --bin sim
exec "${CARGO_TARGET_DIR:-target}/release/sim" feel "$@"
