//! The reasons for which a connection ends or a request is refused. The number of a reason is its QUIC application close code, so it
//! never changes its meaning: new reasons are added at the end.

use std::fmt;

use super::encoding::{Decode, Encode};

/// The reason for which a connection ends or a request is refused. The *peer* is the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum CloseReason {
    /// The client ended the session.
    Left,
    /// The server stops, and its rooms end.
    ServerStopping,
    /// The two builds have different protocol versions.
    VersionMismatch,
    /// The server runs another game.
    GameMismatch,
    /// The two builds have different revisions of the same game, or encode its inputs differently.
    FingerprintMismatch,
    /// The peer sent bytes that cannot be decoded, or a message out of order.
    Malformed,
    /// The client did not send its [`Hello`](super::Hello) in time.
    HandshakeTimeout,
    /// The peer sent more datagrams, bytes or messages than the limits allow.
    RateLimited,
    /// The client does not receive or process its events fast enough, and their queue is full.
    TooSlow,
    /// The server has as many sessions (connected players) as its operator allows.
    ServerFull,
    /// No room has the requested id.
    NoSuchRoom,
    /// Players occupy every seat of the requested room.
    RoomFull,
    /// The room cannot accept a join at the moment, because its inbox is full: too many players join it at once.
    RoomBusy,
    /// No room has a free seat, and the server may not open another one.
    RoomsFull,
    /// The room's game failed; the other rooms continue.
    RoomFailed,
    /// The room was empty too long, or its operator closed it.
    RoomClosed,
    /// The client sends, but has not acknowledged a snapshot for a long time.
    Unresponsive,
    /// The server failed, and the client is not the cause.
    Internal,
    /// The client was connected for a long time without joining a room.
    Idle,
    /// The same player connected again, and the new connection replaces this one.
    Replaced,
    /// This server did not issue the resume ticket.
    TicketUnknown,
    /// The resume ticket was used before, and the server issued a newer one then.
    TicketUsed,
    /// The resume ticket is valid, but the room no longer holds the seat.
    TicketExpired,
    /// The server restarts. It restores its rooms and holds their seats.
    ServerRestarting,
}

impl CloseReason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 24] = [
        Self::Left,
        Self::ServerStopping,
        Self::VersionMismatch,
        Self::GameMismatch,
        Self::FingerprintMismatch,
        Self::Malformed,
        Self::HandshakeTimeout,
        Self::RateLimited,
        Self::TooSlow,
        Self::ServerFull,
        Self::NoSuchRoom,
        Self::RoomFull,
        Self::RoomBusy,
        Self::RoomsFull,
        Self::RoomFailed,
        Self::RoomClosed,
        Self::Unresponsive,
        Self::Internal,
        Self::Idle,
        Self::Replaced,
        Self::TicketUnknown,
        Self::TicketUsed,
        Self::TicketExpired,
        Self::ServerRestarting,
    ];

    /// Returns the QUIC application close code.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// Returns the reason with this close code; `None` for an unknown code, which a later version may have.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// Returns the reason's name in metrics, reports and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::ServerStopping => "server_stopping",
            Self::VersionMismatch => "version_mismatch",
            Self::GameMismatch => "game_mismatch",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::Malformed => "malformed",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::RateLimited => "rate_limited",
            Self::TooSlow => "too_slow",
            Self::ServerFull => "server_full",
            Self::NoSuchRoom => "no_such_room",
            Self::RoomFull => "room_full",
            Self::RoomBusy => "room_busy",
            Self::RoomsFull => "rooms_full",
            Self::RoomFailed => "room_failed",
            Self::RoomClosed => "room_closed",
            Self::Unresponsive => "unresponsive",
            Self::Internal => "internal",
            Self::Idle => "idle",
            Self::Replaced => "replaced",
            Self::TicketUnknown => "ticket_unknown",
            Self::TicketUsed => "ticket_used",
            Self::TicketExpired => "ticket_expired",
            Self::ServerRestarting => "server_restarting",
        }
    }

    /// Returns the explanation for the player, used where no more precise one is known.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Left => "You left.",
            Self::ServerStopping => "The server is stopping; connect again in a moment.",
            Self::VersionMismatch => {
                "Client and server have different protocol versions; update the older of the two."
            }
            Self::GameMismatch => "This server runs another game; connect to a server that runs yours.",
            Self::FingerprintMismatch => {
                "Client and server were built from different versions of the game; update the older of the two."
            }
            Self::Malformed => "The server received a message that it cannot read; update the client.",
            Self::HandshakeTimeout => {
                "The client did not send its hello in time; check the network and connect again."
            }
            Self::RateLimited => "The client sent more than the server accepts; slow it down.",
            Self::TooSlow => {
                "The client did not read its events in time; check the network and connect again."
            }
            Self::ServerFull => "The server is full; try again later, or connect to another server.",
            Self::NoSuchRoom => {
                "The requested room does not exist; list the rooms, or join without naming a room."
            }
            Self::RoomFull => "Every seat of that room is taken; join another room, or wait.",
            Self::RoomBusy => "Too many players are joining that room at once; try again in a second.",
            Self::RoomsFull => "Every room is full, and the server opens no more rooms; try again later.",
            Self::RoomFailed => "The room's game failed and the room was closed; join another room.",
            Self::RoomClosed => "The room was closed; join another room.",
            Self::Unresponsive => {
                "The client stopped acknowledging snapshots; check the network and connect again."
            }
            Self::Internal => "The server failed; connect again.",
            Self::Idle => "The client was not in a room for a minute; connect again when you want to play.",
            Self::Replaced => {
                "You connected again, and the new connection replaces this one; continue there."
            }
            Self::TicketUnknown => "This server did not issue the resume ticket; connect without it.",
            Self::TicketUsed => {
                "The resume ticket was used before; use the newest one, or connect without it."
            }
            Self::TicketExpired => "Your seat is no longer held; connect and join again.",
            Self::ServerRestarting => "The server is restarting; your seat is held.",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_maps_to_its_reason_and_back() {
        for (code, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.code() as usize, code, "the code of {reason:?} is its index in ALL");
            assert_eq!(CloseReason::from_code(code as u64), Some(reason));
        }
        assert_eq!(CloseReason::from_code(u64::MAX), None);
    }
}
