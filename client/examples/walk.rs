//! A minimal client: joins a room of Arena on this machine, walks in a circle, and prints what a game would draw: its own fighter at
//! the predicted position, the other fighters between two snapshots.
//!
//! Run `cargo run --release --bin quarrel -- serve` in one terminal and `cargo run --release --example walk` in another.

use std::time::Duration;

use quarrel_client::{Client, ClientEvent, Drawn, Joined, Trust, find_server};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Fighter, Input},
    game::{Angle, UNIT},
    protocol::JoinTarget,
    tick::Tick,
};
use tokio::time::{MissedTickBehavior, interval};

/// The number of frames drawn per second, which is independent of the server's tick rate.
const FRAMES_PER_SECOND: u64 = 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let config = find_server(&server, Trust::Loopback).await?;
    let mut client = Client::<Arena>::connect(&config).await?;
    let joined = client.join(JoinTarget::Quick).await?;
    println!("seat {} of room {}", joined.seat, joined.room);

    let mut frames = interval(Duration::from_millis(1000 / FRAMES_PER_SECOND));
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut frame: u64 = 0;
    loop {
        tokio::select! {
            event = client.next() => match event {
                Some(ClientEvent::Event { tick, event }) => println!("tick {tick}: {event:?}"),
                Some(ClientEvent::Interrupted) => println!("the connection broke; connecting again"),
                Some(ClientEvent::Resumed(joined)) => println!("back on seat {}", joined.seat),
                Some(ClientEvent::Closed(ending)) => {
                    println!("the connection ended: {ending:?}");
                    return Ok(());
                }
                Some(_) => {}
                None => return Ok(()),
            },
            _ = frames.tick() => {
                // The client repeats the input until it is set again, and moves the own fighter at once.
                let Some(drawn) = client.draw() else { continue };
                client.set_input(Input::default().walking(heading(drawn.tick, &joined).times(UNIT)));
                if frame.is_multiple_of(FRAMES_PER_SECOND) {
                    report(&client, &drawn, &joined);
                }
                frame += 1;
            }
        }
    }
}

/// Returns the walking direction at this tick: one full turn takes four seconds.
fn heading(tick: Tick, joined: &Joined) -> Angle {
    let round = 4 * u32::from(joined.rate.hz());
    Angle((tick.0 % round * 65_536 / round) as u16)
}

/// Prints the drawn fighters. The seat's own fighter is missing while it is dead, until it respawns.
fn report(client: &Client<Arena>, drawn: &Drawn<ArenaEntity>, joined: &Joined) {
    let (ours, others): (Vec<_>, Vec<_>) = fighters(drawn).partition(|fighter| fighter.seat == joined.seat);
    let Some((delay, prediction)) = client.screen().with(|screen| (screen.delay(), screen.prediction()))
    else {
        return;
    };
    if let Some(own) = ours.first() {
        let (x, y) = units(own);
        let corrections = prediction.corrections;
        println!("tick {}: predicted at {x:.2}, {y:.2}; corrected {corrections} times", drawn.tick);
    }
    for other in others {
        let (x, y) = units(other);
        let seat = other.seat;
        println!(
            "  at {}: seat {seat} at {x:.2}, {y:.2}, {delay:?} ago ({:?})",
            drawn.interpolated_at, drawn.motion
        );
    }
}

fn fighters(drawn: &Drawn<ArenaEntity>) -> impl Iterator<Item = &Fighter> {
    drawn.entities.iter().filter_map(|(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) => Some(fighter),
        _ => None,
    })
}

fn units(fighter: &Fighter) -> (f64, f64) {
    let unit = f64::from(UNIT);
    (f64::from(fighter.body.at.x) / unit, f64::from(fighter.body.at.y) / unit)
}
