//! Commands of a player who has left a seat have no effect for the player who takes it next.

use std::sync::Arc;

use quarrel_harness::{sim::SimWorld, within};
use quarrel_server::{
    lobby::{Directory, directory::JoinedSeat},
    room::{RoomCommand, RoomEvent, inbox::Occupation},
};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    id::PlayerId,
    protocol::{
        JoinTarget, TicketNumber,
        bounded::Text,
        datagram::{InputBatch, StampedInput},
        messages::Name,
    },
};
use tokio::time::Instant;

/// A room with seats for a listener and one player.
const TWO_SEATS: &[(&str, &str)] = &[("room.seats", "2"), ("room.bots", "0"), ("room.rooms", "1")];

async fn join(lobby: &Arc<Directory<Crowd>>, player: u64) -> JoinedSeat<Crowd> {
    let name = Name::lossy("p");
    let join = lobby.join(JoinTarget::Quick, PlayerId(player), TicketNumber::default(), &name);
    within("a seat", join).await.expect("a free seat")
}

/// A player who takes the seat that another has just left, with the occupation of that one.
async fn successor(lobby: &Arc<Directory<Crowd>>) -> (JoinedSeat<Crowd>, Occupation) {
    let leaver = join(lobby, 2).await;
    let stale = leaver.handle.occupation;
    drop(leaver);
    let newcomer = join(lobby, 3).await;
    assert_eq!(newcomer.handle.occupation.seat, stale.seat, "the newcomer must get the seat that was left");
    (newcomer, stale)
}

#[test]
fn a_chat_line_of_a_player_who_has_left_is_not_sent_as_the_next_players() {
    SimWorld::<Crowd>::run(1, TWO_SEATS, async |world| {
        let lobby = world.server().lobby();
        let mut listener = join(lobby, 1).await;
        let (newcomer, stale) = successor(lobby).await;
        let chat = |occupation, text| {
            assert!(newcomer.room.try_send(RoomCommand::Chat { occupation, text: Text::lossy(text) }));
        };
        chat(stale, "of the leaver");
        chat(newcomer.handle.occupation, "of the newcomer");
        let line = async {
            loop {
                match listener.handle.events.recv().await {
                    Some(RoomEvent::Chat { text, .. }) => return text.to_string(),
                    Some(_) => {}
                    None => panic!("the room must stay open"),
                }
            }
        };
        assert_eq!(within("a line", line).await, "of the newcomer");
    });
}

#[test]
fn inputs_of_a_player_who_has_left_do_not_steer_for_the_next_player() {
    SimWorld::<Crowd>::run(2, TWO_SEATS, async |world| {
        let (mut newcomer, stale) = successor(world.server().lobby()).await;
        let tick = newcomer.room.status().tick().after(10);
        let batch = InputBatch::new(tick, StampedInput::at(tick, Steering { bend: 99 }));
        assert!(newcomer.room.try_send(RoomCommand::Input {
            occupation: stale,
            arrived: Instant::now(),
            batch
        }));
        let frames = &mut newcomer.handle.frames;
        let later = frames.wait_for(|frame| frame.as_ref().is_some_and(|frame| frame.tick() > tick));
        let frame = within("the tick of the input", later).await.expect("an open room").clone();
        let frame = frame.expect("a frame");
        let walker = frame.entities().iter().find(|(_, walker)| walker.seat == stale.seat);
        assert_eq!(walker.expect("the newcomer's walker").1.bend, 0, "the newcomer has sent no input");
    });
}
