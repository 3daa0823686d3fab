//! The text format of Prometheus, version 0.0.4, from OpenMetrics text.
//!
//! The metrics library writes OpenMetrics only, and older scrapers and tools read only this format. The two differ in the names of
//! counters (`# TYPE` names the counter with its suffix here), and in comments that this format does not have.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write;

/// Converts OpenMetrics text without exemplars, as the metrics library writes it.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // Written with the type, which decides the name.
            help = rest;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            let help = help.strip_prefix(name).unwrap_or_default().trim();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_their_suffix_and_other_comments_are_left_out() {
        let open_metrics = "# HELP a Some events.\n# TYPE a counter\na_total{b=\"c\"} 1\n# HELP e_seconds Time.\n# TYPE e_seconds gauge\n# UNIT e_seconds seconds\n\
                            e_seconds 2.5\n# EOF\n";
        let expected = "# HELP a_total Some events.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n# HELP e_seconds Time.\n# TYPE e_seconds gauge\ne_seconds 2.5\n";
        assert_eq!(from_open_metrics(open_metrics), expected);
    }
}
