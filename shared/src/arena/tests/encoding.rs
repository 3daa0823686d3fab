//! Round trips of every encoding: entities, deltas, inputs, events.

use proptest::prelude::*;

use crate::{
    arena::{
        ArenaEntity, Body, Bolt, Event, Fighter, Input, Kit, Map, Match, Mode, Phase, Pickup, PickupKind,
        Score, Team, VELOCITY_STEP, Weapon, Winner,
    },
    bits::{BitReader, BitWriter, Bits},
    game::{Angle, Entity, Point},
    id::SeatId,
    tick::{Tick, TickRate},
};

fn place() -> impl Strategy<Value = Point> {
    (0..Map::EXTENT.x, 0..Map::EXTENT.y).prop_map(|(x, y)| Point::new(x, y))
}

fn seat() -> impl Strategy<Value = SeatId> {
    any::<u16>().prop_map(SeatId)
}

fn team() -> impl Strategy<Value = Option<Team>> {
    prop_oneof![Just(None), Just(Some(Team::Red)), Just(Some(Team::Blue))]
}

fn weapon() -> impl Strategy<Value = Weapon> {
    proptest::sample::select(&Weapon::ALL)
}

fn kind() -> impl Strategy<Value = PickupKind> {
    proptest::sample::select(&PickupKind::ALL)
}

fn rate() -> impl Strategy<Value = TickRate> {
    TickRate::RANGE.prop_map(|hz| TickRate::new(hz).unwrap())
}

fn body() -> impl Strategy<Value = Body> {
    (place(), -600..600i32, -600..600i32, any::<u16>(), 0..300u16, 0..60u8, rate()).prop_map(
        |(at, x, y, aim, dash_wait, phase, rate)| {
            let velocity = Point::new(x * VELOCITY_STEP, y * VELOCITY_STEP);
            Body { at, velocity, aim: Angle(aim), dash_wait, phase, rate }
        },
    )
}

fn fighter() -> impl Strategy<Value = ArenaEntity> {
    (seat(), team(), body(), weapon(), any::<bool>(), any::<[u8; 3]>()).prop_map(
        |(seat, team, body, weapon, is_drawing, [health, armour, life])| {
            ArenaEntity::Fighter(Fighter { seat, team, body, weapon, is_drawing, health, armour, life })
        },
    )
}

fn kit() -> impl Strategy<Value = ArenaEntity> {
    (seat(), any::<u8>(), any::<u16>(), any::<u16>(), any::<u16>()).prop_map(
        |(seat, quiver, busy_ticks, drawn_ticks, respawn_ticks)| {
            ArenaEntity::Kit(Kit { seat, quiver, busy_ticks, drawn_ticks, respawn_ticks })
        },
    )
}

fn score() -> impl Strategy<Value = ArenaEntity> {
    (seat(), team(), any::<u16>(), any::<u16>()).prop_map(|(seat, team, eliminations, deaths)| {
        ArenaEntity::Score(Score { seat, team, eliminations, deaths })
    })
}

fn bolt() -> impl Strategy<Value = ArenaEntity> {
    (seat(), place(), any::<u16>(), any::<u16>(), rate()).prop_map(|(owner, from, aim, age_ticks, rate)| {
        ArenaEntity::Bolt(Bolt { owner, from, aim: Angle(aim), age_ticks, rate })
    })
}

fn pickup() -> impl Strategy<Value = ArenaEntity> {
    (place(), kind(), any::<u16>())
        .prop_map(|(at, kind, away_ticks)| ArenaEntity::Pickup(Pickup { at, kind, away_ticks }))
}

fn match_state() -> impl Strategy<Value = ArenaEntity> {
    (any::<u64>(), any::<bool>(), any::<bool>(), any::<u32>(), any::<u32>(), any::<[u16; 2]>()).prop_map(
        |(seed, teams, over, ends, number, team_scores)| {
            let mode = if teams { Mode::Teams } else { Mode::FreeForAll };
            let phase = if over { Phase::Result } else { Phase::Playing };
            ArenaEntity::Match(Match { seed, mode, phase, ends: Tick(ends), number, team_scores })
        },
    )
}

/// Two states of one entity.
fn pair() -> impl Strategy<Value = (ArenaEntity, ArenaEntity)> {
    prop_oneof![
        (fighter(), fighter()),
        (kit(), kit()),
        (score(), score()),
        (bolt(), bolt()),
        (pickup(), pickup()),
        (match_state(), match_state()),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (seat(), weapon(), any::<u16>()).prop_map(|(seat, weapon, aim)| Event::Fired {
            seat,
            weapon,
            aim: Angle(aim)
        }),
        (weapon(), place()).prop_map(|(weapon, at)| Event::sound(weapon, at)),
        (seat(), seat(), weapon(), any::<u8>()).prop_map(|(by, victim, weapon, damage)| Event::Hit {
            by,
            victim,
            weapon,
            damage
        }),
        (seat(), seat(), weapon()).prop_map(|(by, victim, weapon)| Event::Eliminated { by, victim, weapon }),
        (seat(), place()).prop_map(|(seat, at)| Event::Respawned { seat, at }),
        (seat(), kind()).prop_map(|(seat, kind)| Event::PickupTaken { seat, kind }),
        any::<u64>().prop_map(|seed| Event::MatchStarted { seed }),
        prop_oneof![
            Just(Winner::Draw),
            seat().prop_map(Winner::Seat),
            Just(Winner::Team(Team::Red)),
            Just(Winner::Team(Team::Blue)),
        ]
        .prop_map(|winner| Event::MatchEnded { winner }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    (-127..=127i8, -127..=127i8, any::<u16>(), weapon(), any::<bool>(), any::<bool>()).prop_map(
        |(move_x, move_y, aim, weapon, fire, dash)| Input {
            move_x,
            move_y,
            aim: Angle(aim),
            weapon,
            fire,
            dash,
        },
    )
}

/// Encodes, decodes, and checks that no bytes are left.
fn copied<T>(
    write: impl Fn(&mut BitWriter),
    read: impl Fn(&mut BitReader<'_>) -> Result<T, crate::bits::BitsError>,
) -> T {
    let mut out = BitWriter::new();
    write(&mut out);
    let mut from = BitReader::new(out.finish());
    let value = read(&mut from).unwrap();
    from.finish().unwrap();
    value
}

proptest! {
    #[test]
    fn an_entity_round_trips((entity, _) in pair()) {
        prop_assert_eq!(copied(|out| entity.encode(out), ArenaEntity::decode), entity);
    }

    #[test]
    fn a_delta_decodes_to_the_new_state((old, new) in pair(), ticks in 0..64u32) {
        let expected = old.extrapolate(ticks);
        let write = |out: &mut BitWriter| new.encode_delta(&expected, out);
        let copy = copied(write, |from| ArenaEntity::decode_delta(&expected, from));
        prop_assert_eq!(copy, new);
    }

    #[test]
    fn a_delta_between_two_kinds_decodes_to_the_new_state(
        (old, _) in pair(), (new, _) in pair(), ticks in 0..64u32,
    ) {
        let expected = old.extrapolate(ticks);
        prop_assume!(expected != new);
        let write = |out: &mut BitWriter| new.encode_delta(&expected, out);
        let copy = copied(write, |from| ArenaEntity::decode_delta(&expected, from));
        prop_assert_eq!(copy, new);
    }

    #[test]
    fn an_input_round_trips(input in input()) {
        prop_assert_eq!(copied(|out| input.encode(out), Input::decode), input);
    }

    #[test]
    fn an_event_round_trips(event in event()) {
        prop_assert_eq!(copied(|out| event.encode(out), Event::decode), event);
    }

    #[test]
    fn any_bytes_decode_to_a_state_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..64), (old, _) in pair(), ticks in any::<u32>(),
    ) {
        let _ = Input::decode(&mut BitReader::new(&bytes));
        let _ = Event::decode(&mut BitReader::new(&bytes));
        // A decoded state must also be safe to use.
        for read in [
            ArenaEntity::decode(&mut BitReader::new(&bytes)),
            ArenaEntity::decode_delta(&old, &mut BitReader::new(&bytes)),
        ].into_iter().flatten() {
            let later = read.extrapolate(ticks);
            let _ = later.place();
            let _ = ArenaEntity::decode_delta(&later, &mut BitReader::new(&bytes));
        }
    }
}
