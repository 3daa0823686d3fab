//! The top of the page: the verdict and why, then the figures that most people came for.

use super::{Markup, number};
use crate::{
    report::{Percentiles, Report, ServerFigures, SwarmFigures, Verdict},
    timestamp,
};

/// What a browser's tab says.
pub(super) fn title(report: &Report) -> String {
    format!("{}: {}", report.verdict, subject(report))
}

fn subject(report: &Report) -> String {
    let bots = number::count(report.bots_at_once.max(report.bots.min(1)));
    let server = if report.setting.server.is_empty() { "a server" } else { &report.setting.server };
    format!("{bots} bots on {server}")
}

/// The verdict, why, and what was run where.
pub(super) fn verdict(body: &mut Markup, report: &Report) {
    let class = match report.verdict {
        Verdict::Pass => "verdict pass",
        Verdict::Fail => "verdict fail",
        Verdict::Invalid => "verdict invalid",
        Verdict::Aborted => "verdict aborted",
    };
    body.element("header", class, |header| {
        header.element("div", "say", |say| {
            say.text("p", "badge", report.verdict);
            say.text("h1", "", subject(report));
            say.text("p", "what", sentence(report));
            if !report.why.is_empty() {
                say.element("ul", "why", |list| report.why.iter().for_each(|why| list.text("li", "", why)));
            }
        });
        let setting = &report.setting;
        let facts = [
            ("began", timestamp::rfc3339(setting.started_unix_s).replace('T', " ").replace('Z', " UTC")),
            ("swarm", setting.version.clone()),
            ("server", setting.server_version.clone().unwrap_or_else(|| "did not say".to_owned())),
            ("host", setting.host.clone()),
            ("cores", number::count(setting.cores)),
            ("processes", number::count(setting.processes)),
        ];
        header.element("dl", "facts", |list| {
            for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
                list.text("dt", "", name);
                list.text("dd", "", fact);
            }
        });
    });
}

fn sentence(report: &Report) -> String {
    let (rules, held) = (report.slo.len(), report.slo.iter().filter(|result| result.ok).count());
    let rules = match rules {
        0 => "no rules".to_owned(),
        1 if held == 1 => "its one rule held".to_owned(),
        rules if held == rules => format!("all {rules} rules held"),
        rules => format!("{} of {rules} rules broken", rules - held),
    };
    let warm_up = if report.warm_up_s > 0.0 {
        format!(", the first {} of it warm-up", number::duration(report.warm_up_s))
    } else {
        String::new()
    };
    format!("{}{warm_up}; {rules}", number::duration(report.seconds))
}

/// A figure with its name, unit, what else is to be said of it, and the figure by which it is compared.
struct Tile {
    name: &'static str,
    value: String,
    unit: &'static str,
    more: String,
    compared: &'static str,
}

/// The key figures.
pub(super) fn tiles(main: &mut Markup, report: &Report) {
    let mut tiles = of_bots(report);
    tiles.extend(report.server.iter().flat_map(|server| [tick(server), cpu(server)]));
    tiles.push(lag(&report.swarm));
    main.element("section", "tiles", |section| {
        section.fixed("<h2 class=\"hidden\">Key figures</h2>");
        tiles.iter().for_each(|tile| tile.render(section, report));
    });
}

fn of_bots(report: &Report) -> Vec<Tile> {
    vec![
        times("Input acknowledged, p99", report.input_ack_ms, "input_ack_ms.p99"),
        times("Snapshot age, p99", report.snapshot_age_ms, "snapshot_age_ms.p99"),
        times("Join, p99", report.join_ms, "join_ms.p99"),
        seats(report),
        Tile {
            name: "Snapshots lost",
            value: number::told(report.snapshots_lost_percent),
            unit: "%",
            more: format!("{} a second applied by each bot", number::told(report.snapshots_per_bot_s)),
            compared: "snapshots_lost_percent",
        },
        Tile {
            name: "Screens frozen",
            value: number::told(report.frozen_percent),
            unit: "%",
            more: format!("{} corrections a minute", number::told(report.corrections_per_bot_min)),
            compared: "frozen_percent",
        },
        traffic(report),
    ]
}

fn seats(report: &Report) -> Tile {
    Tile {
        name: "Seats taken",
        value: number::count(report.joined),
        unit: "",
        more: format!(
            "{} refused · {} disconnected · {} resumes",
            number::count(report.refused),
            number::count(report.disconnected),
            number::count(report.resumes)
        ),
        compared: "joined",
    }
}

fn lag(swarm: &SwarmFigures) -> Tile {
    Tile {
        name: "Swarm's own lag, p99",
        value: number::figure(swarm.lag_ms_p99),
        unit: "ms",
        more: format!(
            "max {} · busiest thread {} %",
            number::figure(swarm.lag_ms_max),
            number::figure(swarm.busiest_thread_percent)
        ),
        compared: "swarm.lag_ms_p99",
    }
}

fn times(name: &'static str, times: Option<Percentiles>, compared: &'static str) -> Tile {
    let Some(times) = times else {
        return Tile {
            name,
            value: "–".to_owned(),
            unit: "",
            more: "nothing was measured".to_owned(),
            compared,
        };
    };
    let more = format!("p50 {} · max {}", number::figure(times.p50), number::figure(times.max));
    Tile { name, value: number::figure(times.p99), unit: "ms", more, compared }
}

fn traffic(report: &Report) -> Tile {
    let rate = |bytes: Option<f64>| bytes.map_or_else(|| ("–".to_owned(), ""), number::rate);
    let ((down, unit), (up, up_unit)) = (rate(report.bytes_down_per_bot_s), rate(report.bytes_up_per_bot_s));
    let more = format!("{up} {up_unit} up");
    Tile { name: "Down, per bot", value: down, unit, more, compared: "bytes_down_per_bot_s" }
}

fn tick(server: &ServerFigures) -> Tile {
    Tile {
        name: "Server tick, p99",
        value: number::told(server.tick_ms_p99),
        unit: "ms",
        more: format!(
            "max {} · {} overruns · {} slips",
            number::told(server.tick_ms_max),
            number::told_count(server.overruns),
            number::told_count(server.slips)
        ),
        compared: "server.tick_ms_p99",
    }
}

fn cpu(server: &ServerFigures) -> Tile {
    Tile {
        name: "Server CPU",
        value: number::told(server.cpu_cores),
        unit: "cores",
        more: format!(
            "{} ms per bot and second · {} MB",
            number::told(server.cpu_ms_per_player_s),
            number::told(server.rss_mb)
        ),
        compared: "server.cpu_cores",
    }
}

impl Tile {
    fn render(&self, section: &mut Markup, report: &Report) {
        let delta = report.baseline.as_ref().and_then(|baseline| baseline.figures.get(self.compared));
        section.element("div", "tile", |tile| {
            tile.text("h3", "", self.name);
            tile.element("p", "value", |value| {
                value.text("b", "", &self.value);
                if !self.unit.is_empty() {
                    value.text("span", "unit", self.unit);
                }
                if let Some(percent) = delta.and_then(|delta| delta.percent) {
                    value.text("span", "delta", number::change(percent));
                }
            });
            tile.text("p", "more", &self.more);
        });
    }
}
