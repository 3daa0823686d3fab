//! A custom load tester: the swarm program for one game, with an additional brain (bot behaviour).
//!
//! Each walker turns towards the nearest other walker, so that the walkers form a herd, and a view contains far more of them than when they
//! stroll. This is the worst case of a game about crowds, for which machines should be sized.
//!
//! ```sh
//! cargo run --release --example herd -- run --bots 200 --slo 'input_ack_ms.p99 < 80'
//! ```

use std::process::ExitCode;

use quarrel_shared::{
    crowd::{Crowd, Steering, Walker},
    game::{Angle, Brain, Observation},
};
use quarrel_swarm::NamedBrain;

/// The additional brains; the first is the default. The game's own brain, `stroll`, can still be selected.
const BRAINS: &[NamedBrain<Crowd>] = &[("gather", |_| Box::new(Gather))];

fn main() -> ExitCode {
    quarrel_swarm::main::<Crowd>(BRAINS)
}

/// The brain of a walker that turns towards the nearest other walker.
struct Gather;

impl Brain<Crowd> for Gather {
    fn decide(&mut self, seen: Observation<'_, Crowd>) -> Steering {
        let walkers = || seen.entities.iter().map(|(_, walker)| walker);
        let Some(own) = walkers().find(|walker| walker.seat == seen.seat) else { return Steering::default() };
        let distance = |walker: &&Walker| walker.at.distance_squared(own.at);
        let nearest = walkers().filter(|walker| walker.seat != seen.seat).min_by_key(distance);
        nearest.map_or_else(Steering::default, |other| {
            let turn = own.heading.turn_to(Angle::of(other.at - own.at));
            Steering { bend: (turn / 256) as i8 }
        })
    }
}
