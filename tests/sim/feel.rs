//! `sim feel`: what play is like over each link of the table.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{Feel, Session, feel},
};
use quarrel_netsim::LINKS;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Over these links; all when none is named.
    links: Vec<String>,
    /// Over a quiet link of this round trip instead, in milliseconds; may be said several times.
    #[arg(long, conflicts_with = "links")]
    round_trip_ms: Vec<f64>,
    /// One JSON line for each link instead of a table.
    #[arg(long)]
    json: bool,
    /// How many measured players in the room.
    #[arg(long, default_value_t = 6)]
    players: u32,
    /// How long they are measured, in simulated seconds.
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Measures and prints.
pub(crate) fn run(arguments: &Arguments) {
    let named = arguments.links.iter().map(|name| Link::named(name));
    let quiet = arguments.round_trip_ms.iter().map(|ms| Link::round_trip("quiet", *ms));
    let mut links: Vec<Link> = named.chain(quiet).collect();
    if links.is_empty() {
        links.extend(LINKS);
    }
    let session = Session {
        seed: arguments.seed,
        players: arguments.players,
        measured: Duration::from_secs(arguments.seconds.into()),
    };
    if !arguments.json {
        println!("{HEAD}");
    }
    for link in links {
        let feel = feel(&link, session);
        if arguments.json {
            println!("{}", serde_json::to_string(&feel).expect("a line of numbers"));
        } else {
            println!("{}", row(&feel));
        }
        feel.lost.iter().for_each(|lost| eprintln!("{}: a player's connection ended: {lost}", link.name));
    }
}

const HEAD: &str = "\
| link | inputs on tick | corrections a minute | their size (p99, units) | age of what is drawn, p50 / p99 | extrapolated | frozen | hits confirmed | down / up, B/s | events lost, doubled |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

fn row(feel: &Feel) -> String {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let cells = [
        feel.link.clone(),
        percent(feel.inputs_on_tick),
        format!("{:.2}", feel.corrections_per_min),
        format!("{:.2}", feel.correction_units_p99),
        format!("{:.0} / {:.0} ms", feel.drawn_age_ms_p50, feel.drawn_age_ms_p99),
        percent(feel.extrapolated_share),
        percent(feel.frozen_share),
        format!("{} of {}", percent(feel.hits_confirmed), feel.hits_shown),
        format!("{:.0} / {:.0}", feel.bytes_down_s, feel.bytes_up_s),
        format!("{}, {}", feel.events_lost, feel.events_doubled),
    ];
    format!("| {} |", cells.join(" | "))
}
