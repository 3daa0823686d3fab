//! Why a session ends, what the peer is told, and under which name it is counted: the one place where errors become close codes.

use quarrel_shared::protocol::CloseReason;

use super::news::NewsError;
use crate::net::{peer::PeerError, stream::StreamError};

/// We end it, and say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The close code.
    pub reason: CloseReason,
    /// What the person can do about it.
    pub sentence: String,
}

impl Refusal {
    /// With the reason's own sentence.
    #[must_use]
    pub fn of(reason: CloseReason) -> Self {
        Self { reason, sentence: reason.sentence().to_owned() }
    }

    /// A client has lost count of what it was told.
    #[must_use]
    pub fn unheard(error: NewsError) -> Self {
        let sentence = format!("The client has lost count: {error}. Update it.");
        Self { reason: CloseReason::Malformed, sentence }
    }
}

/// Whether a seat that was taken away for this reason ends its session too. The end of a room does not.
#[must_use]
pub const fn ends_session(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::TooSlow | CloseReason::ServerStopping | CloseReason::ServerRestarting)
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By us.
    Refused(Refusal),
    /// By the peer.
    Left,
    /// By the network: the peer fell silent or vanished.
    Lost,
}

impl Ending {
    /// The name under which it is counted.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason.name(),
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }
}

impl Ending {
    /// Whether the connection was lost, and its player may want to come back. One that answers nothing any more is lost too; we
    /// only saw it from this side first. So is one that ends because the server starts again: its room must not see its player
    /// leave, for it will be brought back as it was.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        match self {
            Self::Lost => true,
            Self::Refused(Refusal { reason, .. }) => {
                matches!(reason, CloseReason::Unresponsive | CloseReason::ServerRestarting)
            }
            Self::Left => false,
        }
    }
}

impl From<CloseReason> for Ending {
    fn from(reason: CloseReason) -> Self {
        Self::Refused(Refusal::of(reason))
    }
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StreamError> for Ending {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Finished => Self::Left,
            StreamError::Read(quinn::ReadError::ConnectionLost(lost))
            | StreamError::Write(quinn::WriteError::ConnectionLost(lost)) => PeerError::Ended(lost).into(),
            StreamError::Read(_) | StreamError::Write(_) => Self::Left,
            StreamError::TooLong(_) | StreamError::Codec(_) => {
                let sentence =
                    format!("The server could not read the client: {error}. Update the older of the two.");
                Refusal { reason: CloseReason::Malformed, sentence }.into()
            }
            StreamError::Stuffed => CloseReason::TooSlow.into(),
        }
    }
}

impl From<PeerError> for Ending {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Ended(quinn::ConnectionError::ApplicationClosed(close)) => {
                // Its player gave up this connection for another one: the seat waits for that.
                let comes_back = close.error_code.into_inner() == u64::from(CloseReason::Replaced.code());
                if comes_back { Self::Lost } else { Self::Left }
            }
            PeerError::Ended(_) => Self::Lost,
            PeerError::NoDatagrams => {
                let sentence = "The client takes no datagrams; enable them in its QUIC settings.".to_owned();
                Refusal { reason: CloseReason::Malformed, sentence }.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_held_for_those_whom_the_network_took_and_nobody_else() {
        assert!(Ending::Lost.is_loss());
        for reason in CloseReason::ALL {
            let is_loss = Ending::from(reason).is_loss();
            let is_meant = matches!(reason, CloseReason::Unresponsive | CloseReason::ServerRestarting);
            assert_eq!(is_loss, is_meant, "{reason:?}");
        }
        assert!(!Ending::Left.is_loss(), "whoever leaves has left");
    }

    #[test]
    fn a_connection_that_is_given_up_for_another_one_costs_no_seat() {
        let closed = |reason: CloseReason| {
            let error_code = quinn::VarInt::from_u32(reason.code());
            let close = quinn::ApplicationClose { error_code, reason: bytes::Bytes::new() };
            Ending::from(PeerError::Ended(quinn::ConnectionError::ApplicationClosed(close)))
        };
        assert_eq!(closed(CloseReason::Replaced), Ending::Lost);
        assert_eq!(closed(CloseReason::Left), Ending::Left);
    }
}
