//! Every reason for which a connection ends or a request is refused. The numbers are part of the interface: they are the QUIC
//! application close codes, and never change their meaning.

use std::fmt;

use super::codec::{Decode, Encode};

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum CloseReason {
    /// The client left of its own accord.
    Left,
    /// The server is going down.
    ServerStopping,
    /// The two builds speak different protocol versions.
    VersionMismatch,
    /// The server runs another game.
    GameMismatch,
    /// The same game with differently coded types.
    FingerprintMismatch,
    /// Bytes that mean nothing in this protocol, or a message out of order.
    Malformed,
    /// No [`Hello`](super::Hello) in time.
    HandshakeTimeout,
    /// More datagrams, bytes or messages than anybody needs.
    RateLimited,
    /// Events piled up because the peer does not read them.
    TooSlow,
    /// As many sessions as the operator allows.
    ServerFull,
    /// There is no room of that id.
    NoSuchRoom,
    /// Every seat of that room is taken by people.
    RoomFull,
    /// Too many join at once.
    RoomBusy,
    /// No room with a seat, and no more rooms may be opened.
    RoomsFull,
    /// The room's game broke; the other rooms play on.
    RoomFailed,
    /// The room was empty too long, or its operator closed it.
    RoomClosed,
    /// Sends, but has not acknowledged anything for long.
    Unresponsive,
    /// Something broke on the server that was not the peer's fault.
    Internal,
    /// Connected, and in no room for long.
    Idle,
    /// The same player connected anew; this connection is of no more use.
    Replaced,
    /// A resume ticket that this server never gave.
    TicketUnknown,
    /// A resume ticket that was shown before; a newer one was given since.
    TicketUsed,
    /// A resume ticket that was good once; its seat is held no longer.
    TicketExpired,
    /// The server goes down in order to come back, and brings its rooms back with it.
    ServerRestarting,
}

impl CloseReason {
    /// Every reason, in the order of their codes.
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

    /// The QUIC application close code.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The reason of a close code; `None` for one of a later version.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The reason's name in metrics, reports and logs.
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

    /// What to tell the person when there is nothing more precise to say.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Left => "You left.",
            Self::ServerStopping => "The server is stopping; connect again in a moment.",
            Self::VersionMismatch => {
                "Client and server speak different protocol versions; update the older one."
            }
            Self::GameMismatch => "This server runs another game; connect to one that runs yours.",
            Self::FingerprintMismatch => {
                "Client and server were built from different versions of the game; update the older one."
            }
            Self::Malformed => "The server got a message that it cannot read; update the client.",
            Self::HandshakeTimeout => {
                "The client did not say hello in time; check the network and connect again."
            }
            Self::RateLimited => "The client sent more than the server takes from anybody; slow it down.",
            Self::TooSlow => {
                "The client did not read its events in time; check the network and connect again."
            }
            Self::ServerFull => "The server is full; try again later or on another one.",
            Self::NoSuchRoom => "There is no such room; list the rooms or join without naming one.",
            Self::RoomFull => "Every seat of that room is taken; join another or wait.",
            Self::RoomBusy => "Too many are joining that room at once; try again in a second.",
            Self::RoomsFull => "Every room is full and no more may be opened; try again later.",
            Self::RoomFailed => "The room's game failed and the room was closed; join another.",
            Self::RoomClosed => "The room was closed; join another.",
            Self::Unresponsive => {
                "The client stopped acknowledging what it was sent; check the network and connect again."
            }
            Self::Internal => "Something broke on the server; connect again.",
            Self::Idle => "The client was in no room for a minute; connect again when you want to play.",
            Self::Replaced => "You connected from somewhere else, and play on there.",
            Self::TicketUnknown => "The resume ticket is not one of this server's; connect without it.",
            Self::TicketUsed => {
                "The resume ticket was used before; show the newest one, or connect without it."
            }
            Self::TicketExpired => "The seat was held no longer; connect and join again.",
            Self::ServerRestarting => "The server restarts; your seat waits.",
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
    fn codes_and_reasons_name_each_other() {
        for (code, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.code() as usize, code, "{reason:?} stands in the order of its code");
            assert_eq!(CloseReason::from_code(code as u64), Some(reason));
        }
        assert_eq!(CloseReason::from_code(u64::MAX), None);
    }
}
