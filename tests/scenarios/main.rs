//! The scenarios: what the whole does, one file a behaviour, over real QUIC on port 0.

mod admission;
mod architecture;
mod bots_fill;
mod change_of_rooms;
mod chat;
mod delta_law;
mod determinism;
mod flood_after_refusal;
mod graceful_stop;
mod handshake;
mod house_rules;
mod http;
mod input_flood;
mod interest;
mod join_and_leave;
mod malformed;
mod movement_seen_by_others;
mod room_panic;
mod rooms_apart;
mod slow_reader;
mod small_path;
mod vectors;
