//! Control messages in both directions, and a session's phases for any order of a client's messages.

use bolero::{check, generator::produce};
use quarrel_harness::raw::hello;
use quarrel_server::session::phase::SessionPhase;
use quarrel_shared::{
    crowd::Crowd,
    id::{PlayerId, RoomId, SeatId},
    limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES},
    protocol::{
        ClientMessage, CloseReason, JoinTarget, RoomEntry, SeatEpoch, ServerMessage, Ticket,
        bounded::{List, Text},
        codec::{self, Encode},
        framing::LENGTH_BYTES,
    },
    tick::Tick,
};

use crate::{damage::Damage, heap};

fn body(message: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(message, &mut bytes);
    bytes.split_off(LENGTH_BYTES)
}

fn client_samples() -> Vec<Vec<u8>> {
    let messages = [
        ClientMessage::Hello(hello::<Crowd>("Ada")),
        ClientMessage::Join(JoinTarget::Quick),
        ClientMessage::Join(JoinTarget::Room(RoomId(7))),
        ClientMessage::Chat(Text::lossy("well shot")),
        ClientMessage::Leave,
        ClientMessage::ListRooms,
        ClientMessage::ClosingAck,
        ClientMessage::Ack(9),
    ];
    messages.iter().map(body).collect()
}

fn server_samples() -> Vec<Vec<u8>> {
    let room = RoomEntry { id: RoomId(1), seats: 16, players: 2, bots: 6 };
    let messages = [
        ServerMessage::Welcome {
            player: PlayerId(1),
            tick_rate: 30,
            send_rate: 30,
            ticket: Ticket::new([7; Ticket::BYTES]),
            hold_ms: 30_000,
            resumed: false,
        },
        ServerMessage::Rooms(List::new(vec![room; 40]).unwrap_or_default()),
        ServerMessage::Joined {
            room: RoomId(1),
            seat: SeatId(2),
            seats: 16,
            tick: Tick(90),
            seat_epoch: SeatEpoch::FIRST,
            restored: Some(Tick(80)),
        },
        ServerMessage::SeatTaken { seat: SeatId(3), name: Text::lossy("Ben"), bot: true },
        ServerMessage::Event {
            sequence: 5,
            tick: Tick(91),
            payload: List::new(vec![7; 30]).unwrap_or_default(),
        },
        ServerMessage::Chat { seat: SeatId(3), text: Text::lossy("well shot") },
        ServerMessage::Closing {
            reason: CloseReason::ServerStopping,
            sentence: Text::lossy(CloseReason::ServerStopping.sentence()),
        },
    ];
    messages.iter().map(body).collect()
}

#[test]
fn a_client_message_is_decoded_or_refused() {
    let samples = client_samples();
    check!().with_iterations(20_000).with_generator(Damage::any()).for_each(|damage| {
        let bytes = damage.applied(&samples);
        let decoded = heap::bounded(bytes.len(), || codec::decode_client(&bytes));
        if let Ok(message) = decoded {
            assert!(
                bytes.len() <= MAX_CLIENT_MESSAGE_BYTES,
                "a decoded message must keep to its maximum size"
            );
            let encoded = body(&message);
            let has_text = matches!(message, ClientMessage::Hello(_) | ClientMessage::Chat(_));
            assert!(has_text || encoded == bytes, "a message must have one encoding: {message:?}");
            assert_eq!(codec::decode_client(&encoded).as_ref(), Ok(&message), "a clean text must stay");
        }
    });
}

#[test]
fn a_server_message_is_decoded_or_refused() {
    let samples = server_samples();
    check!().with_iterations(20_000).with_generator(Damage::any()).for_each(|damage| {
        let bytes = damage.applied(&samples);
        let decoded = heap::bounded(bytes.len(), || codec::decode_server(&bytes));
        if let Ok(message) = decoded {
            assert!(
                bytes.len() <= MAX_SERVER_MESSAGE_BYTES,
                "a decoded message must keep to its maximum size"
            );
            let encoded = body(&message);
            let has_text = matches!(
                message,
                ServerMessage::SeatTaken { .. }
                    | ServerMessage::Chat { .. }
                    | ServerMessage::Closing { .. }
                    | ServerMessage::JoinRefused { .. }
                    | ServerMessage::RoomClosed { .. }
            );
            assert!(has_text || encoded == bytes, "a message must have one encoding: {message:?}");
            assert_eq!(codec::decode_server(&encoded).as_ref(), Ok(&message), "a clean text must stay");
        }
    });
}

#[test]
fn a_session_phase_accepts_or_refuses_messages_in_any_order() {
    let messages: Vec<_> =
        client_samples().iter().map(|bytes| codec::decode_client(bytes).expect("a valid sample")).collect();
    let steps = produce::<Vec<(u8, Option<bool>)>>();
    check!().with_iterations(5_000).with_generator(steps).for_each(|steps| {
        let mut phase = SessionPhase::AwaitingHello;
        for (index, room_answer) in steps {
            let message = messages[usize::from(*index) % messages.len()].clone();
            if phase.receive(message).is_err() {
                break;
            }
            if phase == SessionPhase::Joining
                && let Some(seated) = room_answer
            {
                phase.joined(*seated);
            }
        }
    });
}
