//! Fuzz targets: one for every decoder, and one for connections, losses and resumes in any order.
//!
//! For any bytes of a peer, a decoder returns a value or an error; it never panics, and uses at most 4 KiB of heap and four times the
//! input's size.
//!
//! `cargo test` runs each target for a bounded number of random inputs, some seconds in all. `BOLERO_RANDOM_ITERATIONS` raises the
//! number and `BOLERO_RANDOM_SEED` repeats a failure; `cargo bolero test` drives the same targets by coverage.

mod damage;
mod heap;

mod acks;
mod bits;
mod budget;
mod control;
mod framing;
mod inputs;
mod journal;
mod rewind_clamp;
mod session_registry;
mod snapshots;
