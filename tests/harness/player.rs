//! Somebody who plays by the rules: the client library, and waiting for what it tells.

use std::{
    net::SocketAddr,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use quarrel_client::{Client, ClientEvent, ConnectConfig, Ending, Joined, RequestError};
use quarrel_shared::{
    game::Predict,
    protocol::{JoinTarget, RoomEntry},
    snapshot::View,
};

use crate::wait::within;

/// A connected client; everything that a [`Client`] can do, it can do.
pub struct Player<G: Predict>(Client<G>);

impl<G: Predict> Player<G> {
    /// Connects under a name and takes no seat yet.
    pub async fn connect(server: SocketAddr, name: &str) -> Self {
        let config = ConnectConfig { name: name.to_owned(), ..ConnectConfig::new(server) };
        let client = within("a connection", Client::connect(&config)).await;
        Self(client.unwrap_or_else(|error| panic!("{name} cannot connect: {error}")))
    }

    /// Connects under a name and sits down in the first room with a seat.
    pub async fn sit(server: SocketAddr, name: &str) -> (Self, Joined) {
        let mut player = Self::connect(server, name).await;
        let joined = player.join(JoinTarget::Quick).await;
        let joined = joined.unwrap_or_else(|error| panic!("{name} gets no seat: {error}"));
        (player, joined)
    }

    /// [`Client::join`], with a bound.
    ///
    /// # Errors
    /// As there.
    pub async fn join(&mut self, target: JoinTarget) -> Result<Joined, RequestError> {
        within("the answer to a join", self.0.join(target)).await
    }

    /// [`Client::rooms`], with a bound.
    ///
    /// # Errors
    /// As there.
    pub async fn rooms(&mut self) -> Result<Vec<RoomEntry>, RequestError> {
        within("a list of rooms", self.0.list_rooms()).await
    }

    /// The first thing from now on that `wanted` takes; whatever comes before is let go.
    ///
    /// # Panics
    /// When the connection ends before, or nothing comes in time.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(ClientEvent<G>) -> Option<T>,
    ) -> T {
        within(what, async {
            loop {
                match self.0.next().await {
                    Some(ClientEvent::Closed(ending)) => {
                        panic!("closed while waiting for {what}: {ending:?}")
                    }
                    Some(event) => {
                        if let Some(found) = wanted(event) {
                            return found;
                        }
                    }
                    None => panic!("closed before waiting for {what}"),
                }
            }
        })
        .await
    }

    /// The next view that `wanted` is true of.
    ///
    /// # Panics
    /// As [`Self::wait_for`].
    pub async fn view_where(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&View<G::Entity>) -> bool,
    ) -> Arc<View<G::Entity>> {
        let view = |event| if let ClientEvent::View(view) = event { Some(view) } else { None };
        self.wait_for(what, |event| view(event).filter(|view| wanted(view))).await
    }

    /// Waits until `ticks` more ticks have been seen: whoever sees them plays.
    ///
    /// # Panics
    /// As [`Self::wait_for`].
    pub async fn plays_on(&mut self, ticks: u32) {
        let first = self.view_where("a view", |_| true).await.tick;
        self.view_where("views that go on", |view| view.tick.since(first) >= ticks).await;
    }

    /// Waits until the connection ends; says how.
    pub async fn ending(&mut self) -> Ending {
        within("the connection's end", async {
            loop {
                match self.0.next().await {
                    Some(ClientEvent::Closed(ending)) => return ending,
                    Some(_) => {}
                    None => panic!("the connection's end was read before"),
                }
            }
        })
        .await
    }

    /// Leaves, and waits until the server was told.
    pub async fn go(self) {
        within("a goodbye", self.0.shutdown()).await;
    }
}

impl<G: Predict> Deref for Player<G> {
    type Target = Client<G>;

    fn deref(&self) -> &Client<G> {
        &self.0
    }
}

impl<G: Predict> DerefMut for Player<G> {
    fn deref_mut(&mut self) -> &mut Client<G> {
        &mut self.0
    }
}
