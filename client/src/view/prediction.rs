//! Client-side prediction and server reconciliation of a seat's own entities (those that the player of the seat controls).
//!
//! Prediction steps the own entities at once, with the game's own rules. A snapshot contains the confirmed state of these entities at its
//! tick, computed from the inputs that the server had. Reconciliation takes that state and replays the inputs of later ticks. State is
//! integers and both ends run the same rules, so if all inputs arrived, the result equals the prediction to the bit; any difference is a
//! correction.
//!
//! An entity that the seat spawns, such as a bolt, is one of its own entities, so it appears at once. The first snapshot of its tick or a
//! later one either confirms the entity, or shows that the server did not spawn it; then it disappears.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    bits::{self, BitWriter},
    game::{Observation, Predict, PredictedEntities},
    id::EntityId,
    limits::MAX_COAST_MS,
    tick::{Tick, TickRate},
};

use crate::view::{
    correction::Corrections,
    matching::{Displacement, displacements, pair_spawns, predecessor, unconfirmed},
};

/// The maximum time that prediction is ahead of the newest snapshot's tick, in milliseconds. After it the own entities stand still.
const MAX_AHEAD_MS: u32 = 2000;

/// A seat's own entities, predicted ahead of the server.
pub(crate) struct Prediction<G: Predict> {
    rate: TickRate,
    scene: G::Scene,
    /// The tick of the newest snapshot; `None` before the first one.
    confirmed: Option<Tick>,
    /// The own entities in the newest snapshot.
    base: PredictedEntities<G::Entity>,
    /// The predicted ticks after the newest snapshot, without gaps.
    predicted: VecDeque<PredictedTick<G>>,
    max_predicted: usize,
    /// The newest input and its tick. Ticks without an input repeat this input, for `max_coast_ticks`.
    last_input: Option<(Tick, G::Input)>,
    max_coast_ticks: u32,
    corrections: Corrections,
    counts: PredictionCounts,
}

/// One predicted tick.
struct PredictedTick<G: Predict> {
    tick: Tick,
    /// `None` for a tick that has no input and is too long after the last input. The own entities then stand still, because only the
    /// game's step decides what happens to a seat without inputs.
    input: Option<G::Input>,
    /// The own entities after this tick.
    own: PredictedEntities<G::Entity>,
}

/// Counts of corrections and of predicted spawns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionCounts {
    /// Snapshots that moved an own entity from its predicted position, and inputs that moved one because the input clock was set back.
    pub corrections: u64,
    /// The largest distance by which the last correction moved an entity, in 1/256 unit.
    pub last_correction: u32,
    /// Predicted spawns that the server confirmed.
    pub confirmed_spawns: u64,
    /// Predicted spawns that the server did not confirm: it never spawned them, or they were gone before its next snapshot.
    pub rejected_spawns: u64,
}

impl<G: Predict> Prediction<G> {
    /// Creates a prediction without a snapshot, for a room with this tick rate.
    #[must_use]
    pub(crate) fn new(rate: TickRate) -> Self {
        Self {
            rate,
            scene: G::Scene::default(),
            confirmed: None,
            base: PredictedEntities::new(),
            predicted: VecDeque::new(),
            max_predicted: rate.ticks(MAX_AHEAD_MS) as usize,
            last_input: None,
            // Rounded down, as in the server.
            max_coast_ticks: MAX_COAST_MS * u32::from(rate.hz()) / 1000,
            corrections: Corrections::default(),
            counts: PredictionCounts::default(),
        }
    }

    /// Predicts `tick`, whose input was due at `now`, with this input. Returns false if nothing is predicted: before the first snapshot,
    /// for a tick that is too long after the newest snapshot, or for a tick that is not after it. A tick that was predicted before is
    /// predicted again, and the ticks after it are discarded.
    pub(crate) fn push(&mut self, tick: Tick, input: G::Input, now: Duration) -> bool {
        let Some(confirmed) = self.confirmed else { return false };
        let rewound_from = self.rewind_before(tick);
        let first = self.predicted.back().map_or(confirmed, |step| step.tick).next();
        let mut next = first;
        // Ticks that the clock skipped. The server substitutes inputs for these ticks, too.
        while next < tick && self.predicted.len() < self.max_predicted {
            self.step(next, self.coasted(next));
            next = next.next();
        }
        self.last_input = Some((tick, input.clone()));
        if next == tick && self.predicted.len() < self.max_predicted {
            self.step(tick, Some(input));
            next = next.next();
        }
        if let Some(old) = rewound_from {
            // Drawing starts each tick at the state of the tick before it, so the displacement is measured there.
            let displaced = displacements(&old, &[], self.previous());
            self.correct(displaced, now);
        }
        next > first
    }

    /// Takes the confirmed state of a snapshot, which must be newer than all before. If the state is not as predicted, replays the later
    /// inputs.
    pub(crate) fn reconcile(&mut self, seen: &Observation<'_, G>, now: Duration) {
        G::observe(&mut self.scene, seen);
        let old = self.predicted.back().map(|step| step.own.clone());
        let expected = self.discard_through(seen.tick);
        let previous_base = std::mem::take(&mut self.base);
        for (id, entity) in seen.entities.iter().filter(|(_, entity)| G::is_predicted(entity, seen.seat)) {
            self.base.confirm(*id, entity.clone());
        }
        self.confirmed = Some(seen.tick);
        // The prediction of the snapshot's tick; of the last predicted tick if that is before the snapshot's.
        let prediction = expected.as_ref().or_else(|| old.as_ref().filter(|_| self.predicted.is_empty()));
        let confirmed =
            prediction.map(|prediction| self.confirm_spawns(prediction, &previous_base)).unwrap_or_default();
        if expected.is_some_and(|expected| expected == self.base) {
            return;
        }
        self.replay();
        if let (Some(old), Some((_, new))) = (old, self.newest()) {
            let displaced = displacements(&old, &confirmed, new);
            self.correct(displaced, now);
        }
    }

    /// Returns the newest predicted tick, or the confirmed one if none is predicted, and the own entities in it. `None` before the first
    /// snapshot.
    #[must_use]
    pub(crate) fn newest(&self) -> Option<(Tick, &PredictedEntities<G::Entity>)> {
        let confirmed = self.confirmed?;
        Some(self.predicted.back().map_or((confirmed, &self.base), |step| (step.tick, &step.own)))
    }

    /// Returns the own entities one tick before the newest predicted tick, or the confirmed ones if fewer than two ticks are predicted.
    /// Drawing interpolates from these to the newest.
    #[must_use]
    pub(crate) fn previous(&self) -> &PredictedEntities<G::Entity> {
        let previous = self.predicted.len().checked_sub(2).and_then(|index| self.predicted.get(index));
        previous.map_or(&self.base, |step| &step.own)
    }

    /// Returns the offsets of corrections that are still being eased.
    #[must_use]
    pub(crate) const fn corrections(&self) -> &Corrections {
        &self.corrections
    }

    /// Returns the game's scene, such as walls: everything besides the own entities that prediction needs.
    #[must_use]
    pub(crate) const fn scene(&self) -> &G::Scene {
        &self.scene
    }

    /// Returns the counts since the start.
    #[must_use]
    pub(crate) const fn counts(&self) -> PredictionCounts {
        self.counts
    }

    /// Appends a predicted tick. Without an input the own entities stand still.
    fn step(&mut self, tick: Tick, input: Option<G::Input>) {
        let mut own = self.predicted.back().map_or(&self.base, |step| &step.own).clone();
        if let Some(input) = &input {
            G::predict(&mut own, input, &self.scene, self.rate);
        }
        self.predicted.push_back(PredictedTick { tick, input, own });
    }

    /// Returns the input that replaces the missing one of `tick`; `None` if `tick` is too long after the last input.
    fn coasted(&self, tick: Tick) -> Option<G::Input> {
        let (last_tick, input) = self.last_input.as_ref()?;
        // Canonical, as in the server.
        let coasted = || bits::canonical(&G::coast(input), &mut BitWriter::new()).ok();
        if tick.since(*last_tick) <= self.max_coast_ticks { coasted() } else { None }
    }

    /// Discards the predicted ticks from `tick` on, because the clock was set back. Returns the own entities of the newest discarded
    /// tick.
    fn rewind_before(&mut self, tick: Tick) -> Option<PredictedEntities<G::Entity>> {
        let newest = self.predicted.pop_back_if(|step| step.tick >= tick)?;
        while self.predicted.pop_back_if(|step| step.tick >= tick).is_some() {}
        Some(newest.own)
    }

    /// Discards the predicted ticks up to `tick`. Returns the own entities that were predicted for `tick`, if it was predicted.
    fn discard_through(&mut self, tick: Tick) -> Option<PredictedEntities<G::Entity>> {
        let mut expected = None;
        while let Some(step) = self.predicted.pop_front_if(|step| step.tick <= tick) {
            expected = (step.tick == tick).then_some(step.own);
        }
        expected
    }

    /// Predicts all later ticks again, from the confirmed state.
    fn replay(&mut self) {
        let mut own = self.base.clone();
        for step in &mut self.predicted {
            if let Some(input) = &step.input {
                G::predict(&mut own, input, &self.scene, self.rate);
            }
            step.own = own.clone();
        }
    }

    /// Confirms or rejects the spawns in `prediction`, the own entities that were predicted for the newest snapshot's tick. A spawn is
    /// confirmed by the nearest entity that was not in the previous snapshot. Returns the confirmed spawns with their ids, in the states
    /// that were predicted for the newest tick.
    fn confirm_spawns(
        &mut self,
        prediction: &PredictedEntities<G::Entity>,
        previous_base: &PredictedEntities<G::Entity>,
    ) -> Vec<(EntityId, G::Entity)> {
        let spawns: Vec<_> = unconfirmed(prediction).collect();
        if spawns.is_empty() {
            return Vec::new();
        }
        let is_new = |id| !previous_base.iter().any(|(other, _)| other == Some(id));
        let new: Vec<_> = self.base.iter().filter_map(|(id, entity)| Some((id?, entity))).collect();
        let new: Vec<_> = new.into_iter().filter(|(id, _)| is_new(*id)).collect();
        let pairs = pair_spawns(&spawns, &new);
        self.counts.confirmed_spawns += pairs.len() as u64;
        self.counts.rejected_spawns += (spawns.len() - pairs.len()) as u64;
        // Each spawn is followed tick by tick, because after several ticks a moving entity may be nearest to another one's old position.
        let mut current: Vec<_> =
            (0..).zip(spawns).map(|(index, entity)| (id_of(index, &pairs), entity)).collect();
        for step in &self.predicted {
            let origin = |entity| predecessor(entity, current.iter().map(|(_, previous)| *previous));
            let id = |entity| origin(entity).and_then(|index| current.get(index)?.0);
            current = unconfirmed(&step.own).map(|entity| (id(entity), entity)).collect();
        }
        current.into_iter().filter_map(|(id, entity)| Some((id?, entity.clone()))).collect()
    }

    /// Starts the easing of displaced entities. Counts one correction if any entity was moved.
    fn correct(&mut self, displaced: Vec<Displacement>, now: Duration) {
        let mut farthest = None;
        for Displacement { id, by } in displaced {
            match by {
                Some(by) => {
                    self.corrections.push(id, by, now);
                    farthest = farthest.max(Some(by.length()));
                }
                None => self.corrections.remove(id),
            }
        }
        if let Some(farthest) = farthest {
            self.counts.corrections += 1;
            self.counts.last_correction = farthest;
        }
    }
}

/// Returns the id of the entity that confirms this spawn, if any does.
fn id_of(spawn: usize, pairs: &[(usize, EntityId)]) -> Option<EntityId> {
    pairs.iter().find(|(other, _)| *other == spawn).map(|(_, id)| *id)
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
    fn an_own_walker_moves_at_once_and_received_inputs_need_no_correction() {
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
    fn a_lost_input_is_corrected_and_the_correction_is_eased() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        [60, 60, 60].into_iter().zip(11..).for_each(|(bend, tick)| {
            prediction.push(Tick(tick), Steering { bend }, Duration::ZERO);
        });
        let before = predicted(&prediction).1;
        // The server did not have the input of tick 11.
        confirm(&mut prediction, 11, &stepped(start(), &[0]), 500 * MS);
        let after = predicted(&prediction).1;
        assert_eq!(after, stepped(start(), &[0, 60, 60]), "the later inputs are replayed");
        assert_eq!(prediction.counts().corrections, 1);
        let offset = |ms| prediction.corrections().offset(ID, ms * MS);
        assert_eq!(after.at + offset(500), before.at, "the drawn position does not jump");
        assert_eq!(offset(600), Point::default());
    }

    #[test]
    fn skipped_ticks_repeat_the_last_input() {
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
        assert_eq!(steps.count(), 60, "prediction moves for 60 ticks");
        assert_eq!(predicted(&prediction).0, 70);
    }

    #[test]
    fn nothing_is_predicted_before_the_first_snapshot() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        assert!(!prediction.push(Tick(5), Steering { bend: 1 }, Duration::ZERO));
        assert!(prediction.newest().is_none());
    }

    #[test]
    fn a_gap_of_inputs_repeats_the_last_one_for_as_long_as_the_server_does() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        prediction.push(Tick(11), Steering { bend: 9 }, Duration::ZERO);
        prediction.push(Tick(41), Steering { bend: 1 }, Duration::ZERO);
        let bends = [&[9; 8][..], &[1]].concat();
        assert_eq!(predicted(&prediction), (41, stepped(start(), &bends)), "seven ticks are 233 ms");
        // The server has used all inputs and repeats the last one.
        confirm(&mut prediction, 41, &start(), Duration::ZERO);
        prediction.push(Tick(43), Steering { bend: 5 }, Duration::ZERO);
        assert_eq!(predicted(&prediction), (43, stepped(start(), &[1, 5])));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_entity_jump() {
        let mut prediction = Prediction::<Crowd>::new(TickRate::DEFAULT);
        confirm(&mut prediction, 10, &start(), Duration::ZERO);
        for tick in 11..21 {
            prediction.push(Tick(tick), Steering { bend: 0 }, Duration::ZERO);
        }
        let old = predicted(&prediction).1.at;
        assert!(prediction.push(Tick(16), Steering { bend: 0 }, 500 * MS));
        assert_eq!(predicted(&prediction), (16, stepped(start(), &[0; 6])));
        let from = prediction.previous().iter().next().unwrap().1.at;
        let offset = |ms| prediction.corrections().offset(ID, ms * MS);
        assert_eq!(from + offset(500), old, "drawing continues from the old position");
        assert_eq!((offset(600), prediction.counts().corrections), (Point::default(), 1));
    }
}
