//! The scenarios: what the whole does, one file a behaviour, over real QUIC on port 0.

mod admission;
mod architecture;
mod bots_fill;
mod change_of_networks;
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
mod joins_in_one_breath;
mod joins_over_bad_links;
mod malformed;
mod movement_seen_by_others;
mod room_panic;
mod rooms_apart;
mod same_seed_same_packets;
mod slow_reader;
mod vectors;
