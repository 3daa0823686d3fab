//! Load tests from several machines: agents run the bots, and one coordinator controls the test.
//!
//! `swarm agent` waits on each machine. `swarm run --agents` is the coordinator: it sends the plan to the agents, starts their bots at the
//! same time, and receives the counts once a second. A bot's number determines the agent that runs it, and counts add up exactly, so the
//! report is the same as that of one swarm on a large enough machine. The coordinator runs no bots.
//!
//! The tour, in reading order:
//!
//! - `arguments`: the command line of both sides; `address`: the addresses on which agents listen.
//! - `wire`: JSON in frames; `message`: the messages; `channel`: messages over QUIC; `quic`: the QUIC settings and endpoints; `peer_text`:
//!   sentences from a peer, made safe to print.
//! - [`SwarmKey`]: the shared key, which each side proves to the other.
//! - [`Agent`]: accepts coordinators, one at a time; `agent_run`: one run for a coordinator; [`AgentEvent`]: the reports of an agent.
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
    key::{KEY_VARIABLE, KeyError, SwarmKey},
    serve::{Agent, AgentError},
};
