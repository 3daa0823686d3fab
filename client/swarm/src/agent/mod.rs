//! Several swarms on several machines, run as one.
//!
//! `swarm agent` waits on each machine; `swarm run --agents` leads them: it sends the plan, has all begin at the same moment, and hears
//! once a second what they counted. Every order of a plan belongs to one agent by its number, and counts add up exactly, so the report
//! is that of one swarm which was large enough. The coordinator runs no bots.
//!
//! The tour, in reading order:
//!
//! - `arguments`: the command line of both.
//! - `wire`: messages as bytes; `message`: which there are; `channel`: both over QUIC, which `quic` sets up.
//! - [`Key`]: who may give orders; each side proves that it has the same.
//! - [`Agent`]: lets coordinators in, one at a time; `errand`: one run on their behalf; [`News`]: what it says of it.
//! - [`lead`](mod@lead): the coordinator; `call`: its connection to one agent; `fleet`: all of them as a source of counts.

mod arguments;

mod channel;
mod message;
mod quic;
mod wire;

mod key;

mod errand;
mod news;
mod serve;

mod call;
mod fleet;
pub mod lead;

pub use self::{
    arguments::{AgentArguments, LeadArguments},
    key::{KEY_VARIABLE, Key, KeyError},
    lead::{LeadError, lead},
    news::News,
    serve::{Agent, AgentError},
};

/// Where agents listen unless they are told something else: beside a server's own ports.
pub const DEFAULT_PORT: u16 = 7790;
