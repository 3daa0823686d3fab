//! A well-behaved player: the client library with bounded waits for its events.

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

/// A connected client; it derefs to [`Client`].
pub struct Player<G: Predict>(Client<G>);

impl<G: Predict> Player<G> {
    /// Connects under a name and stays in the lobby.
    ///
    /// # Panics
    /// When the connection fails or takes too long.
    pub async fn connect(server: SocketAddr, name: &str) -> Self {
        let config = ConnectConfig { name: name.to_owned(), ..ConnectConfig::new(server) };
        let client = within("a connection", Client::connect(&config)).await;
        Self(client.unwrap_or_else(|error| panic!("{name} cannot connect: {error}")))
    }

    /// Connects under a name and joins the first room with a free seat.
    ///
    /// # Panics
    /// When the connection or the join fails or takes too long.
    pub async fn connect_and_join(server: SocketAddr, name: &str) -> (Self, Joined) {
        let mut player = Self::connect(server, name).await;
        let joined = player.join(JoinTarget::Quick).await;
        let joined = joined.unwrap_or_else(|error| panic!("{name} cannot join: {error}"));
        (player, joined)
    }

    /// [`Client::join`] with a timeout.
    ///
    /// # Errors
    /// As for [`Client::join`].
    pub async fn join(&mut self, target: JoinTarget) -> Result<Joined, RequestError> {
        within("the answer to a join", self.0.join(target)).await
    }

    /// [`Client::list_rooms`] with a timeout.
    ///
    /// # Errors
    /// As for [`Client::list_rooms`].
    pub async fn list_rooms(&mut self) -> Result<Vec<RoomEntry>, RequestError> {
        within("a list of rooms", self.0.list_rooms()).await
    }

    /// Returns the first event that `accept` maps to a value, and discards the events before it.
    ///
    /// # Panics
    /// When the connection ends before, or no such event arrives in time.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut accept: impl FnMut(ClientEvent<G>) -> Option<T>,
    ) -> T {
        within(what, async {
            loop {
                match self.0.next().await {
                    Some(ClientEvent::Closed(ending)) => {
                        panic!("closed while waiting for {what}: {ending:?}")
                    }
                    Some(event) => {
                        if let Some(found) = accept(event) {
                            return found;
                        }
                    }
                    None => panic!("closed before waiting for {what}"),
                }
            }
        })
        .await
    }

    /// Returns the next view for which `accept` is true.
    ///
    /// # Panics
    /// As for [`Self::wait_for`].
    pub async fn wait_for_view(
        &mut self,
        what: &str,
        mut accept: impl FnMut(&View<G::Entity>) -> bool,
    ) -> Arc<View<G::Entity>> {
        let view = |event| if let ClientEvent::View(view) = event { Some(view) } else { None };
        self.wait_for(what, |event| view(event).filter(|view| accept(view))).await
    }

    /// Waits for views of `ticks` more ticks, which shows that the player still plays.
    ///
    /// # Panics
    /// As for [`Self::wait_for`].
    pub async fn wait_for_ticks(&mut self, ticks: u32) {
        let first = self.wait_for_view("a view", |_| true).await.tick;
        self.wait_for_view("views of later ticks", |view| view.tick.since(first) >= ticks).await;
    }

    /// Waits until the connection ends and returns how.
    ///
    /// # Panics
    /// When the end has already been returned, or the connection does not end in time.
    pub async fn wait_for_end(&mut self) -> Ending {
        within("the end of the connection", async {
            loop {
                match self.0.next().await {
                    Some(ClientEvent::Closed(ending)) => return ending,
                    Some(_) => {}
                    None => panic!("the end of the connection was already returned"),
                }
            }
        })
        .await
    }

    /// Leaves, and waits until the close has been sent to the server.
    pub async fn disconnect(self) {
        within("the client's shutdown", self.0.shutdown()).await;
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
