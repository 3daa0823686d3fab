//! The tables of the page: rules, distributions, groups, counts, incidents, and the plan.

use super::{Markup, downsample, number};
use crate::report::{
    BaselineComparison, GroupFigures, HostileFigures, Percentiles, Report, ServerFigures, SwarmFigures,
};

/// Maximum number of differences to the baseline shown at once; the reader can unfold the others.
const MAX_DIFFERENCES: usize = 12;

/// Adds the rules and their results, if there are rules.
pub(super) fn rules(main: &mut Markup, report: &Report) {
    if report.slo.is_empty() {
        return;
    }
    main.element("section", "rules", |section| {
        section.fixed("<h2>Rules</h2>");
        section.element("ul", "", |list| {
            for result in &report.slo {
                list.element("li", if result.ok { "held" } else { "broken" }, |item| {
                    item.text("span", "mark", if result.ok { "held" } else { "broken" });
                    item.text("code", "", &result.rule);
                    match result.value {
                        Some(value) => item.text("b", "", number::figure(value)),
                        None => item.text("b", "", "not measured"),
                    }
                    if let Some(limit) = result.limit.filter(|_| result.rule.contains("baseline")) {
                        item.text("span", "limit", format_args!("limit {}", number::figure(limit)));
                    }
                });
            }
        });
    });
}

/// Adds the distributions of all bots.
pub(super) fn distributions(main: &mut Markup, report: &Report) {
    let row = |name: String, times: Option<Percentiles>| {
        let times = times.map_or_else(
            || vec!["–".to_owned(); 6],
            |times| {
                let Percentiles { p50, p90, p99, p999, max, count } = times;
                let mut cells: Vec<_> = [p50, p90, p99, p999, max].map(number::figure).into();
                cells.push(number::count(count));
                cells
            },
        );
        [vec![name], times].concat()
    };
    let all = [
        ("Input to acknowledgement, ms", report.input_ack_ms),
        ("Snapshot age, ms", report.snapshot_age_ms),
        ("Gap between snapshots, ms", report.snapshot_gap_ms),
        ("Join, ms", report.join_ms),
        ("Correction, units", report.correction_units),
    ];
    main.element("section", "times", |section| {
        section.fixed("<h2>Distributions</h2>");
        let rows = all.map(|(name, times)| row(name.to_owned(), times));
        section.table(&["", "p50", "p90", "p99", "p99.9", "max", "count"], rows);
    });
}

/// Adds the groups of bots, and the hostile bots.
pub(super) fn groups(columns: &mut Markup, report: &Report) {
    if !report.groups.is_empty() {
        let heads = [
            "group",
            "joined",
            "lost seat",
            "resumes",
            "ack p99",
            "age p99",
            "gap p99",
            "frozen %",
            "lost %",
        ];
        columns.element("section", "wide", |section| {
            section.fixed("<h2>Groups</h2>");
            section.table(&heads, report.groups.iter().map(|(name, figures)| group(name, figures)));
        });
    }
    if !report.hostile.is_empty() {
        let heads = ["kind", "connections", "sent", "closes"];
        columns.element("section", "wide", |section| {
            section.fixed("<h2>Hostile bots</h2>");
            section.table(&heads, report.hostile.iter().map(|(kind, figures)| hostile(kind, figures)));
        });
    }
}

fn group(name: &str, group: &GroupFigures) -> [String; 9] {
    let p99 =
        |times: Option<Percentiles>| times.map_or_else(|| "–".to_owned(), |times| number::figure(times.p99));
    [
        name.to_owned(),
        number::count(group.joined),
        number::count(group.disconnected),
        number::count(group.resumes),
        p99(group.input_ack_ms),
        p99(group.snapshot_age_ms),
        p99(group.snapshot_gap_ms),
        number::figure_or_dash(group.frozen_percent),
        number::figure_or_dash(group.snapshots_lost_percent),
    ]
}

fn hostile(kind: &str, hostile: &HostileFigures) -> [String; 4] {
    let closes = hostile.closes.iter().map(|(reason, count)| format!("{reason} {}", number::count(*count)));
    let closes = closes.collect::<Vec<_>>().join(", ");
    [kind.to_owned(), number::count(hostile.lives), number::count(hostile.sent), closes]
}

/// Adds the closes, the figures of server and swarm, and the counts.
pub(super) fn counts(columns: &mut Markup, report: &Report) {
    if !report.closes.is_empty() {
        let closes = report.closes.iter().map(|(reason, count)| (reason.as_str(), number::count(*count)));
        name_value_table(columns, "Closed connections", closes);
    }
    if let Some(server) = &report.server {
        name_value_table(columns, "Server", server_rows(server));
    }
    name_value_table(columns, "Swarm", swarm_rows(&report.swarm));
    name_value_table(columns, "Counts", count_rows(report));
}

/// Adds a section with a table of names and values.
fn name_value_table<'a>(
    columns: &mut Markup,
    title: &'static str,
    rows: impl IntoIterator<Item = (&'a str, String)>,
) {
    columns.element("section", "", |section| {
        section.text("h2", "", title);
        section.table(&["", ""], rows.into_iter().map(|(name, value)| [name.to_owned(), value]));
    });
}

fn server_rows(server: &ServerFigures) -> [(&'static str, String); 8] {
    let of = |part: Option<f64>, whole: Option<f64>, unit: &str| {
        let (part, whole) =
            (number::figure_or_dash(part), whole.map(|whole| format!(" of {}", number::figure(whole))));
        format!("{part}{}{unit}", whole.unwrap_or_default())
    };
    [
        ("cores busy", of(server.cpu_cores, server.cores.map(|cores| cores as f64), "")),
        ("CPU per bot and second, ms", number::figure_or_dash(server.cpu_ms_per_player_s)),
        ("memory", of(server.rss_mb, server.machine_mb, " MB")),
        ("tick p99, ms", number::figure_or_dash(server.tick_ms_p99)),
        ("tick max, ms", number::figure_or_dash(server.tick_ms_max)),
        ("ticks over their period", number::count_or_dash(server.overruns)),
        ("ticks skipped", number::count_or_dash(server.slips)),
        ("scrapes without answer", number::count(server.unanswered)),
    ]
}

fn swarm_rows(swarm: &SwarmFigures) -> [(&'static str, String); 6] {
    [
        ("lag p99, ms", number::figure(swarm.lag_ms_p99)),
        ("lag max, ms", number::figure(swarm.lag_ms_max)),
        ("CPU per bot and second, ms", number::figure_or_dash(swarm.cpu_ms_per_bot_s)),
        ("busiest thread, %", number::figure(swarm.busiest_thread_percent)),
        ("memory, MB", number::figure(swarm.rss_mb)),
        ("threads", number::count(swarm.threads)),
    ]
}

fn count_rows(report: &Report) -> [(&'static str, String); 11] {
    let game = report.game;
    [
        ("bots", number::count(report.bots)),
        ("bot-seconds measured", number::figure(report.bot_seconds)),
        ("inputs", number::count(report.inputs)),
        ("inputs unacknowledged", number::count(report.inputs_unacked)),
        ("snapshots lost", number::count(report.snapshots_lost)),
        ("events lost", number::count(report.events_lost)),
        ("events duplicated", number::count(report.events_doubled)),
        ("shots", number::count(game.shots)),
        ("hits", number::count(game.hits)),
        ("eliminations", number::count(game.eliminations)),
        ("matches finished", number::count(game.matches_finished)),
    ]
}

/// Adds the incidents, in order.
pub(super) fn incidents(columns: &mut Markup, report: &Report) {
    if report.incidents.is_empty() && report.trouble.is_none() {
        return;
    }
    columns.element("section", "incidents", |section| {
        section.fixed("<h2>Incidents</h2>");
        if let Some(trouble) = &report.trouble {
            section.text("p", "trouble", format_args!("First problem: {trouble}"));
        }
        section.element("ol", "", |list| {
            for incident in &report.incidents {
                list.element("li", "", |item| {
                    item.text("time", "", number::clock(incident.at_s));
                    item.text("span", "", &incident.what);
                });
            }
        });
    });
}

/// Adds the differences to the baseline, the largest first.
pub(super) fn baseline(columns: &mut Markup, report: &Report) {
    let Some(BaselineComparison { file, figures, .. }) = &report.baseline else { return };
    let mut changed: Vec<_> = figures.iter().filter(|(_, delta)| delta.then != delta.now).collect();
    let size = |percent: Option<f64>| percent.map_or(f64::INFINITY, f64::abs);
    changed.sort_by(|one, other| size(other.1.percent).total_cmp(&size(one.1.percent)));
    let rows: Vec<_> = changed
        .into_iter()
        .map(|(name, delta)| {
            let change = delta.percent.map_or_else(|| "new".to_owned(), number::change);
            [name.clone(), number::figure(delta.then), number::figure(delta.now), change]
        })
        .collect();
    let heads = ["figure", "baseline", "this run", "change"];
    columns.element("section", "", |section| {
        section.fixed("<h2>Differences to the baseline</h2>");
        section.text("p", "note", file);
        let (first, others) = rows.split_at(rows.len().min(MAX_DIFFERENCES));
        section.table(&heads, first);
        if !others.is_empty() {
            section.element("details", "", |details| {
                details.text("summary", "", format_args!("{} more", others.len()));
                details.table(&heads, others);
            });
        }
    });
}

/// Adds the plan, with which the run can be repeated, and the footer.
pub(super) fn setting(main: &mut Markup, report: &Report) {
    if !report.setting.plan.is_empty() {
        main.element("section", "plan", |section| {
            section.fixed("<h2>Plan</h2>");
            section.text("pre", "", &report.setting.plan);
        });
    }
    main.element("footer", "", |footer| {
        let (whole, rest) = if report.series.len() > downsample::MAX_SECONDS {
            ("", ", without some of its seconds: the JSON report has them all")
        } else {
            ("whole ", "")
        };
        footer.push(format_args!(
            "swarm {}, report schema {}. This file contains the {whole}report as JSON, in the element with the id “report”{rest}.",
            report.setting.version, report.schema
        ));
    });
}
