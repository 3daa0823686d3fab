//! Client prediction: equal to the server's state when its inputs are the server's; a missing input never fires a weapon.

use super::rig::{Rig, see};
use crate::{
    arena::{Arena, ArenaEntity, Bolt, Event, Fighter, Input, Kit, Phase, Scene, Settings, Weapon},
    game::{Angle, Game, GameRng, Observation, Predict, PredictedEntities},
    id::{EntityId, SeatId},
    tick::TickRate,
};

/// The largest lead of a prediction in this test, in ticks.
const AHEAD: u32 = 20;

/// A client of one seat: its scene and its predicted entities.
struct Client {
    seat: SeatId,
    scene: Scene,
    own: PredictedEntities<ArenaEntity>,
}

/// A seat's own entities, with bolts in a defined order.
#[derive(Debug, PartialEq)]
struct OwnEntities {
    fighter: Fighter,
    kit: Kit,
    bolts: Vec<Bolt>,
}

impl OwnEntities {
    fn of<'a>(entities: impl Iterator<Item = &'a ArenaEntity>) -> Self {
        let (mut fighter, mut kit, mut bolts) = (None, None, Vec::new());
        for entity in entities {
            match entity {
                ArenaEntity::Fighter(one) => fighter = Some(one.clone()),
                ArenaEntity::Kit(one) => kit = Some(one.clone()),
                ArenaEntity::Bolt(one) => bolts.push(one.clone()),
                other => panic!("{other:?} is not predicted"),
            }
        }
        bolts.sort_by_key(|bolt| (bolt.age_ticks, bolt.aim, bolt.from));
        Self { fighter: fighter.expect("a fighter"), kit: kit.expect("a kit"), bolts }
    }
}

impl Client {
    /// Confirms the room's current state. Bolts are confirmed whether visible or not: a client cannot predict that its bolt
    /// leaves its range of sight.
    fn confirm(rig: &Rig, seat: SeatId) -> Self {
        let mut view: Vec<(EntityId, ArenaEntity)> = Vec::new();
        see(&rig.arena, seat, &mut view);
        let seen = Observation { tick: rig.tick, rate: rig.setup.tick_rate, seat, entities: &view };
        let mut client = Self { seat, scene: Scene::default(), own: PredictedEntities::new() };
        Arena::observe(&mut client.scene, &seen);
        for (id, entity) in
            rig.arena.entities().iter().filter(|(_, entity)| Arena::is_predicted(entity, seat))
        {
            client.own.confirm(id, entity.clone());
        }
        client
    }

    fn predict(&mut self, input: &Input, rate: TickRate) -> OwnEntities {
        Arena::predict(&mut self.own, input, &self.scene, rate);
        OwnEntities::of(self.own.iter().map(|(_, entity)| entity))
    }
}

/// Inputs for one tick: the bots' own, with random trigger, weapon and dash in some.
fn decide(rig: &mut Rig, rng: &mut GameRng) -> Vec<Option<Input>> {
    let mut inputs = rig.decide();
    for input in inputs.iter_mut().flatten().step_by(2) {
        if rng.chance(1, 3) {
            input.fire = rng.chance(1, 2);
            input.weapon = rng.pick(&Weapon::ALL).copied().unwrap_or_default();
            input.dash = rng.chance(1, 4);
        }
    }
    inputs
}

/// Whether a seat cannot predict this event: hits by others, pickups, its spawn position, the next match.
fn is_unpredictable(event: &Event, seat: SeatId) -> bool {
    match *event {
        Event::Hit { victim, .. } | Event::Eliminated { victim, .. } => victim == seat,
        Event::PickupTaken { seat: who, .. } | Event::Respawned { seat: who, .. } => who == seat,
        Event::MatchStarted { .. } => true,
        _ => false,
    }
}

fn own_in(rig: &Rig, seat: SeatId) -> OwnEntities {
    OwnEntities::of(
        rig.arena
            .entities()
            .iter()
            .map(|(_, entity)| entity)
            .filter(|entity| Arena::is_predicted(entity, seat)),
    )
}

/// Counts of predictions that were compared with the server's state.
#[derive(Debug, Default)]
struct Compared {
    ticks: u32,
    bolts: usize,
    guessed: u32,
    ends: u32,
}

/// Predicts from now until an unpredictable event, and compares every tick with the room's state.
fn compare(rig: &mut Rig, seat: SeatId, rng: &mut GameRng, compared: &mut Compared) {
    let rate = rig.setup.tick_rate;
    let mut client = Client::confirm(rig, seat);
    let (was, ends) = (rig.arena.current_match.state.phase, rig.arena.current_match.state.ends);
    let mut has_hit = false;
    for ahead in 1..=AHEAD {
        let inputs = decide(rig, rng);
        let events: Vec<Event> = rig.step_with(&inputs).into_iter().map(|(_, event)| event).collect();
        // A win before the time limit is unpredictable; and more than a second ahead, so is the tick number.
        let is_over = was == Phase::Playing && rig.arena.current_match.state.phase != was;
        let is_early_end = is_over && (rig.tick < ends || ahead > u32::from(rate.hz()));
        if is_early_end || events.iter().any(|event| is_unpredictable(event, client.seat)) {
            return;
        }
        // A bolt ends in the fighter that it hits, which only the server knows; one that reaches a fighter eliminated in the
        // same tick hits nothing and ends too.
        has_hit |= events.iter().any(|event| match *event {
            Event::Hit { by, weapon, .. } => by == seat && weapon == Weapon::Crossbow,
            Event::Eliminated { .. } => true,
            _ => false,
        });
        let mut guess = client.predict(inputs[seat.index()].as_ref().unwrap(), rate);
        let truth = own_in(rig, seat);
        if has_hit {
            assert!(truth.bolts.iter().all(|bolt| guess.bolts.contains(bolt)), "at {}", rig.tick);
            guess.bolts.clone_from(&truth.bolts);
        }
        assert_eq!(guess, truth, "{ahead} ticks ahead, at {} and {} Hz", rig.tick, rate.hz());
        compared.ticks += 1;
        compared.bolts += truth.bolts.len();
        compared.guessed += client.own.iter().filter(|(id, _)| id.is_none()).count() as u32;
        compared.ends += u32::from(rig.arena.current_match.state.phase != was);
    }
}

#[test]
fn a_prediction_with_the_right_inputs_equals_the_server_state() {
    let settings = Settings { score_to_win: 500, time_limit_s: 10, result_s: 2, ..Settings::default() };
    let mut compared = Compared::default();
    for (seed, hz) in (0..).zip([5, 10, 20, 30, 30, 60, 128, 128]) {
        let skills = ["hunt", "skirmish", "wander", "skirmish", "hunt"];
        let mut rig = Rig::new(&skills, settings.clone(), hz, 100 * seed + 3);
        let mut rng = GameRng::new(seed, 1);
        for round in 0.. {
            if rig.tick.0 > u32::from(hz) * 45 {
                break;
            }
            compare(&mut rig, SeatId(round % 5), &mut rng, &mut compared);
            rig.step();
        }
    }
    assert!(
        compared.ticks > 10_000 && compared.bolts > 1000 && compared.guessed > 500 && compared.ends > 20,
        "{compared:?}"
    );
}

#[test]
fn a_predicted_bolt_moves_from_the_tick_after_the_shot_and_ends_at_a_wall() {
    let mut rig = Rig::new(&["wander"], Settings::default(), 30, 2);
    let mut client = Client::confirm(&rig, SeatId(0));
    let rate = rig.setup.tick_rate;
    let shoot = Input { fire: true, aim: Angle(7000), ..Input::default() };
    let shot = client.predict(&shoot, rate);
    assert_eq!((shot.bolts[0].age_ticks, shot.kit.quiver), (0, Kit::INITIAL_QUIVER - 1));
    rig.step_with(&[Some(shoot)]);
    let rest = Input { aim: Angle(7000), ..Input::default() };
    let mut ages = Vec::new();
    while let [bolt] = client.predict(&rest, rate).bolts.as_slice() {
        rig.step_with(&[Some(rest)]);
        assert_eq!(own_in(&rig, SeatId(0)).bolts.first(), Some(bolt), "field for field");
        ages.push(bolt.age_ticks);
    }
    rig.step_with(&[Some(rest)]);
    assert!(own_in(&rig, SeatId(0)).bolts.is_empty() && ages.len() > 2);
    assert!(ages.iter().copied().eq(1..=ages.len() as u16));
}

#[test]
fn an_eliminated_fighter_predicts_only_its_respawn_time_and_its_bolts() {
    let mut rig = Rig::new(&["wander", "wander"], Settings::default(), 30, 2);
    let shoot = Input { fire: true, ..Input::default() };
    rig.step_with(&[Some(shoot), None]);
    let player = rig.arena.player_mut(SeatId(0)).unwrap();
    player.fighter.state.health = 0;
    player.kit.state.respawn_ticks = 60;
    rig.arena.publish();
    let mut client = Client::confirm(&rig, SeatId(0));
    let before = own_in(&rig, SeatId(0));
    let walk = Input { move_x: 127, dash: true, ..shoot };
    for tick in 1..60 {
        let guess = client.predict(&walk, rig.setup.tick_rate);
        rig.step_with(&[Some(walk), None]);
        assert_eq!(guess, own_in(&rig, SeatId(0)));
        assert_eq!((guess.fighter.body.at, guess.kit.respawn_ticks), (before.fighter.body.at, 60 - tick));
    }
}

#[test]
fn a_prediction_fires_no_weapon_while_the_result_is_shown() {
    let settings = Settings { time_limit_s: 10, ..Settings::default() };
    let mut rig = Rig::new(&["wander"], settings, 30, 2);
    while rig.arena.current_match.state.phase == Phase::Playing {
        rig.step_with(&[None]);
    }
    let mut client = Client::confirm(&rig, SeatId(0));
    let shoot = Input { fire: true, weapon: Weapon::Longbow, ..Input::default() };
    let guess = client.predict(&shoot, rig.setup.tick_rate);
    rig.step_with(&[Some(shoot)]);
    assert_eq!(guess, own_in(&rig, SeatId(0)));
    assert_eq!((guess.kit.drawn_ticks, guess.fighter.weapon), (0, Weapon::Crossbow));
}

/// Holds each weapon for some ticks, then sends nothing: first the game coasts, then there is no input at all.
#[test]
fn a_seat_without_inputs_fires_nothing() {
    for hz in [10, 30, 60, 128] {
        for weapon in Weapon::ALL {
            for (held, coasted) in [(0, 3), (1, 0), (3, 9), (hz / 2 - 1, 4), (hz / 2, 0), (hz, 30), (hz, 0)] {
                let mut rig = Rig::new(&["wander"], Settings::default(), hz, 5);
                let mut last = Input { weapon, fire: true, ..Input::default() };
                (0..held).for_each(|_| drop(rig.step_with(&[Some(last)])));
                let drawn = own_in(&rig, SeatId(0)).fighter.is_drawing;
                for _ in 0..coasted {
                    last = Arena::coast(&last);
                    assert_no_shot(&mut rig, Some(last));
                }
                (0..3 * hz).for_each(|_| assert_no_shot(&mut rig, None));
                assert_eq!(
                    own_in(&rig, SeatId(0)).fighter.is_drawing,
                    drawn || weapon == Weapon::Longbow && coasted > 0
                );
            }
        }
    }
}

fn assert_no_shot(rig: &mut Rig, input: Option<Input>) {
    let events = rig.step_with(&[input]);
    let fired = events.iter().find(|(_, event)| matches!(event, Event::Fired { .. }));
    assert_eq!(fired, None, "at {} with {input:?}", rig.tick);
}
