//! Prediction and reconciliation: a seat's own things are stepped at once, by the server's rules, and set right by what the
//! server confirms.
//!
//! Every snapshot says how things stand at its tick, with whatever inputs the server found. From there the inputs that it has
//! not used yet are played again. State is integers and the rules are the same, so with inputs that arrived the outcome is what
//! was predicted, to the bit; anything else is a correction.
//!
//! What a seat lets loose (a bolt) is part of its own things, so it appears at once. Once the snapshot of its tick has come it is
//! either among the confirmed things, or it was never shot and is gone.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    game::{Entity, Own, Place, Point, Predict, Seen},
    id::EntityId,
    tick::{Tick, TickRate},
};

use crate::correction::Corrections;

/// For how long prediction goes on without a snapshot, in milliseconds; then the seat's own things stand still.
const AHEAD_MS: u32 = 2000;

/// A seat's own things, stepped ahead of the server.
pub struct Prediction<G: Predict> {
    rate: TickRate,
    scene: G::Scene,
    /// The newest tick that the server confirmed, and the own things then.
    confirmed: Option<Tick>,
    base: Own<G::Entity>,
    /// The ticks after that one, each with its input.
    steps: VecDeque<Stepped<G>>,
    most_steps: usize,
    corrections: Corrections,
    counts: PredictionCounts,
}

/// One predicted tick.
struct Stepped<G: Predict> {
    tick: Tick,
    /// `None` for a tick without one: the clock had to skip it.
    input: Option<G::Input>,
    /// The own things after it.
    own: Own<G::Entity>,
}

/// How right prediction was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionCounts {
    /// Snapshots that moved an own thing from where it was predicted.
    pub corrections: u64,
    /// How far the last one moved it, in 1/256 unit.
    pub last_correction: u32,
    /// Own things that were let loose here and then confirmed.
    pub confirmed: u64,
    /// Own things that were let loose here and that the server never had, or that had ended when it told.
    pub withdrawn: u64,
}

impl<G: Predict> Prediction<G> {
    /// Nothing confirmed yet, in a room of this rate.
    #[must_use]
    pub fn new(rate: TickRate) -> Self {
        Self {
            rate,
            scene: G::Scene::default(),
            confirmed: None,
            base: Own::new(),
            steps: VecDeque::new(),
            most_steps: rate.ticks(AHEAD_MS) as usize,
            corrections: Corrections::default(),
            counts: PredictionCounts::default(),
        }
    }

    /// The seat wants this at `tick`: its own things move at once.
    pub fn push(&mut self, tick: Tick, input: G::Input) {
        let Some(confirmed) = self.confirmed else { return };
        while self.steps.back().is_some_and(|step| step.tick >= tick) {
            self.steps.pop_back();
        }
        // Ticks that the clock skipped: the server makes something up for them.
        let mut next = self.steps.back().map_or(confirmed, |step| step.tick).next();
        while next < tick && self.steps.len() < self.most_steps {
            let last = self.steps.back().and_then(|step| step.input.as_ref());
            self.step(next, last.map(G::coast));
            next = next.next();
        }
        if next == tick && self.steps.len() < self.most_steps {
            self.step(tick, Some(input));
        }
    }

    /// A snapshot: takes what it confirms and plays again what it does not know yet.
    pub fn reconcile(&mut self, seen: &Seen<'_, G>, now: Duration) {
        G::observe(&mut self.scene, seen);
        let was = self.steps.back().map(|step| step.own.clone());
        let expected = self.forget_until(seen.tick);
        let known = std::mem::take(&mut self.base);
        for (id, thing) in seen.entities.iter().filter(|(_, thing)| G::is_own(thing, seen.seat)) {
            self.base.confirm(*id, thing.clone());
        }
        self.confirmed = Some(seen.tick);
        if let Some(expected) = &expected {
            self.count_loosed(expected, &known);
            if *expected == self.base {
                return;
            }
        }
        self.replay();
        if let Some(was) = was {
            self.compare(&was, now);
        }
    }

    /// The own things as they are at the newest tick, and that tick; `None` before the first snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<(Tick, &Own<G::Entity>)> {
        let confirmed = self.confirmed?;
        Some(self.steps.back().map_or((confirmed, &self.base), |step| (step.tick, &step.own)))
    }

    /// The own things one tick before the newest: what is drawn lies in between.
    #[must_use]
    pub fn before(&self) -> &Own<G::Entity> {
        let before = self.steps.len().checked_sub(2).and_then(|at| self.steps.get(at));
        before.map_or(&self.base, |step| &step.own)
    }

    /// What is not eased away yet.
    #[must_use]
    pub const fn corrections(&self) -> &Corrections {
        &self.corrections
    }

    /// What the walls look like.
    #[must_use]
    pub const fn scene(&self) -> &G::Scene {
        &self.scene
    }

    /// How right it was so far.
    #[must_use]
    pub const fn counts(&self) -> PredictionCounts {
        self.counts
    }

    fn step(&mut self, tick: Tick, input: Option<G::Input>) {
        let mut own = self.steps.back().map_or(&self.base, |step| &step.own).clone();
        if let Some(input) = &input {
            G::predict(&mut own, input, &self.scene, self.rate);
        }
        self.steps.push_back(Stepped { tick, input, own });
    }

    /// Forgets the steps up to `tick`; gives what was predicted for it.
    fn forget_until(&mut self, tick: Tick) -> Option<Own<G::Entity>> {
        let mut expected = None;
        while let Some(step) = self.steps.pop_front_if(|step| step.tick <= tick) {
            expected = (step.tick == tick).then_some(step.own);
        }
        expected
    }

    fn replay(&mut self) {
        let mut own = self.base.clone();
        for step in &mut self.steps {
            if let Some(input) = &step.input {
                G::predict(&mut own, input, &self.scene, self.rate);
            }
            step.own = own.clone();
        }
    }

    /// What was let loose up to now: each is confirmed by one thing that was not known before.
    fn count_loosed(&mut self, expected: &Own<G::Entity>, known: &Own<G::Entity>) {
        let loosed = expected.iter().filter(|(id, _)| id.is_none()).count() as u64;
        if loosed == 0 {
            return;
        }
        let is_known = |id| known.iter().any(|(other, _)| other == id);
        let new = self.base.iter().filter(|(id, _)| !is_known(*id)).count() as u64;
        self.counts.confirmed += new.min(loosed);
        self.counts.withdrawn += loosed.saturating_sub(new);
    }

    /// Eases the difference between where things were and where they turn out to be.
    fn compare(&mut self, was: &Own<G::Entity>, now: Duration) {
        let Some((_, is)) = self.newest() else { return };
        let moved: Vec<_> = is.iter().filter_map(|(id, new)| difference(id?, was, new)).collect();
        let mut farthest = None;
        for (id, by) in moved {
            match by {
                Some(by) => {
                    self.corrections.push(id, by, now);
                    farthest = farthest.max(Some(by.length()));
                }
                None => self.corrections.forget(id),
            }
        }
        if let Some(farthest) = farthest {
            self.counts.corrections += 1;
            self.counts.last_correction = farthest;
        }
    }
}

/// How far a thing was beside where it is; the inner `None` when it jumped. `None` when it is where it was.
fn difference<E: Entity>(id: EntityId, was: &Own<E>, new: &E) -> Option<(EntityId, Option<Point>)> {
    let (_, old) = was.iter().find(|(other, _)| *other == Some(id))?;
    let (Place::At(old_at), Place::At(new_at)) = (old.place(), new.place()) else { return None };
    if old.jumps_to(new) {
        return Some((id, None));
    }
    (old_at != new_at).then_some((id, Some(old_at - new_at)))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, Steering, Walker},
        game::Angle,
        id::SeatId,
    };

    use super::*;

    const ID: EntityId = EntityId { slot: 2, generation: 0 };
    const MS: Duration = Duration::from_millis(1);

    fn start() -> Walker {
        Walker {
            seat: SeatId(1),
            at: Point::new(9000, 9000),
            heading: Angle(0),
            bend: 0,
            pace: 40,
            health: 100,
        }
    }

    fn stepped(mut walker: Walker, bends: &[i8]) -> Walker {
        for bend in bends {
            let mut own = Own::new();
            own.confirm(ID, walker);
            Crowd::predict(&mut own, &Steering { bend: *bend }, &(), TickRate::DEFAULT);
            walker = own.iter().next().unwrap().1.clone();
        }
        walker
    }

    fn confirm(prediction: &mut Prediction<Crowd>, tick: u32, walker: &Walker, now: Duration) {
        let other = Walker { seat: SeatId(0), ..start() };
        let entities = [(EntityId::default(), other), (ID, walker.clone())];
        let seen = Seen { tick: Tick(tick), rate: TickRate::DEFAULT, seat: SeatId(1), entities: &entities };
        prediction.reconcile(&seen, now);
    }

    fn predicted(prediction: &Prediction<Crowd>) -> (u32, Walker) {
        let (tick, own) = prediction.newest().unwrap();
        (tick.0, own.iter().next().unwrap().1.clone())
    }

    #[test]
    fn an_own_walker_moves_at_once_and_inputs_that_arrived_need_no_correction() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        let bends = [5, 5, -9, 0, 3, 70, 70, -1];
        for (tick, bend) in (11..).zip(bends) {
            prediction.push(Tick(tick), Steering { bend });
        }
        assert_eq!(predicted(&prediction), (18, stepped(start(), &bends)));
        for confirmed in 1..=8 {
            let walker = stepped(start(), &bends[..confirmed]);
            confirm(&mut prediction, 10 + confirmed as u32, &walker, Duration::ZERO);
            assert_eq!(predicted(&prediction), (18, stepped(start(), &bends)));
        }
        assert_eq!(prediction.counts(), PredictionCounts::default());
    }

    #[test]
    fn an_input_that_was_lost_is_corrected_and_the_correction_eased() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        [60, 60, 60].into_iter().zip(11..).for_each(|(bend, tick)| {
            prediction.push(Tick(tick), Steering { bend });
        });
        let before = predicted(&prediction).1;
        // The server did not have the input of tick 11.
        confirm(&mut prediction, 11, &stepped(start(), &[0]), 500 * MS);
        let after = predicted(&prediction).1;
        assert_eq!(after, stepped(start(), &[0, 60, 60]), "the rest is played again");
        assert_eq!(prediction.counts().corrections, 1);
        let offset = |ms| prediction.corrections().offset(ID, ms * MS);
        assert_eq!(after.at + offset(500), before.at, "nothing on the screen jumps");
        assert_eq!(offset(600), Point::default());
    }

    #[test]
    fn ticks_that_the_clock_skipped_are_coasted_through() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        prediction.push(Tick(11), Steering { bend: 9 });
        prediction.push(Tick(14), Steering { bend: 1 });
        assert_eq!(predicted(&prediction), (14, stepped(start(), &[9, 9, 9, 1])));
    }

    #[test]
    fn without_snapshots_prediction_stops_after_two_seconds() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        (11..500).for_each(|tick| prediction.push(Tick(tick), Steering { bend: 1 }));
        assert_eq!(predicted(&prediction).0, 70);
    }

    #[test]
    fn nothing_is_predicted_before_there_is_something_to_predict() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        prediction.push(Tick(5), Steering { bend: 1 });
        assert!(prediction.newest().is_none());
    }
}
