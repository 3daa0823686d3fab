//! What waits for a player who is away: as long as seats are held, a busy room must not run over.

use quarrel_server::room::{HeldSeatPolicy, RoomState, inbox::MAX_QUEUED_EVENTS};
use quarrel_shared::{
    arena::Arena,
    game::{Audience, Game, Setup},
    id::{PlayerId, SeatId},
    protocol::{TicketNumber, messages::Name},
    tick::TickRate,
};

/// How long seats are held unless an operator says otherwise.
const HOLD_S: u32 = 30;

/// How long the fight is watched.
const WATCHED_S: u32 = 180;

/// The most facts that one seat of this room is told of in any span of [`HOLD_S`]: every seat fights, and nobody is ever tired.
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
    let told: Vec<usize> = (0..WATCHED_S * u32::from(rate.hz()))
        .map(|_| {
            room.step();
            room.publish();
            room.drain_events().filter(|(audience, _)| is_told(audience, seat)).count()
        })
        .collect();
    let span = (HOLD_S * u32::from(rate.hz())) as usize;
    told.windows(span).map(|span| span.iter().sum()).max().unwrap_or_default()
}

fn is_told(audience: &Audience, seat: SeatId) -> bool {
    match audience {
        Audience::All => true,
        Audience::Only(only) => *only == seat,
        Audience::Seats(seats) => seats.contains(&seat),
    }
}

#[test]
fn what_happens_in_a_full_arena_while_a_seat_is_held_waits_for_its_player() {
    let most = busiest_span::<Arena>(Arena::ROOM.seats);
    println!("{most} facts in {HOLD_S} s");
    assert!(most > 0, "it is a fight");
    // The other half is for chat, and for those who come and go.
    assert!(most <= MAX_QUEUED_EVENTS / 2, "{most} facts in {HOLD_S} s, and {MAX_QUEUED_EVENTS} may wait");
}
