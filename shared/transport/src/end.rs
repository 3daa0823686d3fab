//! The end of a QUIC connection: its close reason, and whether the player is expected to resume the seat.

use quarrel_shared::protocol::CloseReason;
use quinn::{ConnectionError, TransportErrorCode};

/// The end of a QUIC connection, as either end sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// This end closed the connection.
    ClosedHere,
    /// The peer closed the connection with a reason of this protocol.
    ClosedByPeer(CloseReason),
    /// The peer closed the connection with a code that this version does not know.
    UnknownCode(u64),
    /// The peer accepts no more connections (`CONNECTION_REFUSED`: RFC 9000, section 20.1).
    Refused,
    /// The network or the QUIC stack ended the connection: a timeout, a reset or a protocol error.
    Lost(ConnectionError),
}

impl From<&ConnectionError> for ConnectionEnd {
    fn from(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::LocallyClosed => Self::ClosedHere,
            ConnectionError::ApplicationClosed(close) => {
                let code = close.error_code.into_inner();
                CloseReason::from_code(code).map_or(Self::UnknownCode(code), Self::ClosedByPeer)
            }
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Refused
            }
            error => Self::Lost(error.clone()),
        }
    }
}

/// Returns true if a connection that the server closed for this reason counts as lost: the server holds the player's seat, and the
/// client resumes it on another connection. `Unresponsive` is a loss that the server noticed first; after `ServerRestarting` the
/// server restores the room with its seats.
#[must_use]
pub const fn is_loss(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Unresponsive | CloseReason::ServerRestarting)
}

#[cfg(test)]
mod tests {
    use quinn::{ApplicationClose, VarInt};

    use super::*;

    #[test]
    fn every_close_code_arrives_as_its_reason() {
        for reason in CloseReason::ALL {
            let error_code = VarInt::from_u32(reason.code());
            let close = ApplicationClose { error_code, reason: Vec::new().into() };
            let end = ConnectionEnd::from(&ConnectionError::ApplicationClosed(close));
            assert_eq!(end, ConnectionEnd::ClosedByPeer(reason));
        }
    }

    #[test]
    fn a_silent_connection_is_lost() {
        let end = ConnectionEnd::from(&ConnectionError::TimedOut);
        assert_eq!(end, ConnectionEnd::Lost(ConnectionError::TimedOut));
    }
}
