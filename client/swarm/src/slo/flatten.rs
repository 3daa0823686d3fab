//! Flattening of a report's JSON: all numbers by their paths, such as `input_ack_ms.p99`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The top-level parts of a report that are not figures: texts, the setting, and data for plots.
pub(super) const EXCLUDED: [&str; 10] =
    ["schema", "verdict", "why", "slo", "setting", "trouble", "incidents", "series", "curves", "baseline"];

/// Collects all numbers of a report, by path.
pub(super) fn flatten_report(report: &Value) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    for (name, value) in report.as_object().into_iter().flatten() {
        if !EXCLUDED.contains(&name.as_str()) {
            flatten(name.clone(), value, &mut figures);
        }
    }
    figures
}

/// Adds all numbers in `value`, whose path is `path`.
fn flatten(path: String, value: &Value, figures: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => {
            figures.extend(number.as_f64().map(|number| (path, number)));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}.{name}"), value, figures);
            }
        }
        _ => {}
    }
}
