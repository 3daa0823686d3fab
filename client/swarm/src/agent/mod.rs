//! Load tests from several machines: agents run the bots, one coordinator runs the test.
//!
//! `swarm agent` waits on each machine. `swarm run --agents` is the coordinator: it sends the plan to the agents, starts them at one time,
//! and receives their counts once a second. Each bot of a plan belongs to one agent by its number, and counts add up exactly, so the report
//! equals that of one large enough swarm. The coordinator runs no bots.
//!
//! The tour, in reading order:
//!
//! - `arguments`: the command line of both sides; `address`: where agents listen.
//! - `wire`: frames of JSON; `message`: the messages; `channel`: messages over QUIC, which `quic` sets up; `peer_text`: a peer's
//!   sentences, made printable.
//! - [`Key`]: the shared key, which each side proves to the other.
//! - [`Agent`]: accepts coordinators, one at a time; `agent_run`: one run for a coordinator; [`AgentEvent`]: what an agent reports.
//! - [`coordinate`](mod@coordinate): the coordinator; `connection`: its connection to one agent; `pool`: all agents as one source of
//!   counts.

mod address;
mod arguments;

mod channel;
mod message;
mod peer_text;
mod quic;
mod wire;

mod key;

mod agent_run;
mod event;
mod serve;

mod connection;
pub mod coordinate;
mod pool;

pub use self::{
    address::DEFAULT_PORT,
    arguments::{AgentArguments, CoordinatorArguments},
    coordinate::{CoordinateError, coordinate},
    event::AgentEvent,
    key::{KEY_VARIABLE, Key, KeyError},
    serve::{Agent, AgentError},
};
