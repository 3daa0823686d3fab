//! Measured quality of play over each link of the table, held to minimum figures.
//!
//! `sim feel` prints the whole table from more and longer play. A seed repeats these figures exactly; the margin between them
//! and the promised figures is for changes that lose nothing.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{FeelConfig, feel},
};

/// The figures that a player on a link may rely on.
struct FeelBounds {
    inputs_on_tick: f64,
    corrections_per_min: f64,
    correction_units_p99: f64,
    drawn_age_ms_p50: f64,
    drawn_age_ms_p99: f64,
    extrapolated_share: f64,
    frozen_share: f64,
    /// The server rewinds at most a quarter second: on slow links, part of the drawn view is older.
    hits_confirmed: f64,
}

/// Bytes per second to and from each player, on any link: upper bounds for this room of eleven.
const BYTES_DOWN_S: f64 = 2900.0;
const BYTES_UP_S: f64 = 3300.0;

/// Three players in a room of eleven, for a minute, so that each player passes one tunnel of the train.
const SESSION: FeelConfig = FeelConfig { seed: 71, players: 3, measured: Duration::from_secs(60) };

impl FeelBounds {
    fn assert_on(&self, link: &str) {
        let feel = feel(&Link::named(link), SESSION);
        println!("{feel:?}");
        assert!(feel.hits_shown > 15, "{link}: players must fight: {} hits", feel.hits_shown);
        assert!(feel.lost.is_empty(), "{link}: no connection may be lost: {:?}", feel.lost);
        assert_eq!((feel.events_lost, feel.events_doubled), (0, 0), "{link}: every event must arrive once");
        let minimums = [
            ("the share of inputs on their tick", feel.inputs_on_tick, self.inputs_on_tick),
            ("the share of confirmed hits", feel.hits_confirmed, self.hits_confirmed),
        ];
        for (what, is, min) in minimums {
            assert!(is >= min, "{link}: {what} must be at least {min}, is {is}");
        }
        let maximums = [
            ("corrections per minute", feel.corrections_per_min, self.corrections_per_min),
            (
                "the size of corrections at p99, in units",
                feel.correction_units_p99,
                self.correction_units_p99,
            ),
            ("the median age of the drawn view, in ms", feel.drawn_age_ms_p50, self.drawn_age_ms_p50),
            ("the p99 age of the drawn view, in ms", feel.drawn_age_ms_p99, self.drawn_age_ms_p99),
            ("the extrapolated share", feel.extrapolated_share, self.extrapolated_share),
            ("the frozen share", feel.frozen_share, self.frozen_share),
            ("bytes per second to a player", feel.bytes_down_s, BYTES_DOWN_S),
            ("bytes per second from a player", feel.bytes_up_s, BYTES_UP_S),
        ];
        for (what, is, max) in maximums {
            assert!(is <= max, "{link}: {what} must be at most {max}, is {is}");
        }
    }
}

/// The figures of a link without trouble.
const QUIET: FeelBounds = FeelBounds {
    inputs_on_tick: 0.999,
    corrections_per_min: 0.5,
    correction_units_p99: 2.5,
    drawn_age_ms_p50: 80.0,
    drawn_age_ms_p99: 100.0,
    extrapolated_share: 0.001,
    frozen_share: 0.0,
    hits_confirmed: 0.99,
};

#[test]
fn play_on_a_lan_is_without_faults() {
    let lan = FeelBounds { inputs_on_tick: 1.0, corrections_per_min: 0.0, drawn_age_ms_p50: 70.0, ..QUIET };
    FeelBounds { drawn_age_ms_p99: 70.0, extrapolated_share: 0.0, ..lan }.assert_on("lan");
}

#[test]
fn play_on_fibre_is_nearly_without_faults() {
    QUIET.assert_on("fibre");
}

#[test]
fn play_on_wifi_has_few_corrections() {
    FeelBounds {
        inputs_on_tick: 0.998,
        corrections_per_min: 2.0,
        drawn_age_ms_p50: 90.0,
        drawn_age_ms_p99: 120.0,
        extrapolated_share: 0.005,
        frozen_share: 0.001,
        ..QUIET
    }
    .assert_on("wifi");
}

#[test]
fn play_on_busy_wifi_stays_smooth() {
    FeelBounds {
        inputs_on_tick: 0.995,
        corrections_per_min: 1.0,
        correction_units_p99: 5.0,
        drawn_age_ms_p50: 105.0,
        drawn_age_ms_p99: 170.0,
        extrapolated_share: 0.015,
        frozen_share: 0.001,
        hits_confirmed: 0.97,
    }
    .assert_on("busy_wifi");
}

#[test]
fn play_on_lte_stays_smooth() {
    FeelBounds {
        inputs_on_tick: 0.995,
        corrections_per_min: 1.5,
        correction_units_p99: 5.0,
        drawn_age_ms_p50: 110.0,
        drawn_age_ms_p99: 200.0,
        extrapolated_share: 0.01,
        frozen_share: 0.003,
        hits_confirmed: 0.97,
    }
    .assert_on("lte");
}

#[test]
fn play_on_a_train_continues_after_tunnels() {
    // Two seconds of each minute are black-outs with a frozen screen: 3.3 % frozen, and the p99 age.
    FeelBounds {
        inputs_on_tick: 0.98,
        corrections_per_min: 8.0,
        correction_units_p99: 6.0,
        drawn_age_ms_p50: 215.0,
        drawn_age_ms_p99: 2300.0,
        extrapolated_share: 0.03,
        frozen_share: 0.055,
        hits_confirmed: 0.25,
    }
    .assert_on("train");
}

#[test]
fn play_over_a_satellite_is_delayed_but_smooth() {
    FeelBounds {
        inputs_on_tick: 0.99,
        corrections_per_min: 8.0,
        correction_units_p99: 3.0,
        drawn_age_ms_p50: 240.0,
        drawn_age_ms_p99: 340.0,
        extrapolated_share: 0.015,
        frozen_share: 0.006,
        hits_confirmed: 0.15,
    }
    .assert_on("satellite");
}

#[test]
fn play_on_a_hostile_link_is_possible() {
    FeelBounds {
        inputs_on_tick: 0.96,
        corrections_per_min: 12.0,
        correction_units_p99: 8.0,
        drawn_age_ms_p50: 310.0,
        drawn_age_ms_p99: 400.0,
        extrapolated_share: 0.05,
        frozen_share: 0.012,
        hits_confirmed: 0.15,
    }
    .assert_on("hostile");
}
