//! The screen: the drawn state of one seat. Other players' entities are drawn a little in the past, between
//! two snapshots; the seat's own entities are drawn in the present, predicted.
//!
//! The connection's task adds snapshots and inputs. The program draws at its own frame rate.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quarrel_shared::{
    game::{Entity, Observation, Predict, PredictedEntities},
    id::{EntityId, SeatId},
    snapshot::View,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use crate::{
    input::clock::InputSlot,
    view::{
        interpolation::{Interpolation, Motion},
        matching::{predecessor, unconfirmed},
        playout::Playout,
        prediction::{Prediction, PredictionCounts},
    },
};

/// The drawn state of one seat.
pub struct Screen<G: Predict> {
    seat: SeatId,
    rate: TickRate,
    playout: Playout,
    interpolation: Interpolation<G::Entity>,
    prediction: Prediction<G>,
    /// The time at which the input of the newest predicted tick was due. In the tick period after it, own entities are drawn on the way
    /// from the previous tick to the newest one; then they stand still.
    predicted_at: Duration,
}

/// Everything to draw at one time.
#[derive(Clone, Debug)]
pub struct Drawn<E> {
    /// The displayed time: the time in the room at which others are drawn, in the past.
    pub interpolated_at: SubTick,
    /// Whether others are interpolated at that time, extrapolated, or frozen.
    pub motion: Motion,
    /// The newest predicted tick, which the seat's own entities have reached or are approaching.
    pub tick: Tick,
    /// All entities with an id, in ascending order of ids: others and the seat's own.
    pub entities: Vec<(EntityId, E)>,
    /// Entities without an id: prediction spawned them for the seat, and the server has not confirmed them yet.
    pub predicted_spawns: Vec<E>,
}

impl<E> Drawn<E> {
    /// Returns the drawn entities with an id in the form in which a bot behaviour (brain) receives them.
    pub fn observation<G: Predict<Entity = E>>(&self, rate: TickRate, seat: SeatId) -> Observation<'_, G> {
        Observation { tick: self.tick, rate, seat, entities: &self.entities }
    }
}

impl<G: Predict> Screen<G> {
    /// Creates an empty screen for a seat in a room with this tick rate, whose snapshots are `send_interval` ticks apart.
    #[must_use]
    pub(crate) fn new(seat: SeatId, rate: TickRate, send_interval: u32) -> Self {
        Self {
            seat,
            rate,
            playout: Playout::new(rate, send_interval),
            interpolation: Interpolation::new(rate),
            prediction: Prediction::new(rate),
            predicted_at: Duration::ZERO,
        }
    }

    /// Adds a snapshot, which must be newer than all before. If the snapshot moves the seat's own entities from their predicted positions,
    /// returns the largest distance, in 1/256 unit.
    pub(crate) fn on_snapshot(&mut self, view: &Arc<View<G::Entity>>, now: Duration) -> Option<u32> {
        self.playout.on_snapshot(view.tick, now);
        self.interpolation.push(Arc::clone(view));
        let seen =
            Observation { tick: view.tick, rate: self.rate, seat: self.seat, entities: &view.entities };
        let corrections = self.prediction.counts().corrections;
        self.prediction.reconcile(&seen, now);
        let counts = self.prediction.counts();
        (counts.corrections > corrections).then_some(counts.last_correction)
    }

    /// Adjusts the displayed time to a slip: ticks that the server skipped after a stall. `since` is the arrival of the first snapshot
    /// after the slip.
    pub(crate) fn on_slip(&mut self, since: Duration) {
        self.playout.on_slip(since);
    }

    /// Predicts the slot's tick with the seat's input.
    pub(crate) fn push_input(&mut self, slot: InputSlot, input: G::Input) {
        if self.prediction.push(slot.tick, input, slot.due) {
            self.predicted_at = slot.due;
        }
    }

    /// Advances the displayed time to that of `now`. Returns it, and how others move at it; `None` before the first snapshot.
    pub fn advance(&mut self, now: Duration) -> Option<(SubTick, Motion)> {
        let wanted = self.playout.advance(now)?;
        let (displayed, motion) = self.interpolation.clamp(wanted);
        self.interpolation.discard_before(displayed);
        Some((displayed, motion))
    }

    /// Returns the drawn state without smoothing, for decisions such as aiming: the seat's own entities exactly at the newest predicted
    /// tick. `None` before the first snapshot.
    pub(crate) fn draw_unsmoothed(&mut self, now: Duration) -> Option<Drawn<G::Entity>> {
        self.compose(now, |_, _, newest| newest.clone())
    }

    /// Returns the state to draw: others interpolated between two snapshots; the seat's own entities predicted, interpolated between
    /// ticks, with corrections eased. `None` before the first snapshot.
    pub fn draw(&mut self, now: Duration) -> Option<Drawn<G::Entity>> {
        let period_us = (self.rate.period_ns() / 1000) as u32;
        let elapsed_us = now.saturating_sub(self.predicted_at).as_micros().min(u128::from(period_us)) as u32;
        self.compose(now, |screen, id, newest| {
            let between = match find_previous(screen.prediction.previous(), id, newest) {
                Some(old) if !old.jumps_to(newest) => old.interpolate(newest, elapsed_us, period_us),
                _ => newest.clone(),
            };
            let offset = id.map(|id| screen.prediction.corrections().offset(id, now));
            between.displaced(offset.unwrap_or_default())
        })
    }

    /// Returns the displayed tick: the newest tick up to the displayed time, at most that of the newest snapshot. Events up to this tick may
    /// be delivered. `None` before the first snapshot.
    pub(crate) fn displayed_tick(&mut self, now: Duration) -> Option<Tick> {
        let (displayed, _) = self.advance(now)?;
        Some(self.interpolation.newest_tick()?.min(displayed.tick()))
    }

    /// Returns the interpolation delay: the time by which others are drawn behind the fastest snapshots.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.playout.delay()
    }

    /// Returns the game's scene, such as walls: everything besides the seat's own entities that prediction needs.
    #[must_use]
    pub const fn scene(&self) -> &G::Scene {
        self.prediction.scene()
    }

    /// Returns the prediction counts since the start.
    #[must_use]
    pub const fn prediction(&self) -> PredictionCounts {
        self.prediction.counts()
    }

    /// Returns the drawn state, in which `draw_own` draws each of the seat's own entities, given its id and its newest predicted state.
    fn compose(
        &mut self,
        now: Duration,
        draw_own: impl Fn(&Self, Option<EntityId>, &G::Entity) -> G::Entity,
    ) -> Option<Drawn<G::Entity>> {
        let (interpolated_at, motion) = self.advance(now)?;
        let (tick, own) = self.prediction.newest()?;
        let mut entities = Vec::new();
        self.interpolation.sample(
            interpolated_at,
            |entity| G::is_predicted(entity, self.seat),
            &mut entities,
        );
        let mut predicted_spawns = Vec::new();
        for (id, entity) in own.iter() {
            let drawn = draw_own(self, id, entity);
            match id {
                // A seat has few own entities, so inserting each in order is cheap.
                Some(id) => {
                    let index = entities.partition_point(|(other, _)| *other <= id);
                    entities.insert(index, (id, drawn));
                }
                None => predicted_spawns.push(drawn),
            }
        }
        Some(Drawn { interpolated_at, motion, tick, entities, predicted_spawns })
    }
}

/// Returns one of the seat's own entities as it was one tick earlier. An entity without an id is identified by its motion.
fn find_previous<'a, E: Entity>(
    previous: &'a PredictedEntities<E>,
    id: Option<EntityId>,
    newest: &E,
) -> Option<&'a E> {
    match id {
        Some(_) => previous.iter().find(|(other, _)| *other == id).map(|(_, entity)| entity),
        None => unconfirmed(previous).nth(predecessor(newest, unconfirmed(previous))?),
    }
}

/// The screen that the connection's task, which adds snapshots and inputs, shares with the program, which draws. There is no screen
/// without a seat. The lock is held for one call, and never across an await.
pub struct SharedScreen<G: Predict>(Arc<Mutex<Option<Screen<G>>>>);

impl<G: Predict> Clone for SharedScreen<G> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<G: Predict> Default for SharedScreen<G> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<G: Predict> SharedScreen<G> {
    /// Replaces the screen; `None` when the seat is given up.
    pub(crate) fn set(&self, screen: Option<Screen<G>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = screen;
    }

    /// Calls `act` with the screen and returns its result; `None` without a seat. The screen's times count from
    /// [`Driver::epoch`](crate::Driver::epoch).
    pub fn with<T>(&self, act: impl FnOnce(&mut Screen<G>) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(act)
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        arena::{Arena, ArenaEntity, Input, Settings},
        crowd::{Crowd, Steering, Walker},
        game::{Angle, Game, Occupant, Place, Point, Setup, UNIT},
    };

    use super::*;

    const RATE: TickRate = TickRate::DEFAULT;
    const SEAT: SeatId = SeatId(0);
    const BOLT: EntityId = EntityId { slot: 500, generation: 0 };

    fn due(tick: u32) -> Duration {
        Duration::from_nanos(RATE.period_ns()) * tick
    }

    fn push<G: Predict>(screen: &mut Screen<G>, tick: u32, input: G::Input) {
        screen.push_input(InputSlot { tick: Tick(tick), due: due(tick) }, input);
    }

    fn receive<G: Predict>(screen: &mut Screen<G>, tick: u32, entities: Vec<(EntityId, G::Entity)>, at: u32) {
        screen.on_snapshot(&Arc::new(View { tick: Tick(tick), entities }), due(at));
    }

    #[test]
    fn own_entities_stand_still_once_prediction_has_stopped() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        let at = Point::new(9000, 9000);
        let walker = Walker { seat: SEAT, at, heading: Angle(0), bend: 0, pace: 40, health: 100 };
        receive(&mut screen, 10, vec![(EntityId::default(), walker)], 10);
        let mut drawn = Vec::new();
        for tick in 11..200 {
            push(&mut screen, tick, Steering::default());
            for part in 0..4 {
                let now = due(tick) + due(1) * part / 4;
                drawn.push(screen.draw(now).unwrap().entities[0].1.at.x);
            }
        }
        assert!(drawn.is_sorted(), "own entities never move back");
        assert_eq!(
            drawn[61 * 4..].iter().min(),
            drawn.last(),
            "own entities stand still after two seconds without snapshots"
        );
        assert_eq!(drawn.last(), Some(&(9000 + 60 * 40)));
    }

    #[test]
    fn own_entities_stand_still_while_the_clock_pauses_and_then_continue_without_a_correction() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        let walker = |tick: u32| {
            let at = Point::new(9000 + 40 * (tick as i32 - 10), 9000);
            Walker { seat: SEAT, at, heading: Angle(0), bend: 0, pace: 40, health: 100 }
        };
        receive(&mut screen, 10, vec![(EntityId::default(), walker(10))], 10);
        let mut drawn = Vec::new();
        // The server stalls after tick 10 and skips ten ticks; the clock pauses for as long after its tick 25.
        for now in 11..60 {
            if now >= 23 {
                receive(&mut screen, now - 12, vec![(EntityId::default(), walker(now - 12))], now);
            }
            match now {
                11..=25 => push(&mut screen, now, Steering::default()),
                36.. => {
                    screen.push_input(InputSlot { tick: Tick(now - 10), due: due(now) }, Steering::default())
                }
                _ => {}
            }
            drawn.push(screen.draw(due(now)).unwrap().entities[0].1.at.x);
        }
        assert_eq!(screen.prediction().corrections, 0);
        assert!(drawn.windows(2).all(|pair| (0..=40).contains(&(pair[1] - pair[0]))), "{drawn:?}");
        assert_eq!(drawn.last(), Some(&walker(48).at.x), "between tick 48 and the newest tick, 49");
    }

    #[test]
    fn events_past_the_newest_snapshot_wait_for_it() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        (10..=20).for_each(|tick| receive(&mut screen, tick, Vec::new(), tick));
        let ms = Duration::from_millis(1);
        assert_eq!(screen.displayed_tick(due(20) + ms), Some(Tick(18)), "two send intervals behind");
        let (displayed, motion) = screen.advance(due(24) + ms).unwrap();
        assert_eq!((displayed.tick(), motion), (Tick(22), Motion::Extrapolated));
        assert_eq!(screen.displayed_tick(due(24) + ms), Some(Tick(20)));
    }

    /// A server's room with one archer. It is stepped by the rules with which clients predict.
    struct ArcheryRoom {
        scene: <Arena as Predict>::Scene,
        entities: Vec<(EntityId, ArenaEntity)>,
        tick: u32,
    }

    impl ArcheryRoom {
        fn new() -> Self {
            let setup = Setup { settings: Settings::default(), seed: 2, seats: 1, tick_rate: RATE };
            let mut arena = Arena::new(&setup);
            arena.seat_taken(SEAT, Occupant::Player);
            let entities: Vec<_> = arena.entities().iter().map(|(id, entity)| (id, entity.clone())).collect();
            let mut scene = Default::default();
            Arena::observe(
                &mut scene,
                &Observation { tick: Tick(0), rate: RATE, seat: SEAT, entities: &entities },
            );
            Self { scene, entities, tick: 0 }
        }

        fn step(&mut self, input: &Input) {
            let mut own = PredictedEntities::new();
            let (mine, others): (Vec<_>, Vec<_>) =
                self.entities.drain(..).partition(|(_, entity)| Arena::is_predicted(entity, SEAT));
            mine.into_iter().for_each(|(id, entity)| own.confirm(id, entity));
            Arena::predict(&mut own, input, &self.scene, RATE);
            self.entities = others;
            self.entities.extend(own.iter().map(|(id, entity)| (id.unwrap_or(BOLT), entity.clone())));
            self.entities.sort_by_key(|(id, _)| *id);
            self.tick += 1;
        }

        /// The aim at which a bolt flies the longest, because a bolt that hits a wall at once would not test its flight.
        fn longest_aim(&self) -> Angle {
            let from = self.entities.iter().find_map(|(_, entity)| match entity {
                ArenaEntity::Fighter(fighter) => Some(fighter.body.at),
                _ => None,
            });
            let (from, map) = (from.unwrap(), self.scene.map().unwrap());
            let far = |aim: &Angle| from + aim.times(30 * UNIT);
            let length =
                |aim: &Angle| map.raycast(from, far(aim)).map_or(30 * UNIT as u32, |end| from.distance(end));
            (0..64).map(|n| Angle(n << 10)).max_by_key(length).unwrap()
        }

        /// Moves the archer's entities by `x` to the east.
        fn shift(&mut self, x: i32) {
            for (_, entity) in
                self.entities.iter_mut().filter(|(_, entity)| Arena::is_predicted(entity, SEAT))
            {
                *entity = entity.displaced(Point::new(x, 0));
            }
        }
    }

    fn bolt_in(drawn: &Drawn<ArenaEntity>) -> Option<Point> {
        let entities = drawn.entities.iter().map(|(_, entity)| entity).chain(&drawn.predicted_spawns);
        let mut bolts = entities.filter(|entity| matches!(entity, ArenaEntity::Bolt(_)));
        match bolts.next().map(Entity::place) {
            Some(Place::At(at)) => Some(at),
            _ => None,
        }
    }

    /// Shoots a bolt in tick 2, which the server confirms five ticks later, `shift` to the east of its predicted position. Returns the
    /// screen, and the distance that the drawn bolt moves in each quarter of a tick until tick 11.
    fn shoot_bolt(shift: i32) -> (Screen<Arena>, Vec<u32>) {
        let mut room = ArcheryRoom::new();
        let mut screen = Screen::<Arena>::new(SEAT, RATE, 1);
        receive(&mut screen, 0, room.entities.clone(), 0);
        let aim = room.longest_aim();
        let (shoot, rest) =
            (Input { fire: true, aim, ..Input::default() }, Input { aim, ..Input::default() });
        let input = |tick| if tick == 2 { shoot } else { rest };
        let mut path = Vec::new();
        for tick in 1..=10 {
            push(&mut screen, tick, input(tick));
            for part in 0..4 {
                // Halfway to the next tick.
                if part == 2 && tick > 5 {
                    room.step(&input(room.tick + 1));
                    if room.tick == 2 {
                        room.shift(shift);
                    }
                    receive(&mut screen, room.tick, room.entities.clone(), tick);
                }
                path.extend(bolt_in(&screen.draw(due(tick) + due(1) * part / 4).unwrap()));
            }
        }
        assert_eq!(path.len(), 9 * 4, "the bolt is drawn until the end");
        let steps = path.windows(2).map(|pair| pair[0].distance(pair[1])).collect();
        (screen, steps)
    }

    #[test]
    fn a_bolt_flies_evenly_before_and_after_it_is_confirmed() {
        let (screen, steps) = shoot_bolt(0);
        // 20 units a second are 171/256 unit a tick, 43 a quarter. In its first tick the bolt does not move yet.
        assert!(steps[4..].iter().all(|step| (40..=45).contains(step)), "{steps:?}");
        let counts = screen.prediction();
        assert_eq!((counts.confirmed_spawns, counts.rejected_spawns, counts.corrections), (1, 0, 0));
    }

    #[test]
    fn a_bolt_that_is_confirmed_elsewhere_is_eased_to_its_position() {
        let (screen, steps) = shoot_bolt(200);
        assert!(
            steps.iter().all(|step| *step < 100),
            "the bolt is eased instead of jumping by 200: {steps:?}"
        );
        let counts = screen.prediction();
        assert_eq!((counts.confirmed_spawns, counts.corrections, counts.last_correction), (1, 1, 200));
    }
}
