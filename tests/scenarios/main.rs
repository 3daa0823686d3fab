//! The scenarios: what the whole does, one file a behaviour, over real QUIC on port 0.

mod delta_law;
mod handshake;
mod interest;
mod join_and_leave;
mod movement_seen_by_others;
mod slow_reader;
