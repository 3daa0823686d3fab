//! A load tester of one's own: the game's swarm with a brain that the game does not bring.
//!
//! A herd gathers: everybody turns towards whoever is nearest, so that far more walkers stand in one view than when they stroll. That
//! is the worst case of a game about crowds, and the one to buy machines for.
//!
//! ```sh
//! cargo run --release --example herd -- run --bots 200 --slo 'input_ack_ms.p99 < 80'
//! ```

use std::process::ExitCode;

use quarrel_shared::{
    crowd::{Crowd, Steering, Walker},
    game::{Angle, Brain, Observation},
};
use quarrel_swarm::{self as swarm, NamedBrain};

/// The brains that are handed in; the first is what plays unless somebody says otherwise. The game's own are still there: `stroll`.
const BRAINS: &[NamedBrain<Crowd>] = &[("gather", |_| Box::new(Gather))];

fn main() -> ExitCode {
    swarm::main::<Crowd>(BRAINS)
}

/// Turns towards the nearest other walker.
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
