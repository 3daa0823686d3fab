//! What play is like over each link of the table, held to figures that nobody should lose unnoticed.
//!
//! `sim feel` prints the whole table from more and longer play. A seed repeats these figures exactly; the room between them and what
//! is promised is for changes that are no loss.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{FeelConfig, feel},
};

/// What a player on a link may count on.
struct Promise {
    inputs_on_tick: f64,
    corrections_per_min: f64,
    correction_units_p99: f64,
    drawn_age_ms_p50: f64,
    drawn_age_ms_p99: f64,
    extrapolated_share: f64,
    frozen_share: f64,
    /// Shots are judged by a world of at most a quarter second ago: on slow links, part of what is seen is older.
    hits_confirmed: f64,
}

/// Bytes a second to each player and from each, on any link: the most that this room of eleven costs.
const BYTES_DOWN_S: f64 = 2900.0;
const BYTES_UP_S: f64 = 3300.0;

/// Three players in a room of eleven. A minute, so that each tunnel of the train is measured once by each of them.
const SESSION: FeelConfig = FeelConfig { seed: 71, players: 3, measured: Duration::from_secs(60) };

impl Promise {
    fn is_kept_on(&self, link: &str) {
        let feel = feel(&Link::named(link), SESSION);
        println!("{feel:?}");
        assert!(feel.hits_shown > 15, "{link}: they fight: {} hits", feel.hits_shown);
        assert!(feel.lost.is_empty(), "{link}: nobody's connection is lost: {:?}", feel.lost);
        assert_eq!((feel.events_lost, feel.events_doubled), (0, 0), "{link}: every event comes once");
        let least = [
            ("the share of inputs on their tick", feel.inputs_on_tick, self.inputs_on_tick),
            ("the share of hits that are confirmed", feel.hits_confirmed, self.hits_confirmed),
        ];
        for (what, is, least) in least {
            assert!(is >= least, "{link}: {what} is {is}, and {least} at least is promised");
        }
        let most = [
            ("corrections a minute", feel.corrections_per_min, self.corrections_per_min),
            ("a correction's units", feel.correction_units_p99, self.correction_units_p99),
            ("the usual age of what is drawn, in ms", feel.drawn_age_ms_p50, self.drawn_age_ms_p50),
            ("the worst age of what is drawn, in ms", feel.drawn_age_ms_p99, self.drawn_age_ms_p99),
            ("the extrapolated share", feel.extrapolated_share, self.extrapolated_share),
            ("the frozen share", feel.frozen_share, self.frozen_share),
            ("bytes a second to a player", feel.bytes_down_s, BYTES_DOWN_S),
            ("bytes a second from a player", feel.bytes_up_s, BYTES_UP_S),
        ];
        for (what, is, most) in most {
            assert!(is <= most, "{link}: {what} is {is}, and {most} at most is promised");
        }
    }
}

/// What is promised where nothing goes wrong.
const QUIET: Promise = Promise {
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
fn in_the_next_room_nothing_is_ever_wrong() {
    let lan = Promise { inputs_on_tick: 1.0, corrections_per_min: 0.0, drawn_age_ms_p50: 70.0, ..QUIET };
    Promise { drawn_age_ms_p99: 70.0, extrapolated_share: 0.0, ..lan }.is_kept_on("lan");
}

#[test]
fn on_fibre_hardly_anything_is() {
    QUIET.is_kept_on("fibre");
}

#[test]
fn on_wifi_nobody_notices() {
    Promise {
        inputs_on_tick: 0.998,
        corrections_per_min: 2.0,
        drawn_age_ms_p50: 90.0,
        drawn_age_ms_p99: 120.0,
        extrapolated_share: 0.005,
        frozen_share: 0.001,
        ..QUIET
    }
    .is_kept_on("wifi");
}

#[test]
fn in_a_house_full_of_neighbours_play_is_as_at_home() {
    Promise {
        inputs_on_tick: 0.995,
        corrections_per_min: 1.0,
        correction_units_p99: 5.0,
        drawn_age_ms_p50: 105.0,
        drawn_age_ms_p99: 170.0,
        extrapolated_share: 0.015,
        frozen_share: 0.001,
        hits_confirmed: 0.97,
    }
    .is_kept_on("busy_wifi");
}

#[test]
fn a_telephone_that_stands_still_plays_well() {
    Promise {
        inputs_on_tick: 0.995,
        corrections_per_min: 1.5,
        correction_units_p99: 5.0,
        drawn_age_ms_p50: 110.0,
        drawn_age_ms_p99: 200.0,
        extrapolated_share: 0.01,
        frozen_share: 0.003,
        hits_confirmed: 0.97,
    }
    .is_kept_on("lte");
}

#[test]
fn on_a_train_through_a_tunnel_the_seat_plays_on() {
    // Two seconds of each minute are black, and everything stands still in them: that is 3.3 % frozen, and the worst age.
    Promise {
        inputs_on_tick: 0.98,
        corrections_per_min: 8.0,
        correction_units_p99: 6.0,
        drawn_age_ms_p50: 215.0,
        drawn_age_ms_p99: 2300.0,
        extrapolated_share: 0.03,
        frozen_share: 0.055,
        hits_confirmed: 0.25,
    }
    .is_kept_on("train");
}

#[test]
fn by_way_of_the_sky_play_is_late_and_even() {
    Promise {
        inputs_on_tick: 0.99,
        corrections_per_min: 8.0,
        correction_units_p99: 3.0,
        drawn_age_ms_p50: 240.0,
        drawn_age_ms_p99: 340.0,
        extrapolated_share: 0.015,
        frozen_share: 0.006,
        hits_confirmed: 0.15,
    }
    .is_kept_on("satellite");
}

#[test]
fn on_a_hostile_link_one_can_still_play() {
    Promise {
        inputs_on_tick: 0.96,
        corrections_per_min: 12.0,
        correction_units_p99: 8.0,
        drawn_age_ms_p50: 310.0,
        drawn_age_ms_p99: 400.0,
        extrapolated_share: 0.05,
        frozen_share: 0.012,
        hits_confirmed: 0.15,
    }
    .is_kept_on("hostile");
}
