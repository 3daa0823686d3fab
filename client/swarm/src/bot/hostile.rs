//! A hostile bot of a run: attacks the server and records the attack.

use std::sync::Arc;

use quarrel_shared::game::Predict;

use crate::{
    hostile::{self, HostileKind},
    run::WorkerContext,
};
use quarrel_client::Connector;

/// One hostile bot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostileBot {
    pub(crate) kind: HostileKind,
    /// The bot's number among the hostile bots of the plan.
    pub(crate) number: u32,
    /// The group whose server the bot attacks.
    pub(crate) group: u16,
}

/// Attacks the server until the run stops, and records the attack.
pub(crate) async fn attack<G: Predict>(bot: HostileBot, connector: Connector, context: Arc<WorkerContext>) {
    let HostileBot { kind, number, group } = bot;
    // Hostile bots are numbered from the maximum downwards, so that their seeds differ from those of playing bots.
    let seed = context.plan.brain_seed(!number);
    let target = context.join_target(group);
    let result = hostile::attack::<G>(kind, &connector, target, seed, context.stop.cancelled()).await;
    let at = context.elapsed();
    let mut recorder = context.recorder();
    match result {
        Ok(record) => recorder.push_hostile(kind.name(), &record),
        Err(error) => recorder.push_incident(at, format!("a hostile bot ({kind}) got no socket: {error}")),
    }
}
