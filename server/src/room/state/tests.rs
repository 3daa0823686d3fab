//! Tests of a room's seats, bots, inputs and held seats over several ticks.

use quarrel_shared::crowd::{Crowd, CrowdSettings, Steering};

use super::*;

fn room(seats: u16, bots: u16) -> RoomState<Crowd> {
    let setup = Setup { settings: CrowdSettings {}, seed: 5, seats, tick_rate: TickRate::default() };
    RoomState::new(&setup, bots, "stroll")
}

fn join(room: &mut RoomState<Crowd>, player: u64) -> Option<SeatId> {
    let seat = room.take_seat(PlayerId(player), TicketNumber::default(), Name::lossy("p"), &mut Vec::new());
    room.settle_bots(&mut Vec::new());
    seat
}

#[test]
fn bots_fill_empty_seats_and_leave_as_players_join() {
    let mut room = room(4, 3);
    room.settle_bots(&mut Vec::new());
    assert_eq!(room.occupancy(), (0, 3));
    let occupancy: Vec<_> = (0..4)
        .map(|player| {
            join(&mut room, player);
            room.occupancy()
        })
        .collect();
    assert_eq!(occupancy, [(1, 3), (2, 2), (3, 1), (4, 0)]);
    assert_eq!(join(&mut room, 9), None, "a player does not get another player's seat");
    room.leave_seat(SeatId(2), &mut Vec::new());
    room.settle_bots(&mut Vec::new());
    assert_eq!(room.occupancy(), (3, 1), "a bot takes the seat that a player left");
}

#[test]
fn an_input_takes_effect_at_its_tick_and_sets_the_margin() {
    let mut room = room(2, 0);
    let seat = join(&mut room, 1).unwrap();
    room.input(seat, &InputBatch::new(Tick(3), StampedInput::at(Tick(3), Steering { bend: 9 })), 16);
    let bend_at: Vec<_> = (1..=3)
        .map(|_| {
            room.step();
            room.publish().entities()[0].1.bend
        })
        .collect();
    assert_eq!(bend_at, [0, 0, 9]);
    let seat_frame = room.frame().seat(seat).unwrap();
    assert_eq!((seat_frame.margin, seat_frame.used), (Some(32), Some(Tick(3))), "two ticks early, and used");
}

#[test]
fn a_held_seat_is_idle_and_uses_inputs_again_when_its_player_returns() {
    let mut room = room(2, 0);
    let seat = join(&mut room, 1).unwrap();
    let bend = |tick| InputBatch::new(Tick(tick), StampedInput::at(Tick(tick), Steering { bend: 9 }));
    room.input(seat, &bend(1), 0);
    room.hold(seat, HeldSeatPolicy::Idle);
    room.step();
    assert_eq!(room.publish().entities()[0].1.bend, 0, "inputs received before the hold are not used");
    assert_eq!(room.occupancy(), (1, 0), "the seat is still a player's");
    room.resume_seat(seat, TicketNumber::default());
    assert_eq!(room.publish().seat(seat).unwrap().used, None, "a new connection has sent nothing yet");
    room.input(seat, &bend(2), 16);
    room.step();
    assert_eq!(room.publish().entities()[0].1.bend, 9);
}

#[test]
fn inputs_of_a_lost_connection_are_not_used_after_the_return() {
    let mut room = room(2, 0);
    let seat = join(&mut room, 1).unwrap();
    let bend = |bend| InputBatch::new(Tick(1), StampedInput::at(Tick(1), Steering { bend }));
    room.input(seat, &bend(9), 0);
    // The player was away and returned between two ticks.
    room.resume_seat(seat, TicketNumber::default());
    room.input(seat, &bend(4), 0);
    room.step();
    assert_eq!(room.publish().entities()[0].1.bend, 4);
}

#[test]
fn a_bot_controls_a_held_seat_and_the_roster_does_not_change() {
    let mut room = room(2, 0);
    let seat = join(&mut room, 1).unwrap();
    room.publish();
    let before: Vec<_> = room.roster().collect();
    room.hold(seat, HeldSeatPolicy::Bot);
    let bends = (0..300).filter(|_| {
        room.step();
        room.publish().entities()[0].1.bend != 0
    });
    assert!(bends.count() > 0, "the bot steers");
    assert_eq!(room.roster().collect::<Vec<_>>(), before, "the roster does not change");
    assert_eq!(room.take_counts().starved, 0, "a held seat is never starved");
}

#[test]
fn a_starved_seat_repeats_its_last_input_for_a_quarter_second_without_rewinding() {
    let mut room = room(2, 0);
    let seat = join(&mut room, 1).unwrap();
    let long_ago = StampedInput { input: Steering { bend: 9 }, seen: SubTick::default() };
    room.input(seat, &InputBatch::new(Tick(5), long_ago), 0);
    (1..=4).for_each(|_| room.step());
    let inputs: Vec<_> = (5..=14)
        .map(|_| {
            room.step();
            (room.entries.inputs[0], room.entries.seen[0])
        })
        .collect();
    let coasts = |tick| (Some(Crowd::coast(&Steering { bend: 9 })), SubTick::of(Tick(tick)));
    assert_eq!(
        inputs[0],
        (Some(Steering { bend: 9 }), SubTick::default()),
        "its own input, with its own time"
    );
    assert_eq!(inputs[1..8], (6..13).map(coasts).collect::<Vec<_>>(), "a repeated input is not rewound");
    assert_eq!(inputs[8], (None, SubTick::of(Tick(13))), "then it has no input");
}

#[test]
fn an_input_for_a_seat_that_does_not_exist_changes_nothing() {
    let mut room = room(2, 0);
    room.input(SeatId(9), &InputBatch::new(Tick(3), StampedInput::at(Tick(3), Steering { bend: 9 })), 0);
    room.step();
    assert_eq!(room.tick(), Tick(1));
}
