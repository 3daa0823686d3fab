//! The simulated network: a server and its clients in one thread, on a clock that jumps from one event to the next.
//!
//! Hours of play take minutes, and a bad network is one line. Each seed is a test case: the same seed gives the same packets, at the
//! same times and with the same sizes. Their contents differ, because TLS always draws its keys from the system.
//!
//! Network:
//! - [`network`]: the paths of all players and the packets in flight, over a [`Link`] each. The load tester's bots use the same link
//!   model.
//! - [`socket`]: an endpoint's socket in the network.
//! - [`trace`]: the packets sent, to compare two runs.
//! - [`seeded`]: seeded randomness and the simulated clock of the endpoints.
//! - [`world`]: a server, a network and the clients' endpoints.
//!
//! Players and observers:
//! - [`bot`]: a client that plays as a bot.
//! - [`event_log`]: a controller that logs its events.
//! - [`room_observer`]: an observer of the server's frames.
//! - [`invariants`]: checks that hold in every run.
//!
//! Measurements:
//! - [`chaos`]: runs with random disruptions, under the invariants.
//! - [`feel`]: the quality of play over a link.
//! - [`joins`]: the time to get a seat over a bad link.
//! - [`soak`]: a long undisturbed run in which nothing may grow.
//!
//! ```
//! use quarrel_client::Client;
//! use quarrel_harness::sim::{Link, SimWorld};
//! use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
//!
//! SimWorld::<Crowd>::run(7, &[], async |world| {
//!     let connector = world.connector(&Link::named("train"));
//!     let mut ada = Client::<Crowd>::connect_with(&connector, "Ada").await.expect("the server must answer");
//!     ada.join(JoinTarget::Quick).await.expect("a free seat");
//! });
//! ```

pub mod network;
pub mod seeded;
pub mod socket;
pub mod trace;
pub mod world;

pub mod bot;
pub mod event_log;
pub mod invariants;
pub mod room_observer;

pub mod chaos;
pub mod feel;
pub mod joins;
pub mod soak;

pub use quarrel_netsim::Link;

pub use self::{network::SimNetwork, world::SimWorld};
