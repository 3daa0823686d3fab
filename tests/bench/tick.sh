#!/usr/bin/env bash
# The time of the parts of a tick in large rooms: one JSON line for each measurement.
#
#   tests/bench/tick.sh [--entities N] [--repeat N]
#
# `view_us` is the selection of one seat's view of 10,000 entities, in distributions from even to one position; `frame_us` is the
# creation of their frame. `step_ms` and `frame_ms` are of rooms with a bot on every seat, and `seat_us` is the game's part of a join.
# Costs that grow with the square of a room show as a line that is far above the others of its kind.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --quiet --locked --package quarrel-tests --bin sim
exec "${CARGO_TARGET_DIR:-target}/release/sim" tick "$@"
