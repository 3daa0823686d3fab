//! What a player sees: others a little in the past, between two snapshots; their own things in the present, predicted.
//!
//! One screen belongs to one seat. The connection's task feeds it snapshots and inputs; whoever draws asks it at their own rate.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quarrel_shared::{
    game::{Entity, Predict, Seen},
    id::{EntityId, SeatId},
    moment::Moment,
    snapshot::View,
    tick::{Tick, TickRate},
};

use crate::{
    clock::Slot,
    interpolation::{Interpolation, Motion},
    playout::Playout,
    prediction::{Prediction, PredictionCounts},
};

/// The screen of one seat.
pub struct Screen<G: Predict> {
    seat: SeatId,
    rate: TickRate,
    playout: Playout,
    interpolation: Interpolation<G::Entity>,
    prediction: Prediction<G>,
    /// When the newest predicted tick was due.
    stepped_at: Duration,
}

/// One look at the screen.
#[derive(Clone, Debug)]
pub struct Drawn<E> {
    /// Where others are.
    pub moment: Moment,
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
    pub fn seen<G: Predict<Entity = E>>(&self, rate: TickRate, seat: SeatId) -> Seen<'_, G> {
        Seen { tick: self.tick, rate, seat, entities: &self.entities }
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
        let seen = Seen { tick: view.tick, rate: self.rate, seat: self.seat, entities: &view.entities };
        let before = self.prediction.counts().corrections;
        self.prediction.reconcile(&seen, now);
        let counts = self.prediction.counts();
        (counts.corrections > before).then_some(counts.last_correction)
    }

    /// The seat wants this: its own things move.
    pub fn push(&mut self, slot: Slot, input: G::Input) {
        self.prediction.push(slot.tick, input);
        self.stepped_at = slot.due;
    }

    /// Where others are `now`, and how much of that is known; `None` before the first snapshot.
    pub fn advance(&mut self, now: Duration) -> Option<(Moment, Motion)> {
        let wanted = self.playout.advance(now)?;
        Some(self.interpolation.reach(wanted))
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
            let before = screen.prediction.before().iter().find(|(other, _)| *other == Some(id));
            let between = match before {
                Some((_, before)) if !before.jumps_to(newest) => {
                    before.interpolate(newest, passed_us, period_us)
                }
                _ => newest.clone(),
            };
            between.displaced(screen.prediction.corrections().offset(id, now))
        })
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
        own_thing: impl Fn(&Self, EntityId, &G::Entity) -> G::Entity,
    ) -> Option<Drawn<G::Entity>> {
        let (moment, motion) = self.advance(now)?;
        let (tick, own) = self.prediction.newest()?;
        let mut entities = Vec::new();
        self.interpolation.draw(moment, |thing| G::is_own(thing, self.seat), &mut entities);
        let mut loosed = Vec::new();
        for (id, thing) in own.iter() {
            match id {
                Some(id) => entities.push((id, own_thing(self, id, thing))),
                None => loosed.push(thing.clone()),
            }
        }
        entities.sort_by_key(|(id, _)| *id);
        Some(Drawn { moment, motion, tick, entities, loosed })
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
