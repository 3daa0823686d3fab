//! What a player sees: others a little in the past, between two snapshots; their own things in the present, predicted.
//!
//! One screen belongs to one seat. The connection's task feeds it snapshots and inputs; whoever draws asks it at their own rate.

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
    input::clock::Slot,
    view::{
        interpolation::{Interpolation, Motion},
        matching::{came_from, loosed},
        playout::Playout,
        prediction::{Prediction, PredictionCounts},
    },
};

/// The screen of one seat.
pub struct Screen<G: Predict> {
    seat: SeatId,
    rate: TickRate,
    playout: Playout,
    interpolation: Interpolation<G::Entity>,
    prediction: Prediction<G>,
    /// When the newest predicted tick was due. Things that go no further stand at their newest tick.
    stepped_at: Duration,
}

/// One look at the screen.
#[derive(Clone, Debug)]
pub struct Drawn<E> {
    /// Where others are.
    pub moment: SubTick,
    /// How much of that was known.
    pub motion: Motion,
    /// The tick that the seat's own things have reached.
    pub tick: Tick,
    /// Everything that has an id, in ascending order.
    pub entities: Vec<(EntityId, E)>,
    /// What the seat has let loose and the server has not confirmed yet.
    pub loosed: Vec<E>,
}

impl<E> Drawn<E> {
    /// The same as a bot or a prediction is shown it.
    pub fn seen<G: Predict<Entity = E>>(&self, rate: TickRate, seat: SeatId) -> Observation<'_, G> {
        Observation { tick: self.tick, rate, seat, entities: &self.entities }
    }
}

impl<G: Predict> Screen<G> {
    /// A dark screen, for a seat in a room of this rate whose snapshots lie `send_interval` ticks apart.
    #[must_use]
    pub fn new(seat: SeatId, rate: TickRate, send_interval: u32) -> Self {
        Self {
            seat,
            rate,
            playout: Playout::new(rate, send_interval),
            interpolation: Interpolation::new(rate),
            prediction: Prediction::new(rate),
            stepped_at: Duration::ZERO,
        }
    }

    /// A newer snapshot arrived. Says how far it moved the seat's own things from where they were predicted (1/256 unit), if it
    /// did.
    pub fn heard(&mut self, view: &Arc<View<G::Entity>>, now: Duration) -> Option<u32> {
        self.playout.heard(view.tick, now);
        self.interpolation.push(Arc::clone(view));
        let seen =
            Observation { tick: view.tick, rate: self.rate, seat: self.seat, entities: &view.entities };
        let before = self.prediction.counts().corrections;
        self.prediction.reconcile(&seen, now);
        let counts = self.prediction.counts();
        (counts.corrections > before).then_some(counts.last_correction)
    }

    /// Since then snapshots come of a server that had let time slip.
    pub fn slipped(&mut self, since: Duration) {
        self.playout.slipped(since);
    }

    /// The seat wants this: its own things move.
    pub fn push(&mut self, slot: Slot, input: G::Input) {
        if self.prediction.push(slot.tick, input, slot.due) {
            self.stepped_at = slot.due;
        }
    }

    /// Where others are `now`, and how much of that is known; `None` before the first snapshot.
    pub fn advance(&mut self, now: Duration) -> Option<(SubTick, Motion)> {
        let wanted = self.playout.advance(now)?;
        let (moment, motion) = self.interpolation.reach(wanted);
        self.interpolation.pass(moment);
        Some((moment, motion))
    }

    /// What the rules say there is, with the seat's own things at the newest tick: what one decides and aims by.
    pub fn look(&mut self, now: Duration) -> Option<Drawn<G::Entity>> {
        self.compose(now, |_, _, newest| newest.clone())
    }

    /// What should be drawn now: as [`Self::look`], with the seat's own things on their way from tick to tick, and corrections
    /// eased.
    pub fn draw(&mut self, now: Duration) -> Option<Drawn<G::Entity>> {
        let period_us = (self.rate.period_ns() / 1000) as u32;
        let passed_us = now.saturating_sub(self.stepped_at).as_micros().min(u128::from(period_us)) as u32;
        self.compose(now, |screen, id, newest| {
            let between = match before(screen.prediction.before(), id, newest) {
                Some(before) if !before.jumps_to(newest) => before.interpolate(newest, passed_us, period_us),
                _ => newest.clone(),
            };
            let offset = id.map(|id| screen.prediction.corrections().offset(id, now));
            between.displaced(offset.unwrap_or_default())
        })
    }

    /// The newest tick that others are shown at and that is known: what happened by then may be told.
    pub fn reached(&mut self, now: Duration) -> Option<Tick> {
        let (moment, _) = self.advance(now)?;
        Some(self.interpolation.newest()?.min(moment.tick()))
    }

    /// How far others are behind the quickest snapshots.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.playout.delay()
    }

    /// What the seat's motion depends on besides its own things.
    #[must_use]
    pub const fn scene(&self) -> &G::Scene {
        self.prediction.scene()
    }

    /// How right prediction was so far.
    #[must_use]
    pub const fn prediction(&self) -> PredictionCounts {
        self.prediction.counts()
    }

    fn compose(
        &mut self,
        now: Duration,
        own_thing: impl Fn(&Self, Option<EntityId>, &G::Entity) -> G::Entity,
    ) -> Option<Drawn<G::Entity>> {
        let (moment, motion) = self.advance(now)?;
        let (tick, own) = self.prediction.newest()?;
        let mut entities = Vec::new();
        self.interpolation.draw(moment, |thing| G::is_predicted(thing, self.seat), &mut entities);
        let mut loosed = Vec::new();
        for (id, thing) in own.iter() {
            let drawn = own_thing(self, id, thing);
            match id {
                // A seat has few things of its own: each finds its place among those that lie in order.
                Some(id) => {
                    let at = entities.partition_point(|(other, _)| *other <= id);
                    entities.insert(at, (id, drawn));
                }
                None => loosed.push(drawn),
            }
        }
        Some(Drawn { moment, motion, tick, entities, loosed })
    }
}

/// An own thing as it was a tick before. What has no id yet is known by its flight.
fn before<'a, E: Entity>(
    before: &'a PredictedEntities<E>,
    id: Option<EntityId>,
    newest: &E,
) -> Option<&'a E> {
    match id {
        Some(_) => before.iter().find(|(other, _)| *other == id).map(|(_, thing)| thing),
        None => loosed(before).nth(came_from(newest, loosed(before))?),
    }
}

/// The screen as its two users share it: the connection's task that feeds it and the program that draws. Dark while there is no
/// seat. The lock is held for one call at a time, and never across a wait.
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
    /// Puts up another screen, or none.
    pub fn set(&self, screen: Option<Screen<G>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = screen;
    }

    /// Does something with the screen, if there is one.
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
        screen.push(Slot { tick: Tick(tick), due: due(tick) }, input);
    }

    fn hear<G: Predict>(screen: &mut Screen<G>, tick: u32, entities: Vec<(EntityId, G::Entity)>, at: u32) {
        screen.heard(&Arc::new(View { tick: Tick(tick), entities }), due(at));
    }

    #[test]
    fn own_things_stand_still_once_prediction_has_stopped() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        let at = Point::new(9000, 9000);
        let walker = Walker { seat: SEAT, at, heading: Angle(0), bend: 0, pace: 40, health: 100 };
        hear(&mut screen, 10, vec![(EntityId::default(), walker)], 10);
        let mut drawn = Vec::new();
        for tick in 11..200 {
            push(&mut screen, tick, Steering::default());
            for part in 0..4 {
                let now = due(tick) + due(1) * part / 4;
                drawn.push(screen.draw(now).unwrap().entities[0].1.at.x);
            }
        }
        assert!(drawn.is_sorted(), "they never go back");
        assert_eq!(drawn[61 * 4..].iter().min(), drawn.last(), "after two seconds without news they stand");
        assert_eq!(drawn.last(), Some(&(9000 + 60 * 40)));
    }

    #[test]
    fn own_things_stand_while_the_clock_pauses_and_then_go_on_uncorrected() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        let walker = |tick: u32| {
            let at = Point::new(9000 + 40 * (tick as i32 - 10), 9000);
            Walker { seat: SEAT, at, heading: Angle(0), bend: 0, pace: 40, health: 100 }
        };
        hear(&mut screen, 10, vec![(EntityId::default(), walker(10))], 10);
        let mut drawn = Vec::new();
        // The server stands still after its tenth tick and lets ten ticks slip, and so does the clock after its 25th.
        for now in 11..60 {
            if now >= 23 {
                hear(&mut screen, now - 12, vec![(EntityId::default(), walker(now - 12))], now);
            }
            match now {
                11..=25 => push(&mut screen, now, Steering::default()),
                36.. => screen.push(Slot { tick: Tick(now - 10), due: due(now) }, Steering::default()),
                _ => {}
            }
            drawn.push(screen.draw(due(now)).unwrap().entities[0].1.at.x);
        }
        assert_eq!(screen.prediction().corrections, 0);
        assert!(drawn.windows(2).all(|pair| (0..=40).contains(&(pair[1] - pair[0]))), "{drawn:?}");
        assert_eq!(drawn.last(), Some(&walker(48).at.x), "on the way to the newest tick, 49");
    }

    #[test]
    fn what_happened_past_the_newest_snapshot_is_not_told_before_it_is_seen() {
        let mut screen = Screen::<Crowd>::new(SEAT, RATE, 1);
        (10..=20).for_each(|tick| hear(&mut screen, tick, Vec::new(), tick));
        let ms = Duration::from_millis(1);
        assert_eq!(screen.reached(due(20) + ms), Some(Tick(18)), "two send intervals behind");
        let (moment, motion) = screen.advance(due(24) + ms).unwrap();
        assert_eq!((moment.tick(), motion), (Tick(22), Motion::Extrapolated));
        assert_eq!(screen.reached(due(24) + ms), Some(Tick(20)));
    }

    /// A room with one archer, as the server has it, played by the rules that clients predict by.
    struct Range {
        scene: <Arena as Predict>::Scene,
        things: Vec<(EntityId, ArenaEntity)>,
        tick: u32,
    }

    impl Range {
        fn new() -> Self {
            let setup = Setup { settings: Settings::default(), seed: 2, seats: 1, tick_rate: RATE };
            let mut arena = Arena::new(&setup);
            arena.seat_taken(SEAT, Occupant::Player);
            let things: Vec<_> = arena.entities().iter().map(|(id, thing)| (id, thing.clone())).collect();
            let mut scene = Default::default();
            Arena::observe(
                &mut scene,
                &Observation { tick: Tick(0), rate: RATE, seat: SEAT, entities: &things },
            );
            Self { scene, things, tick: 0 }
        }

        fn step(&mut self, input: &Input) {
            let mut own = PredictedEntities::new();
            let (mine, others): (Vec<_>, Vec<_>) =
                self.things.drain(..).partition(|(_, thing)| Arena::is_predicted(thing, SEAT));
            mine.into_iter().for_each(|(id, thing)| own.confirm(id, thing));
            Arena::predict(&mut own, input, &self.scene, RATE);
            self.things = others;
            self.things.extend(own.iter().map(|(id, thing)| (id.unwrap_or(BOLT), thing.clone())));
            self.things.sort_by_key(|(id, _)| *id);
            self.tick += 1;
        }

        /// Where a bolt flies the longest: one that meets a wall at once proves nothing.
        fn free_way(&self) -> Angle {
            let from = self.things.iter().find_map(|(_, thing)| match thing {
                ArenaEntity::Fighter(fighter) => Some(fighter.body.at),
                _ => None,
            });
            let (from, map) = (from.unwrap(), self.scene.map().unwrap());
            let far = |aim: &Angle| from + aim.times(30 * UNIT);
            let way =
                |aim: &Angle| map.raycast(from, far(aim)).map_or(30 * UNIT as u32, |end| from.distance(end));
            (0..64).map(|n| Angle(n << 10)).max_by_key(way).unwrap()
        }

        /// Puts whatever is the archer's so far to the east.
        fn shift(&mut self, x: i32) {
            for (_, thing) in self.things.iter_mut().filter(|(_, thing)| Arena::is_predicted(thing, SEAT)) {
                *thing = thing.displaced(Point::new(x, 0));
            }
        }
    }

    fn bolt_in(drawn: &Drawn<ArenaEntity>) -> Option<Point> {
        let things = drawn.entities.iter().map(|(_, thing)| thing).chain(&drawn.predicted_spawns);
        let mut bolts = things.filter(|thing| matches!(thing, ArenaEntity::Bolt(_)));
        match bolts.next().map(Entity::place) {
            Some(Place::At(at)) => Some(at),
            _ => None,
        }
    }

    /// A bolt that is shot in tick 2, which the server confirms five ticks later, `shift` beside the guess; and how far it goes
    /// on the screen in each quarter of a tick until tick 11.
    fn shot(shift: i32) -> (Screen<Arena>, Vec<u32>) {
        let mut range = Range::new();
        let mut screen = Screen::<Arena>::new(SEAT, RATE, 1);
        hear(&mut screen, 0, range.things.clone(), 0);
        let aim = range.free_way();
        let (shoot, rest) =
            (Input { fire: true, aim, ..Input::default() }, Input { aim, ..Input::default() });
        let input = |tick| if tick == 2 { shoot } else { rest };
        let mut path = Vec::new();
        for tick in 1..=10 {
            push(&mut screen, tick, input(tick));
            for part in 0..4 {
                // Halfway to the next tick.
                if part == 2 && tick > 5 {
                    range.step(&input(range.tick + 1));
                    if range.tick == 2 {
                        range.shift(shift);
                    }
                    hear(&mut screen, range.tick, range.things.clone(), tick);
                }
                path.extend(bolt_in(&screen.draw(due(tick) + due(1) * part / 4).unwrap()));
            }
        }
        assert_eq!(path.len(), 9 * 4, "it flies until the end");
        let ways = path.windows(2).map(|pair| pair[0].distance(pair[1])).collect();
        (screen, ways)
    }

    #[test]
    fn a_bolt_flies_evenly_before_and_after_it_is_confirmed() {
        let (screen, ways) = shot(0);
        // 20 units a second are 171/256 unit a tick; in its first one it lies on the string.
        assert!(ways[4..].iter().all(|way| (40..=45).contains(way)), "{ways:?}");
        let counts = screen.prediction();
        assert_eq!((counts.confirmed, counts.withdrawn, counts.corrections), (1, 0, 0));
    }

    #[test]
    fn a_bolt_that_is_confirmed_elsewhere_is_eased_there() {
        let (screen, ways) = shot(200);
        assert!(ways.iter().all(|way| *way < 100), "it would jump by 200: {ways:?}");
        let counts = screen.prediction();
        assert_eq!((counts.confirmed, counts.corrections, counts.last_correction), (1, 1, 200));
    }
}
