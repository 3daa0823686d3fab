//! The event queue of a held seat: a busy room must not overflow it while the seat is held.

use quarrel_server::room::{HeldSeatPolicy, RoomState, inbox::MAX_QUEUED_EVENTS};
use quarrel_shared::{
    arena::Arena,
    game::{Audience, Game, Setup},
    id::{PlayerId, SeatId},
    protocol::{TicketNumber, messages::Name},
    tick::TickRate,
};

/// The default hold time of a seat.
const HOLD_S: u32 = 30;

/// The measured time of fighting.
const WATCHED_S: u32 = 180;

/// The maximum number of events for one seat of this room in any span of [`HOLD_S`]: every seat fights, and bots never tire.
fn busiest_span<G: Game>(seats: u16) -> usize {
    let rate = TickRate::default();
    let setup = Setup { settings: G::Settings::default(), seed: 7, seats, tick_rate: rate };
    let mut room = RoomState::<G>::new(&setup, seats - 1, G::SKILLS.last().copied().unwrap_or_default());
    let mut changed = Vec::new();
    let seat = room
        .take_seat(PlayerId(1), TicketNumber::default(), Name::lossy("away"), &mut changed)
        .expect("an empty room");
    room.settle_bots(&mut changed);
    room.hold(seat, HeldSeatPolicy::Bot);
    let counts: Vec<usize> = (0..WATCHED_S * u32::from(rate.hz()))
        .map(|_| {
            room.step();
            room.publish();
            room.drain_events().filter(|(audience, _)| includes(audience, seat)).count()
        })
        .collect();
    let span = (HOLD_S * u32::from(rate.hz())) as usize;
    counts.windows(span).map(|span| span.iter().sum()).max().unwrap_or_default()
}

fn includes(audience: &Audience, seat: SeatId) -> bool {
    match audience {
        Audience::All => true,
        Audience::Only(only) => *only == seat,
        Audience::Seats(seats) => seats.contains(&seat),
    }
}

#[test]
fn the_event_queue_of_a_held_seat_holds_the_busiest_fight_of_a_full_arena() {
    let max = busiest_span::<Arena>(Arena::ROOM.seats);
    println!("{max} events in {HOLD_S} s");
    assert!(max > 0, "the fight must produce events");
    // The other half is for chat and roster changes.
    assert!(
        max <= MAX_QUEUED_EVENTS / 2,
        "events must fill at most half of the queue: {max} in {HOLD_S} s of {MAX_QUEUED_EVENTS}"
    );
}
