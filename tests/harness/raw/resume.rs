//! A peer that keeps its ticket and comes back with it, and everything that it is told on the way.

use std::net::SocketAddr;

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId, SeatId},
    protocol::{ClientMessage, Hello, Resume, ServerMessage, Ticket},
};

use super::{RawPeer, hello};
use crate::Goodbye;

/// What a welcome says of its player.
#[derive(Clone, Debug)]
pub struct Welcomed {
    /// Who they are.
    pub player: PlayerId,
    /// What brings them back.
    pub ticket: Ticket,
    /// For how long their seat is held.
    pub hold_ms: u32,
    /// Whether they are back on it.
    pub resumed: bool,
}

impl RawPeer {
    /// Connects and is welcomed as somebody new.
    pub async fn enter<G: Game>(server: SocketAddr, name: &str) -> (Self, Welcomed) {
        let mut peer = Self::connect(server).await;
        peer.say(&ClientMessage::Hello(hello::<G>(name))).await;
        let welcomed = peer.welcomed().await;
        (peer, welcomed)
    }

    /// Connects with a ticket, having heard so many messages on its seat.
    pub async fn return_with<G: Game>(server: SocketAddr, ticket: &Ticket, heard: u32) -> Self {
        let mut peer = Self::connect(server).await;
        let resume = Some(Resume { ticket: ticket.clone(), acked: heard });
        peer.say(&ClientMessage::Hello(Hello { resume, ..hello::<G>("back") })).await;
        peer
    }

    /// The same, and is welcomed.
    pub async fn come_back<G: Game>(server: SocketAddr, ticket: &Ticket, heard: u32) -> (Self, Welcomed) {
        let mut peer = Self::return_with::<G>(server, ticket, heard).await;
        let welcomed = peer.welcomed().await;
        (peer, welcomed)
    }

    /// The same, and is refused.
    pub async fn refused<G: Game>(server: SocketAddr, ticket: &Ticket, heard: u32) -> Goodbye {
        Self::return_with::<G>(server, ticket, heard).await.goodbye().await
    }

    /// The welcome, which is the first thing that a server says.
    ///
    /// # Panics
    /// When it says anything else.
    pub async fn welcomed(&mut self) -> Welcomed {
        match self.hear().await {
            Some(ServerMessage::Welcome { player, ticket, hold_ms, resumed, .. }) => {
                Welcomed { player, ticket, hold_ms, resumed }
            }
            other => panic!("a welcome comes first: {other:?}"),
        }
    }

    /// The seat that it is given, which is the next thing that it is told.
    ///
    /// # Panics
    /// When it is told anything else.
    pub async fn joined(&mut self) -> (RoomId, SeatId) {
        match self.hear().await {
            Some(ServerMessage::Joined { room, seat, .. }) => (room, seat),
            other => panic!("the seat comes next: {other:?}"),
        }
    }

    /// Everything that it is told up to the first that `is_last` takes, which is included.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn news_until(
        &mut self,
        mut is_last: impl FnMut(&ServerMessage) -> bool,
    ) -> Vec<ServerMessage> {
        let mut news = Vec::new();
        loop {
            let message = self.hear().await.expect("the connection lives");
            let last = is_last(&message);
            news.push(message);
            if last {
                return news;
            }
        }
    }
}
