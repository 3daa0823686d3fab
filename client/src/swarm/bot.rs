//! One bot: it comes at its time, takes a seat, plays until it is told to stop, and says how it went.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc, time::Duration};

use quarrel_shared::{
    game::{Brain, Predict},
    protocol::{CloseReason, datagram::SnapshotHeader},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    run::Shared,
    stats::{BotRecord, record},
};
use crate::{
    clock::Slot,
    connect::{ConnectError, Connector},
    driver::{Command, Driven, Driver},
    pilot::{Ending, Happening, Joined, Pilot},
    screen::Drawn,
};

/// Inputs that wait to be acknowledged, at most: some seconds. Older ones are given up, and the seat soon with them.
const PENDING: usize = 512;

/// Plays one bot from its arrival to the run's end.
pub(super) async fn play<G: Predict>(connector: Connector, bot: u32, shared: Arc<Shared>) -> BotRecord {
    let arrival = shared.start + shared.plan.arrival(bot);
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => return missed("the run ended before it came".to_owned()),
        () = sleep_until(arrival) => {}
    }
    let brain = shared.plan.brain.as_deref().and_then(|skill| G::brain(skill, shared.plan.brain_seed(bot)));
    let (commands, commands_out) = mpsc::channel(1);
    let pilot = BotPilot::<G>::new(brain, arrival, Arc::clone(&shared));
    let name = format!("bot-{bot}");
    let driver = tokio::select! {
        biased;
        () = shared.stop.cancelled() => return missed(unanswered(&shared)),
        driver = Driver::join(&connector, &name, shared.plan.target, pilot, commands_out) => match driver {
            Ok(driver) => driver,
            Err(error) => return refused(&error, &shared),
        },
    };
    let mut flight = Box::pin(driver.run());
    let driven = tokio::select! {
        biased;
        driven = &mut flight => driven,
        () = shared.stop.cancelled() => {
            // Nothing else is ever sent, so there is room for it.
            let _ = commands.try_send(Command::Close);
            flight.await
        }
    };
    debrief(driven)
}

/// The seat's decisions by a brain, and what is measured of them.
struct BotPilot<G: Predict> {
    brain: Option<Box<dyn Brain<G>>>,
    /// When it was to come.
    arrival: Instant,
    seat: Option<(Joined, Instant)>,
    /// Inputs that no snapshot has said to be used, oldest first.
    pending: VecDeque<Slot>,
    record: BotRecord,
    shared: Arc<Shared>,
    /// Why it broke off.
    gave_up: Option<(CloseReason, String)>,
}

impl<G: Predict> BotPilot<G> {
    fn new(brain: Option<Box<dyn Brain<G>>>, arrival: Instant, shared: Arc<Shared>) -> Self {
        let (seat, pending, record) = (None, VecDeque::new(), BotRecord::new());
        Self { brain, arrival, seat, pending, record, shared, gave_up: None }
    }

    fn give_up(&mut self, reason: CloseReason, sentence: String) -> ControlFlow<CloseReason> {
        self.gave_up = Some((reason, sentence));
        ControlFlow::Break(CloseReason::Left)
    }
}

impl<G: Predict> Pilot<G> for BotPilot<G> {
    fn input(&mut self, slot: Slot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        if self.pending.len() == PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(slot);
        match (&mut self.brain, &self.seat, drawn) {
            (Some(brain), Some((joined, _)), Some(drawn)) => {
                brain.decide(drawn.seen(joined.rate, joined.seat))
            }
            _ => G::Input::default(),
        }
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, now: Duration, _rtt: Duration) {
        let Some(used) = header.used else { return };
        while let Some(slot) = self.pending.pop_front_if(|slot| slot.tick <= used) {
            record(&mut self.record.input_ack, now.saturating_sub(slot.due));
        }
    }

    fn on(&mut self, happening: Happening<G>, _now: Duration) -> ControlFlow<CloseReason> {
        match happening {
            Happening::View(_) => self.shared.live.snapshots.add(1),
            Happening::Event { tick, event } => {
                if let Some((joined, _)) = &self.seat
                    && let Some(deed) = G::deed(&event, joined.seat)
                {
                    self.record.deeds.push(deed, joined.room, tick);
                }
            }
            Happening::Joined(joined) => {
                self.record.join = Some(self.arrival.elapsed());
                self.seat = Some((joined, Instant::now()));
                self.shared.live.playing.add(1);
            }
            Happening::JoinRefused { reason, sentence } | Happening::RoomClosed { reason, sentence } => {
                return self.give_up(reason, sentence);
            }
            Happening::Closed(_) => {
                if let Some((_, since)) = self.seat {
                    self.record.played = since.elapsed();
                    self.shared.live.playing.subtract(1);
                }
                self.shared.live.over.add(1);
            }
            Happening::Rooms(_)
            | Happening::Interrupted
            | Happening::Resumed(_)
            | Happening::SeatTaken { .. }
            | Happening::SeatLeft { .. }
            | Happening::Chat { .. } => {}
        }
        ControlFlow::Continue(())
    }
}

/// A bot that had no time to get a seat.
fn missed(why: String) -> BotRecord {
    let mut record = BotRecord::new();
    record.close = "no_answer";
    record.trouble = Some(why);
    record
}

fn unanswered(shared: &Shared) -> String {
    let server = shared.plan.connect.server;
    format!("the run ended before {server} answered: check the address, and that a server runs there")
}

/// A bot that got no connection.
fn refused(error: &ConnectError, shared: &Shared) -> BotRecord {
    shared.live.over.add(1);
    let mut record = BotRecord::new();
    record.close = match error {
        ConnectError::Refused { reason, .. } => reason.name(),
        ConnectError::Unreachable(_) => "no_answer",
        _ => "connect_failed",
    };
    record.trouble = Some(error.to_string());
    record
}

/// A bot that had a connection.
fn debrief<G: Predict>(driven: Driven<BotPilot<G>>) -> BotRecord {
    let Driven { pilot, ending, counts, bytes_down, bytes_up } = driven;
    let mut record = BotRecord { counts, bytes_down, bytes_up, ..pilot.record };
    match (pilot.gave_up, ending) {
        (Some((reason, sentence)), _) | (None, Ending::Closed { reason, sentence }) => {
            record.close = reason.name();
            record.trouble = Some(sentence);
        }
        (None, Ending::Left) => {}
        (None, ref ending @ Ending::Lost(ref sentence)) => {
            record.close = ending.name();
            record.trouble = Some(sentence.clone());
        }
    }
    record.disconnected = record.join.is_some() && record.trouble.is_some();
    record
}
