//! The ends of a session: the reason that is sent to the peer, and the name in the metrics. Errors of the connection and of the control
//! stream become close codes here.

use quarrel_shared::protocol::CloseReason;

use quarrel_transport::{
    control::ControlError,
    end::{self, ConnectionEnd},
};

use super::unacked::AckError;
use crate::net::{peer::PeerError, stream::StreamError};

/// The reason for which the server closes a session, as it is sent to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseNotice {
    /// The close code.
    pub reason: CloseReason,
    /// A sentence for the player, with the remedy.
    pub sentence: String,
}

impl CloseNotice {
    /// Creates a notice with the reason's default sentence.
    #[must_use]
    pub fn new(reason: CloseReason) -> Self {
        Self { reason, sentence: reason.sentence().to_owned() }
    }

    /// Creates a notice for a client that has acknowledged an impossible number of messages.
    #[must_use]
    pub fn invalid_ack(error: AckError) -> Self {
        let sentence = format!("The client has lost count of its messages: {error}. Update the client.");
        Self { reason: CloseReason::Malformed, sentence }
    }
}

/// Returns true if the session must end when its seat is revoked for this reason. After the end of a room the session continues in the
/// lobby.
#[must_use]
pub const fn ends_session(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::TooSlow | CloseReason::ServerStopping | CloseReason::ServerRestarting)
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The server closes the session.
    Closed(CloseNotice),
    /// The peer closed the connection or the control stream.
    Left,
    /// The connection was lost: the peer is silent or has vanished.
    Lost,
}

impl SessionEnd {
    /// The label value for this end in the metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed(notice) => notice.reason.name(),
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }

    /// Returns true if the connection was lost, so that the player's seat is held and the player may return. A peer that no longer
    /// acknowledges anything counts as lost: the server has only noticed the loss before QUIC did. A session that ends because the server
    /// restarts counts as lost too: the room must not see its player leave, because the next run restores the room as it was.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        match self {
            Self::Lost => true,
            Self::Closed(CloseNotice { reason, .. }) => end::is_loss(*reason),
            Self::Left => false,
        }
    }
}

impl From<CloseReason> for SessionEnd {
    fn from(reason: CloseReason) -> Self {
        Self::Closed(CloseNotice::new(reason))
    }
}

impl From<CloseNotice> for SessionEnd {
    fn from(notice: CloseNotice) -> Self {
        Self::Closed(notice)
    }
}

impl From<StreamError> for SessionEnd {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::QueueFull => CloseReason::TooSlow.into(),
            StreamError::Control(error) => error.into(),
        }
    }
}

impl From<ControlError> for SessionEnd {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Finished => Self::Left,
            ControlError::Read(quinn::ReadError::ConnectionLost(lost))
            | ControlError::Write(quinn::WriteError::ConnectionLost(lost)) => PeerError::Ended(lost).into(),
            ControlError::Read(_) | ControlError::Write(_) => Self::Left,
            ControlError::TooLong(_) | ControlError::Malformed(_) => {
                let sentence = format!(
                    "The server could not read a message of the client: {error}. Update the older of the two."
                );
                CloseNotice { reason: CloseReason::Malformed, sentence }.into()
            }
        }
    }
}

impl From<PeerError> for SessionEnd {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Ended(error) => match ConnectionEnd::from(&error) {
                // A client that has replaced this connection by another one resumes its seat there.
                ConnectionEnd::ClosedByPeer(CloseReason::Replaced) => Self::Lost,
                ConnectionEnd::ClosedByPeer(_) | ConnectionEnd::UnknownCode(_) => Self::Left,
                ConnectionEnd::ClosedHere | ConnectionEnd::Refused | ConnectionEnd::Lost(_) => Self::Lost,
            },
            PeerError::NoDatagrams => {
                let sentence =
                    "The client does not accept datagrams; enable them in its QUIC settings.".to_owned();
                CloseNotice { reason: CloseReason::Malformed, sentence }.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_connection_or_a_restart_holds_the_seat() {
        assert!(SessionEnd::Lost.is_loss());
        for reason in CloseReason::ALL {
            let is_loss = SessionEnd::from(reason).is_loss();
            let expected = matches!(reason, CloseReason::Unresponsive | CloseReason::ServerRestarting);
            assert_eq!(is_loss, expected, "{reason:?}");
        }
        assert!(!SessionEnd::Left.is_loss(), "the seat of a player who leaves is not held");
    }

    #[test]
    fn a_connection_closed_as_replaced_keeps_the_seat() {
        let closed = |reason: CloseReason| {
            let error_code = quinn::VarInt::from_u32(reason.code());
            let close = quinn::ApplicationClose { error_code, reason: bytes::Bytes::new() };
            SessionEnd::from(PeerError::Ended(quinn::ConnectionError::ApplicationClosed(close)))
        };
        assert_eq!(closed(CloseReason::Replaced), SessionEnd::Lost);
        assert_eq!(closed(CloseReason::Left), SessionEnd::Left);
    }
}
