//! The simulated network: a whole server and its clients in one thread, on a clock that jumps from one thing to the next.
//!
//! Hours of play take minutes, a bad network is one line, and a seed is a test case: the same seed gives the same packets, at the
//! same times, of the same sizes. Their contents differ, because TLS draws its keys from the system whoever asks.
//!
//! - [`network`]: all paths together, and what flies on them; [`socket`] is an endpoint's end of it. What a path is like is a
//!   [`Link`], and what becomes of each packet there is the same as for the load tester's bots.
//! - [`trace`]: what was sent, so that two runs can be compared.
//! - [`seams`]: the seeded and simulated things that an endpoint is handed.
//! - [`world`]: the server, the network and the clients' endpoints.
//! - [`bot`]: somebody who plays. [`diary`]: somebody who notes down all that happens. [`onlooker`]: somebody in the room itself.
//! - [`joins`]: how long it takes to get a seat. [`feel`]: what play is like over a link.
//! - [`referee`]: the rules that no run may break. [`adventure`]: evenings on which a lot happens, held to them.
//! - [`soak`]: half an hour on which nothing happens, and nothing may grow.
//!
//! ```
//! use quarrel_client::Client;
//! use quarrel_harness::sim::{Link, SimWorld};
//! use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
//!
//! SimWorld::<Crowd>::run(7, &[], async |world| {
//!     let connector = world.connector(&Link::named("train"));
//!     let mut ada = Client::<Crowd>::connect_with(&connector, "Ada").await.expect("a server that answers");
//!     ada.join(JoinTarget::Quick).await.expect("a seat");
//! });
//! ```

pub mod network;
pub mod socket;
pub mod trace;

pub mod seams;
pub mod world;

pub mod bot;
pub mod diary;
pub mod onlooker;

pub mod joins;

pub mod referee;

pub mod adventure;

pub mod soak;

pub mod feel;

pub use quarrel_netsim::Link;

pub use self::{network::Network, world::SimWorld};
