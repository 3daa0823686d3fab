//! A fuzz target for every decoder: whatever a peer sends ends in a value or an error, never in a panic, and never in more
//! heap than agreed (RELIABILITY.md: four times its size and 4 KiB). And one for what players do in any order: come, go, vanish.
//!
//! `cargo test` runs each for a bounded number of random inputs, some seconds in all. For more, `BOLERO_RANDOM_ITERATIONS`
//! raises the number and `BOLERO_RANDOM_SEED` repeats a failure; `cargo bolero test` drives the same targets by coverage.

mod damage;
mod heap;

mod bits;
mod budget;
mod control;
mod framing;
mod held;
mod inputs;
mod journal;
mod session;
mod sight;
mod snapshots;
