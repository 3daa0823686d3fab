//! `sim feel`: the quality of play over each link of the table.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{Feel, FeelConfig, feel},
};
use quarrel_netsim::LINKS;

/// The parameters of `sim feel`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Names of the links to measure; all links when omitted.
    links: Vec<String>,
    /// Measure a link without loss and jitter of this round trip, in milliseconds; may be repeated.
    #[arg(long, conflicts_with = "links")]
    round_trip_ms: Vec<f64>,
    /// Print one JSON line for each link instead of a table.
    #[arg(long)]
    json: bool,
    /// Number of measured players in the room.
    #[arg(long, default_value_t = 6)]
    players: u32,
    /// Measured time, in simulated seconds.
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Seed of the run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Measures each link and prints its row or line.
pub(crate) fn run(arguments: &Arguments) {
    let named = arguments.links.iter().map(|name| Link::named(name));
    let quiet = arguments.round_trip_ms.iter().map(|ms| Link::round_trip("quiet", *ms));
    let mut links: Vec<Link> = named.chain(quiet).collect();
    if links.is_empty() {
        links.extend(LINKS);
    }
    let config = FeelConfig {
        seed: arguments.seed,
        players: arguments.players,
        measured: Duration::from_secs(arguments.seconds.into()),
    };
    if !arguments.json {
        println!("{HEAD}");
    }
    for link in links {
        let feel = feel(&link, config);
        if arguments.json {
            println!("{}", serde_json::to_string(&feel).expect("a row must be JSON"));
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
