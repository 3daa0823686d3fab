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
    game::{Observation, Predict, PredictedEntities},
    id::EntityId,
    tick::{Tick, TickRate},
};

use crate::view::{
    correction::Corrections,
    matching::{Moved, came_from, loosed, moved, pair},
};

/// For how long prediction goes on without a snapshot, in milliseconds; then the seat's own things stand still.
const AHEAD_MS: u32 = 2000;

/// For how long ticks without an input go on as the last one had it, in milliseconds: as long as the server's input buffer does.
const COAST_MS: u32 = 250;

/// A seat's own things, stepped ahead of the server.
pub struct Prediction<G: Predict> {
    rate: TickRate,
    scene: G::Scene,
    /// The newest tick that the server confirmed, and the own things then.
    confirmed: Option<Tick>,
    base: PredictedEntities<G::Entity>,
    /// The ticks after that one, each with its input.
    steps: VecDeque<Stepped<G>>,
    most_steps: usize,
    /// The newest input, and its tick: what a tick without one goes on with, for so many ticks.
    last: Option<(Tick, G::Input)>,
    coast_ticks: u32,
    corrections: Corrections,
    counts: PredictionCounts,
}

/// One predicted tick.
struct Stepped<G: Predict> {
    tick: Tick,
    /// `None` for a tick that the clock skipped too long after the last one. The own things then stay: what the rules let those
    /// do who are silent is known to the game's own step alone.
    input: Option<G::Input>,
    /// The own things after it.
    own: PredictedEntities<G::Entity>,
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
            base: PredictedEntities::new(),
            steps: VecDeque::new(),
            most_steps: rate.ticks(AHEAD_MS) as usize,
            last: None,
            // Rounded down, as the server does.
            coast_ticks: COAST_MS * u32::from(rate.hz()) / 1000,
            corrections: Corrections::default(),
            counts: PredictionCounts::default(),
        }
    }

    /// The seat wants this at `tick`, which was due `now`: its own things move at once. False when they do not: nothing is
    /// confirmed yet, or for too long nothing was, or the tick is past.
    pub fn push(&mut self, tick: Tick, input: G::Input, now: Duration) -> bool {
        let Some(confirmed) = self.confirmed else { return false };
        let taken_back = self.take_back(tick);
        let first = self.steps.back().map_or(confirmed, |step| step.tick).next();
        let mut next = first;
        // Ticks that the clock skipped: the server makes something up for them.
        while next < tick && self.steps.len() < self.most_steps {
            self.step(next, self.coasted(next));
            next = next.next();
        }
        self.last = Some((tick, input.clone()));
        if next == tick && self.steps.len() < self.most_steps {
            self.step(tick, Some(input));
            next = next.next();
        }
        if let Some(was) = taken_back {
            // From now on the way to the newest tick is drawn, and it begins at the tick before.
            let moved = moved(&was, &[], self.before());
            self.correct(moved, now);
        }
        next > first
    }

    /// A snapshot: takes what it confirms and plays again what it does not know yet.
    pub fn reconcile(&mut self, seen: &Observation<'_, G>, now: Duration) {
        G::observe(&mut self.scene, seen);
        let was = self.steps.back().map(|step| step.own.clone());
        let expected = self.forget_until(seen.tick);
        let known = std::mem::take(&mut self.base);
        for (id, thing) in seen.entities.iter().filter(|(_, thing)| G::is_predicted(thing, seen.seat)) {
            self.base.confirm(*id, thing.clone());
        }
        self.confirmed = Some(seen.tick);
        let guessed = expected.as_ref().or_else(|| was.as_ref().filter(|_| self.steps.is_empty()));
        let confirmed = guessed.map(|guessed| self.confirm_loosed(guessed, &known)).unwrap_or_default();
        if expected.is_some_and(|expected| expected == self.base) {
            return;
        }
        self.replay();
        if let (Some(was), Some((_, is))) = (was, self.newest()) {
            let moved = moved(&was, &confirmed, is);
            self.correct(moved, now);
        }
    }

    /// The own things as they are at the newest tick, and that tick; `None` before the first snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<(Tick, &PredictedEntities<G::Entity>)> {
        let confirmed = self.confirmed?;
        Some(self.steps.back().map_or((confirmed, &self.base), |step| (step.tick, &step.own)))
    }

    /// The own things one tick before the newest: what is drawn lies in between.
    #[must_use]
    pub fn before(&self) -> &PredictedEntities<G::Entity> {
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

    /// What stands for the input of a tick that has none.
    fn coasted(&self, tick: Tick) -> Option<G::Input> {
        let (last, input) = self.last.as_ref()?;
        (tick.since(*last) <= self.coast_ticks).then(|| G::coast(input))
    }

    /// Forgets the steps from `tick` on, for the clock was set back; gives what the own things had come to, if there were any.
    fn take_back(&mut self, tick: Tick) -> Option<PredictedEntities<G::Entity>> {
        let newest = self.steps.pop_back_if(|step| step.tick >= tick)?;
        while self.steps.pop_back_if(|step| step.tick >= tick).is_some() {}
        Some(newest.own)
    }

    /// Forgets the steps up to `tick`; gives what was predicted for it.
    fn forget_until(&mut self, tick: Tick) -> Option<PredictedEntities<G::Entity>> {
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

    /// What was let loose up to the confirmed tick: each is confirmed by the nearest thing that was not known before, or it never
    /// was. Gives the confirmed ones as they were guessed to be at the newest tick.
    fn confirm_loosed(
        &mut self,
        guessed: &PredictedEntities<G::Entity>,
        known: &PredictedEntities<G::Entity>,
    ) -> Vec<(EntityId, G::Entity)> {
        let guesses: Vec<_> = loosed(guessed).collect();
        if guesses.is_empty() {
            return Vec::new();
        }
        let is_new = |id| !known.iter().any(|(other, _)| other == Some(id));
        let new: Vec<_> = self.base.iter().filter_map(|(id, thing)| Some((id?, thing))).collect();
        let new: Vec<_> = new.into_iter().filter(|(id, _)| is_new(*id)).collect();
        let pairs = pair(&guesses, &new);
        self.counts.confirmed += pairs.len() as u64;
        self.counts.withdrawn += (guesses.len() - pairs.len()) as u64;
        // Followed from tick to tick, since a thing that flies soon lies nearer to another one's place than to its own.
        let mut flown: Vec<_> = (0..).zip(guesses).map(|(at, thing)| (id_of(at, &pairs), thing)).collect();
        for step in &self.steps {
            let came = |thing| came_from(thing, flown.iter().map(|(_, before)| *before));
            let id = |thing| came(thing).and_then(|at| flown.get(at)?.0);
            flown = loosed(&step.own).map(|thing| (id(thing), thing)).collect();
        }
        flown.into_iter().filter_map(|(id, thing)| Some((id?, thing.clone()))).collect()
    }

    /// Eases what is not where it was.
    fn correct(&mut self, moved: Vec<Moved>, now: Duration) {
        let mut farthest = None;
        for Moved { id, by } in moved {
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

/// Which thing confirmed this guess.
fn id_of(guess: usize, pairs: &[(usize, EntityId)]) -> Option<EntityId> {
    pairs.iter().find(|(other, _)| *other == guess).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, Steering, Walker},
        game::{Angle, Point},
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
            let mut own = PredictedEntities::new();
            own.confirm(ID, walker);
            Crowd::predict(&mut own, &Steering { bend: *bend }, &(), TickRate::DEFAULT);
            walker = own.iter().next().unwrap().1.clone();
        }
        walker
    }

    fn confirm(prediction: &mut Prediction<Crowd>, tick: u32, walker: &Walker, now: Duration) {
        let other = Walker { seat: SeatId(0), ..start() };
        let entities = [(EntityId::default(), other), (ID, walker.clone())];
        let seen =
            Observation { tick: Tick(tick), rate: TickRate::DEFAULT, seat: SeatId(1), entities: &entities };
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
            prediction.push(Tick(tick), Steering { bend }, Duration::ZERO);
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
            prediction.push(Tick(tick), Steering { bend }, Duration::ZERO);
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
        prediction.push(Tick(11), Steering { bend: 9 }, Duration::ZERO);
        prediction.push(Tick(14), Steering { bend: 1 }, Duration::ZERO);
        assert_eq!(predicted(&prediction), (14, stepped(start(), &[9, 9, 9, 1])));
    }

    #[test]
    fn without_snapshots_prediction_stops_after_two_seconds() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        let steps =
            (11..500).filter(|&tick| prediction.push(Tick(tick), Steering { bend: 1 }, Duration::ZERO));
        assert_eq!(steps.count(), 60, "and says so");
        assert_eq!(predicted(&prediction).0, 70);
    }

    #[test]
    fn nothing_is_predicted_before_there_is_something_to_predict() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        assert!(!prediction.push(Tick(5), Steering { bend: 1 }, Duration::ZERO));
        assert!(prediction.newest().is_none());
    }

    #[test]
    fn a_gap_of_inputs_is_coasted_through_for_as_long_as_the_server_repeats_them() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        prediction.push(Tick(11), Steering { bend: 9 }, Duration::ZERO);
        prediction.push(Tick(41), Steering { bend: 1 }, Duration::ZERO);
        let bends = [&[9; 8][..], &[1]].concat();
        assert_eq!(predicted(&prediction), (41, stepped(start(), &bends)), "seven ticks are 233 ms");
        // The server has used all that was said, and goes on with the last of it.
        confirm(&mut prediction, 41, &start(), Duration::ZERO);
        prediction.push(Tick(43), Steering { bend: 5 }, Duration::ZERO);
        assert_eq!(predicted(&prediction), (43, stepped(start(), &[1, 5])));
    }

    #[test]
    fn a_clock_that_is_set_back_moves_nothing_at_once() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        for tick in 11..21 {
            prediction.push(Tick(tick), Steering { bend: 0 }, Duration::ZERO);
        }
        let was = predicted(&prediction).1.at;
        assert!(prediction.push(Tick(16), Steering { bend: 0 }, 500 * MS));
        assert_eq!(predicted(&prediction), (16, stepped(start(), &[0; 6])));
        let from = prediction.before().iter().next().unwrap().1.at;
        let offset = |ms| prediction.corrections().offset(ID, ms * MS);
        assert_eq!(from + offset(500), was, "what is drawn next begins where it was");
        assert_eq!((offset(600), prediction.counts().corrections), (Point::default(), 1));
    }
}
