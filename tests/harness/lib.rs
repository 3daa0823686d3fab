//! What the scenarios stand on: whole servers on port 0, players, peers that do not keep to the protocol, and waiting.
//!
//! A scenario says what happens; everything that is the same in all of them is here. Whatever goes wrong in here is a failed
//! test, so it panics, and says what was wanted.
//!
//! - [`server`]: a server of any game, in this process, in memory.
//! - [`written`]: one whose journals are where a test says.
//! - [`mortal`]: one that dies, and one that follows it on its port.
//! - [`player`]: somebody who plays by the rules, around the client library.
//! - [`raw`]: a peer that speaks the wire by hand, and so can say anything.
//! - [`wait`]: until something holds, and never longer than a bound.
//! - [`witness`]: whether several viewers were shown the same.
//! - [`sim`]: a server and its clients in a simulated network, on a simulated clock, from one seed.
//! - [`http`]: what an operator asks.
//! - [`games`]: a game that does what a test wants.
//! - [`source`]: the project's own source, for the tests of its architecture.
//! - [`journals`]: rooms in which bots play, as their journals have them.
//! - [`proof`]: every journal of a scenario, played again.
//! - [`faulty`]: a disk for journals that fails when it is told to.
//! - [`vectors`]: bytes that do not change.

pub mod server;

pub mod written;

pub mod mortal;

pub mod player;

pub mod raw;

pub mod wait;

pub mod witness;

pub mod sim;

pub mod http;

pub mod games;

pub mod source;

pub mod journals;

pub mod proof;

pub mod faulty;

pub mod vectors;

pub use self::{
    mortal::MortalServer,
    player::Player,
    raw::{Goodbye, RawPeer, RawSeat},
    server::TestServer,
    wait::{until, within},
    witness::Witness,
    written::start_written,
};
