//! Encoding and decoding of the messages of the control stream.

pub use super::encoding::{CodecError, Decode, Encode};
use super::{
    encoding, framing,
    messages::{ClientMessage, ServerMessage},
};
use crate::limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES};

/// Appends one message with its frame (a length prefix) to `out`. Cannot fail, because the types of messages bound their length.
pub fn encode(message: &impl Encode, out: &mut Vec<u8>) {
    framing::frame(out, |out| encoding::encode::<MAX_SERVER_MESSAGE_BYTES>(message, out));
}

/// Decodes one message of a client from bytes without a frame.
///
/// # Errors
/// When the message is too long or malformed, or more bytes follow it.
pub fn decode_client(bytes: &[u8]) -> Result<ClientMessage, CodecError> {
    encoding::decode::<ClientMessage, MAX_CLIENT_MESSAGE_BYTES>(bytes)
}

/// Decodes one message of a server from bytes without a frame.
///
/// # Errors
/// When the message is too long or malformed, or more bytes follow it.
pub fn decode_server(bytes: &[u8]) -> Result<ServerMessage, CodecError> {
    encoding::decode::<ServerMessage, MAX_SERVER_MESSAGE_BYTES>(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        id::RoomId,
        protocol::{
            CloseReason, Fingerprint, Hello, JoinTarget, Resume, Ticket,
            bounded::{List, Text},
        },
        tick::Tick,
    };

    fn unframed(message: &impl Encode) -> Vec<u8> {
        let mut out = Vec::new();
        encode(message, &mut out);
        out.split_off(framing::LENGTH_BYTES)
    }

    #[test]
    fn a_message_decodes_to_itself() {
        let hello = Hello {
            protocol: 1,
            game: Text::new("arena").unwrap(),
            revision: 3,
            fingerprint: Fingerprint(u64::MAX),
            name: Text::new("Ada ♞").unwrap(),
            resume: Some(Resume { ticket: Ticket::new([9; Ticket::BYTES]), acked: 77 }),
        };
        for message in [
            ClientMessage::Hello(hello),
            ClientMessage::ListRooms,
            ClientMessage::Ack(5),
            ClientMessage::Join(JoinTarget::Room(RoomId(7))),
            ClientMessage::Chat(Text::new("well met").unwrap()),
        ] {
            assert_eq!(decode_client(&unframed(&message)), Ok(message));
        }
        let event =
            ServerMessage::Event { sequence: 9, tick: Tick(5), payload: List::new(vec![1, 2, 3]).unwrap() };
        assert_eq!(decode_server(&unframed(&event)), Ok(event));
        let closing =
            ServerMessage::Closing { reason: CloseReason::ServerStopping, sentence: Text::lossy("later") };
        assert_eq!(decode_server(&unframed(&closing)), Ok(closing));
    }

    #[test]
    fn an_announced_length_over_the_maximum_is_an_error() {
        let mut bytes = 4u32.to_le_bytes().to_vec(); // ClientMessage::Chat
        bytes.extend(u64::MAX.to_le_bytes());
        assert!(matches!(decode_client(&bytes), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn bytes_after_a_message_are_an_error() {
        let mut bytes = unframed(&ClientMessage::Leave);
        bytes.push(0);
        assert_eq!(decode_client(&bytes), Err(CodecError::Trailing(1)));
    }

    #[test]
    fn a_chat_line_with_control_characters_is_rejected() {
        let mut bytes = 4u32.to_le_bytes().to_vec(); // ClientMessage::Chat
        bytes.extend(3u64.to_le_bytes());
        bytes.extend(b"a\x1bb");
        assert!(decode_client(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_client(&bytes);
            let _ = decode_server(&bytes);
        }
    }
}
