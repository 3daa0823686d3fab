//! The empty figures of the plots, which the script fills. `charts.js` defines the content of each under the same name.

use super::Markup;
use crate::report::Report;

/// Name, title, unit, and whether the plot shows the server.
const PLOTS: [(&str, &str, &str, bool); 14] = [
    ("input_ack", "Input to acknowledgement", "ms", false),
    ("percentiles", "Percentiles", "ms", false),
    ("snapshot_age", "Snapshot age", "ms", false),
    ("snapshot_gap", "Gap between snapshots", "ms", false),
    ("lost", "Snapshots lost", "%", false),
    ("bots", "Bots", "", false),
    ("churn", "Joins and closes", "per second", false),
    ("frozen", "Screens frozen", "%", false),
    ("tick", "Server: tick", "ms", true),
    ("server_cores", "Server: CPU", "cores", true),
    ("memory", "Server: memory", "MB", true),
    ("bytes", "Traffic", "bytes per second", false),
    ("lag", "Swarm: lag", "ms", false),
    ("swarm_cores", "Swarm: CPU", "cores", false),
];

/// Adds the figures.
pub(super) fn figures(main: &mut Markup, report: &Report) {
    let server = report.server.is_some() || report.series.iter().any(|second| second.server.is_some());
    main.element("section", "plots", |section| {
        section.fixed("<h2>Run by second</h2>");
        section.element("p", "note", |note| {
            note.push("Shaded seconds are outside of the measured part. ");
            note.fixed(
                "<span class=\"scripted\">Point at a plot, or focus it and use the arrow keys, to read its values.</span>\
                 <noscript>The plots need JavaScript; the rest of the page does not.</noscript>",
            );
        });
        section.element("div", "grid", |grid| {
            for (name, title, unit, _) in PLOTS.iter().filter(|plot| server || !plot.3) {
                grid.element("figure", name, |figure| {
                    figure.element("figcaption", "", |caption| {
                        caption.text("h3", "", title);
                        caption.text("span", "unit", unit);
                    });
                    figure.fixed("<div class=\"canvas\"></div>");
                });
            }
        });
    });
}
