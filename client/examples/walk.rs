//! Connects to a server on this machine, takes a seat in Arena, walks in a circle and says where it is.
//!
//! `cargo run --release --bin quarrel -- serve` in one terminal, `cargo run --release --example walk` in another.

use quarrel_client::{Client, ConnectConfig, Happening};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Fighter, Input},
    game::{Angle, UNIT},
    id::SeatId,
    protocol::JoinTarget,
    snapshot::View,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned());
    let mut client = Client::<Arena>::connect(&ConnectConfig::new(server.parse()?)).await?;
    let joined = client.join(JoinTarget::Quick).await?;
    println!("seat {} of room {}", joined.seat, joined.room);

    while let Some(happening) = client.next().await {
        match happening {
            Happening::View(view) => {
                // Once round in four seconds. The input holds until it is set again.
                let round = 4 * u32::from(joined.rate.hz());
                let turn = view.tick.0 % round * 65_536 / round;
                client.set_input(Input::default().walking(Angle(turn as u16).times(UNIT)));
                if view.tick.0 % u32::from(joined.rate.hz()) == 0 {
                    report(&view, joined.seat);
                }
            }
            Happening::Event { tick, event } => println!("tick {tick}: {event:?}"),
            Happening::Closed(ending) => println!("the connection ended: {ending:?}"),
            _ => {}
        }
    }
    Ok(())
}

/// Says where our fighter is. A seat without one waits for its next life.
fn report(view: &View<ArenaEntity>, seat: SeatId) {
    if let Some(fighter) = fighter_of(view, seat) {
        let (x, y) = (fighter.body.at.x / UNIT, fighter.body.at.y / UNIT);
        println!("tick {}: at {x}, {y} with {} health", view.tick, fighter.health);
    }
}

/// The fighter of a seat, if it is in the view.
fn fighter_of(view: &View<ArenaEntity>, seat: SeatId) -> Option<&Fighter> {
    view.entities.iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == seat => Some(fighter),
        _ => None,
    })
}
