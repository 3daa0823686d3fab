//! The top of the page: the verdict with its reasons, and the key figures as tiles.

use super::{Markup, number};
use crate::report::{Percentiles, Report, ServerFigures, SwarmFigures, Verdict};

/// Returns the page's title.
pub(super) fn title(report: &Report) -> String {
    format!("{}: {}", report.verdict, subject(report))
}

fn subject(report: &Report) -> String {
    let bots = number::count(report.bots_at_once.max(report.bots.min(1)));
    let server = if report.setting.server.is_empty() { "a server" } else { &report.setting.server };
    format!("{bots} bots on {server}")
}

/// Adds the verdict, its reasons, and the environment of the run.
pub(super) fn verdict(body: &mut Markup, report: &Report) {
    let class = match report.verdict {
        Verdict::Pass => "verdict pass",
        Verdict::Fail => "verdict fail",
        Verdict::Invalid => "verdict invalid",
        Verdict::Aborted => "verdict aborted",
    };
    body.element("header", class, |header| {
        header.element("div", "summary", |summary| {
            summary.text("p", "badge", report.verdict);
            summary.text("h1", "", subject(report));
            summary.text("p", "subtitle", subtitle(report));
            if !report.why.is_empty() {
                summary
                    .element("ul", "why", |list| report.why.iter().for_each(|why| list.text("li", "", why)));
            }
        });
        let setting = &report.setting;
        let facts = [
            ("start", setting.started_rfc3339().replace('T', " ").replace('Z', " UTC")),
            ("swarm", setting.version.clone()),
            ("server", setting.server_version.clone().unwrap_or_else(|| "unknown".to_owned())),
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

/// Returns the duration of the run and the number of rules that held or broke.
fn subtitle(report: &Report) -> String {
    let (rules, held) = (report.slo.len(), report.slo.iter().filter(|result| result.ok).count());
    let rules = match rules {
        0 => "no rules".to_owned(),
        1 if held == 1 => "the rule held".to_owned(),
        rules if held == rules => format!("all {rules} rules held"),
        rules => format!("{} of {rules} rules broken", rules - held),
    };
    let warm_up = if report.warm_up_s > 0.0 {
        format!(", with a warm-up of {}", number::duration(report.warm_up_s))
    } else {
        String::new()
    };
    format!("{}{warm_up}; {rules}", number::duration(report.seconds))
}

/// A key figure with a line of details.
struct SummaryTile {
    name: &'static str,
    value: String,
    unit: &'static str,
    details: String,
    /// The name of the figure in the report, by which the value is compared with the baseline.
    figure: &'static str,
}

/// Adds the key figures.
pub(super) fn tiles(main: &mut Markup, report: &Report) {
    let mut tiles = bot_tiles(report);
    tiles.extend(report.server.iter().flat_map(|server| [tick(server), cpu(server)]));
    tiles.push(lag(&report.swarm));
    main.element("section", "tiles", |section| {
        section.fixed("<h2 class=\"hidden\">Key figures</h2>");
        tiles.iter().for_each(|tile| tile.render(section, report));
    });
}

fn bot_tiles(report: &Report) -> Vec<SummaryTile> {
    vec![
        p99_tile("Input acknowledged, p99", report.input_ack_ms, "input_ack_ms.p99"),
        p99_tile("Snapshot age, p99", report.snapshot_age_ms, "snapshot_age_ms.p99"),
        p99_tile("Join, p99", report.join_ms, "join_ms.p99"),
        seats(report),
        SummaryTile {
            name: "Snapshots lost",
            value: number::figure_or_dash(report.snapshots_lost_percent),
            unit: "%",
            details: format!(
                "{} applied per bot and second",
                number::figure_or_dash(report.snapshots_per_bot_s)
            ),
            figure: "snapshots_lost_percent",
        },
        SummaryTile {
            name: "Screens frozen",
            value: number::figure_or_dash(report.frozen_percent),
            unit: "%",
            details: format!(
                "{} corrections per bot and minute",
                number::figure_or_dash(report.corrections_per_bot_min)
            ),
            figure: "frozen_percent",
        },
        traffic(report),
    ]
}

fn seats(report: &Report) -> SummaryTile {
    SummaryTile {
        name: "Seats taken",
        value: number::count(report.joined),
        unit: "",
        details: format!(
            "{} refused · {} disconnected · {} resumes",
            number::count(report.refused),
            number::count(report.disconnected),
            number::count(report.resumes)
        ),
        figure: "joined",
    }
}

fn lag(swarm: &SwarmFigures) -> SummaryTile {
    SummaryTile {
        name: "Swarm's own lag, p99",
        value: number::figure(swarm.lag_ms_p99),
        unit: "ms",
        details: format!(
            "max {} · busiest thread {} %",
            number::figure(swarm.lag_ms_max),
            number::figure(swarm.busiest_thread_percent)
        ),
        figure: "swarm.lag_ms_p99",
    }
}

fn p99_tile(name: &'static str, times: Option<Percentiles>, figure: &'static str) -> SummaryTile {
    let Some(times) = times else {
        return SummaryTile {
            name,
            value: "–".to_owned(),
            unit: "",
            details: "not measured".to_owned(),
            figure,
        };
    };
    let details = format!("p50 {} · max {}", number::figure(times.p50), number::figure(times.max));
    SummaryTile { name, value: number::figure(times.p99), unit: "ms", details, figure }
}

fn traffic(report: &Report) -> SummaryTile {
    let rate = |bytes: Option<f64>| bytes.map_or_else(|| ("–".to_owned(), ""), number::rate);
    let ((down, unit), (up, up_unit)) = (rate(report.bytes_down_per_bot_s), rate(report.bytes_up_per_bot_s));
    let details = format!("{up} {up_unit} up");
    SummaryTile { name: "Down, per bot", value: down, unit, details, figure: "bytes_down_per_bot_s" }
}

fn tick(server: &ServerFigures) -> SummaryTile {
    SummaryTile {
        name: "Server tick, p99",
        value: number::figure_or_dash(server.tick_ms_p99),
        unit: "ms",
        details: format!(
            "max {} · {} overruns · {} slips",
            number::figure_or_dash(server.tick_ms_max),
            number::count_or_dash(server.overruns),
            number::count_or_dash(server.slips)
        ),
        figure: "server.tick_ms_p99",
    }
}

fn cpu(server: &ServerFigures) -> SummaryTile {
    SummaryTile {
        name: "Server CPU",
        value: number::figure_or_dash(server.cpu_cores),
        unit: "cores",
        details: format!(
            "{} ms per bot and second · {} MB",
            number::figure_or_dash(server.cpu_ms_per_player_s),
            number::figure_or_dash(server.rss_mb)
        ),
        figure: "server.cpu_cores",
    }
}

impl SummaryTile {
    fn render(&self, section: &mut Markup, report: &Report) {
        let delta = report.baseline.as_ref().and_then(|baseline| baseline.figures.get(self.figure));
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
            tile.text("p", "details", &self.details);
        });
    }
}
