//! The end of a client's connection: the reason for programs, the sentence for people and the name in reports.

use quarrel_shared::{
    limits::MAX_SENTENCE_BYTES,
    protocol::{CloseReason, shown_text::clean},
};
use quarrel_transport::end::{self, ConnectionEnd};
use quinn::ConnectionError;

/// The way in which a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side closed the connection because the program requested it.
    Left,
    /// One of the two ends closed the connection and gave a reason.
    Closed {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The connection broke: a timeout, a reset, or a server that speaks another protocol. Contains the cause, for people.
    Lost(String),
}

impl Ending {
    /// Returns true if the connection did not end by a decision of the player or the server, so that the server holds the seat and
    /// another connection may resume it. That includes a server that closes because it received nothing for long, and one that
    /// restarts.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Closed { reason, .. } => end::is_loss(*reason),
            Self::Left => false,
        }
    }

    /// The ending's name in reports: the name of the close reason, or `lost`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Left => CloseReason::Left.name(),
            Self::Closed { reason, .. } => reason.name(),
            Self::Lost(_) => "lost",
        }
    }
}

impl From<&ConnectionError> for Ending {
    fn from(error: &ConnectionError) -> Self {
        let closed = |reason: CloseReason| Self::Closed { reason, sentence: reason.sentence().to_owned() };
        match ConnectionEnd::from(error) {
            ConnectionEnd::ClosedHere => Self::Left,
            ConnectionEnd::ClosedByPeer(reason) => closed(reason),
            ConnectionEnd::UnknownCode(code) => Self::Lost(format!("closed with the unknown code {code}")),
            ConnectionEnd::Refused => closed(CloseReason::ServerFull),
            // The error can contain a text from the peer.
            ConnectionEnd::Lost(error) => Self::Lost(clean(&error.to_string(), MAX_SENTENCE_BYTES)),
        }
    }
}

#[cfg(test)]
mod tests {
    use quinn::{ConnectionClose, TransportErrorCode};

    use super::*;

    #[test]
    fn the_cause_of_a_loss_contains_no_hidden_characters_of_the_peer() {
        let reason = "bye\u{202E}\u{1B}[2J".as_bytes().into();
        let error_code = TransportErrorCode::INTERNAL_ERROR;
        let error =
            ConnectionError::ConnectionClosed(ConnectionClose { error_code, frame_type: None, reason });
        let Ending::Lost(cause) = Ending::from(&error) else { panic!("the connection is lost") };
        assert!(cause.ends_with("bye[2J"), "{cause:?}");
    }
}
