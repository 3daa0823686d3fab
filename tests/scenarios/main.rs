//! The scenarios: what the whole does, one file a behaviour, over real QUIC on port 0.

mod join_and_leave;
