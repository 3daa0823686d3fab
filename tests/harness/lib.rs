//! The test harness: servers, players, raw peers, a simulated network and the checks that the scenarios share.
//!
//! A scenario describes one behaviour; everything that several scenarios need is here. An error in the harness is a failed test, so
//! its functions panic with a message that names what was expected. All servers listen on port 0.
//!
//! Servers:
//! - [`server`]: a server of any game in this process, with its storage in memory.
//! - [`journal_server`]: a server with the journal store and the run number of the test's choice.
//! - [`killable_server`]: a server that can be killed, and its successor on the same port.
//! - [`server_process`]: a server in a process of its own, with signals, a log and an environment.
//! - [`log_file`]: the log of such a process.
//! - [`namespace`]: a disk or a network that only such processes see.
//! - [`faulty_store`]: a journal store with injected disk faults.
//! - [`games`]: games that misbehave on request.
//!
//! Clients:
//! - [`player`]: a well-behaved player, a wrapper of the client library.
//! - [`raw`]: a peer that writes protocol messages by hand, valid or not.
//! - [`http`]: requests to the admin HTTP server.
//!
//! Simulation:
//! - [`sim`]: a server and its clients in a simulated network on a simulated clock, all from one seed.
//!
//! Checks:
//! - [`wait`]: waits for a condition, with a bound.
//! - [`view_checker`]: checks that all viewers see the same world.
//! - [`journals`]: journals of rooms with bots, made without a server.
//! - [`replay_check`]: replays every journal of a scenario.
//! - [`vectors`]: frozen bytes of encodings.
//! - [`source`]: the project's own source, for the architecture tests.
//!
//! The rest of this page is the guide to all tests.
//!
#![doc = include_str!("../README.md")]

pub mod server;

pub mod journal_server;

pub mod killable_server;

pub mod server_process;

pub mod log_file;

pub mod namespace;

pub mod player;

pub mod raw;

pub mod wait;

pub mod view_checker;

pub mod sim;

pub mod http;

pub mod games;

pub mod source;

pub mod journals;

pub mod replay_check;

pub mod faulty_store;

pub mod vectors;

pub use self::{
    journal_server::start_with_journals,
    killable_server::KillableServer,
    log_file::LogFile,
    player::Player,
    raw::{RawPeer, RawSeat, ServerClose},
    server::TestServer,
    server_process::{ProcessConfig, ServerProcess},
    view_checker::ViewChecker,
    wait::{until, within},
};
