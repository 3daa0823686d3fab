//! A peer that resumes its seat with its ticket, and reads every message on the way.

use std::net::SocketAddr;

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId, SeatId},
    protocol::{ClientMessage, Hello, Resume, ServerMessage, Ticket},
};

use super::{RawPeer, hello};
use crate::ServerClose;

/// The fields of a `Welcome` that concern the player.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The player's id.
    pub player: PlayerId,
    /// The resume ticket.
    pub ticket: Ticket,
    /// The time that the server holds the seat of a lost connection, in milliseconds.
    pub hold_ms: u32,
    /// Whether the player resumed a seat.
    pub resumed: bool,
}

impl RawPeer {
    /// Connects as a new player and receives the `Welcome`.
    pub async fn connect_new<G: Game>(server: SocketAddr, name: &str) -> (Self, Welcome) {
        let mut peer = Self::connect(server).await;
        peer.send(&ClientMessage::Hello(hello::<G>(name))).await;
        let welcome = peer.receive_welcome().await;
        (peer, welcome)
    }

    /// Connects with a ticket, having acknowledged `acked` messages on its seat.
    pub async fn connect_with_ticket<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> Self {
        let mut peer = Self::connect(server).await;
        let resume = Some(Resume { ticket: ticket.clone(), acked });
        peer.send(&ClientMessage::Hello(Hello { resume, ..hello::<G>("back") })).await;
        peer
    }

    /// Connects with a ticket and receives the `Welcome`.
    pub async fn resume<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> (Self, Welcome) {
        let mut peer = Self::connect_with_ticket::<G>(server, ticket, acked).await;
        let welcome = peer.receive_welcome().await;
        (peer, welcome)
    }

    /// Connects with a ticket and waits for the server to refuse it.
    pub async fn resume_refused<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> ServerClose {
        Self::connect_with_ticket::<G>(server, ticket, acked).await.wait_for_close().await
    }

    /// Receives the `Welcome`, which must be the server's first message.
    ///
    /// # Panics
    /// When the next message is another one.
    pub async fn receive_welcome(&mut self) -> Welcome {
        match self.receive().await {
            Some(ServerMessage::Welcome { player, ticket, hold_ms, resumed, .. }) => {
                Welcome { player, ticket, hold_ms, resumed }
            }
            other => panic!("the first message must be a welcome: {other:?}"),
        }
    }

    /// Receives `Joined`, which must be the next message, and returns the seat.
    ///
    /// # Panics
    /// When the next message is another one.
    pub async fn receive_joined(&mut self) -> (RoomId, SeatId) {
        match self.receive().await {
            Some(ServerMessage::Joined { room, seat, .. }) => (room, seat),
            other => panic!("the next message must be the answer to the join: {other:?}"),
        }
    }

    /// Receives all messages up to and including the first for which `is_last` is true.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn receive_all_until(
        &mut self,
        mut is_last: impl FnMut(&ServerMessage) -> bool,
    ) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        loop {
            let message = self.receive().await.expect("the connection must stay open");
            let last = is_last(&message);
            messages.push(message);
            if last {
                return messages;
            }
        }
    }
}
