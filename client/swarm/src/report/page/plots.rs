//! The empty `<figure>` elements of the plots, which the page's script fills. `charts.js` defines the lines of each plot under the same
//! name.

use super::Markup;
use crate::report::Report;

/// The frame of one plot.
struct PlotFrame {
    /// The class of the `<figure>` element, by which the script finds it.
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Whether the plot shows the server's own figures.
    is_of_server: bool,
}

const PLOTS: [PlotFrame; 14] = [
    plot("input_ack", "Input to acknowledgement", "ms"),
    plot("percentiles", "Percentiles", "ms"),
    plot("snapshot_age", "Snapshot age", "ms"),
    plot("snapshot_gap", "Gap between snapshots", "ms"),
    plot("lost", "Snapshots lost", "%"),
    plot("bots", "Bots", ""),
    plot("churn", "Joins and closes", "per second"),
    plot("frozen", "Screens frozen", "%"),
    server_plot("tick", "Server: tick", "ms"),
    server_plot("server_cores", "Server: CPU", "cores"),
    server_plot("memory", "Server: memory", "MB"),
    plot("bytes", "Traffic", "bytes per second"),
    plot("lag", "Swarm: lag", "ms"),
    plot("swarm_cores", "Swarm: CPU", "cores"),
];

const fn plot(name: &'static str, title: &'static str, unit: &'static str) -> PlotFrame {
    PlotFrame { name, title, unit, is_of_server: false }
}

const fn server_plot(name: &'static str, title: &'static str, unit: &'static str) -> PlotFrame {
    PlotFrame { name, title, unit, is_of_server: true }
}

/// Adds the section with the empty figures. Plots of the server are left out if the report has no figures of the server.
pub(super) fn add_figures(main: &mut Markup, report: &Report) {
    let has_server = report.server.is_some() || report.series.iter().any(|second| second.server.is_some());
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
            for PlotFrame { name, title, unit, .. } in PLOTS.iter().filter(|plot| has_server || !plot.is_of_server) {
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
