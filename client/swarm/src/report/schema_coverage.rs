//! Tests that the printed JSON schemas describe every field of the JSON files.

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::{
    BaselineComparison, CurvePoint, Curves, Delta, Incident, Percentiles, Report, RuleResult, RunSetting,
    SecondFigures, ServerSecond,
};
use crate::{
    capacity::{Bottleneck, CapacityReport, LoadResult, MachinesFor, SCHEMA},
    slo::sample,
};

/// A JSON schema that resolves its own references.
struct Schema(Value);

impl Schema {
    fn of<T: JsonSchema>() -> Self {
        Self(schema_for!(T).to_value())
    }

    /// Resolves a node: follows its reference, and chooses the schema of a present value where null is allowed.
    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        let options = node["anyOf"].as_array();
        let node = options.and_then(|all| all.iter().find(|one| one["type"] != "null")).unwrap_or(node);
        match node["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
            Some(name) => &self.0["$defs"][name],
            None => node,
        }
    }

    /// Checks that every key of this value has a description, that every described key is in the value, and that nothing in the value is
    /// null or empty, because the schema of a missing part would not be checked. `path` is the value's path in the document.
    fn check(&self, value: &Value, node: &Value, path: &str) {
        let node = self.resolve(node);
        match value {
            Value::Object(fields) if node["properties"].is_object() => {
                let known = node["properties"].as_object().unwrap();
                for name in known.keys() {
                    assert!(fields.contains_key(name), "{path}.{name} is not in the sample");
                }
                for (name, value) in fields {
                    let description = known.get(name).and_then(|field| field["description"].as_str());
                    let description = description.unwrap_or_else(|| panic!("{path}.{name} is not described"));
                    assert!(!description.starts_with("As "), "{path}.{name}: {description}");
                    self.check(value, &known[name], &format!("{path}.{name}"));
                }
            }
            Value::Object(entries) => {
                assert!(!entries.is_empty(), "{path} is empty in the sample");
                let entry = &node["additionalProperties"];
                entries.iter().for_each(|(name, value)| self.check(value, entry, &format!("{path}.{name}")));
            }
            Value::Array(values) => {
                assert!(!values.is_empty(), "{path} is empty in the sample");
                values.iter().for_each(|value| self.check(value, &node["items"], &format!("{path}[]")));
            }
            value => assert!(!value.is_null(), "{path} is missing in the sample"),
        }
    }
}

fn check<T: Serialize + JsonSchema>(sample: &T) {
    let schema = Schema::of::<T>();
    schema.check(&serde_json::to_value(sample).unwrap(), &schema.0, "");
}

fn setting() -> RunSetting {
    RunSetting { server_version: Some("0.1.0".to_owned()), ..RunSetting::default() }
}

#[test]
fn every_field_of_a_report_is_described() {
    let times = Some(Percentiles::default());
    let points = || vec![CurvePoint::default()];
    check(&Report {
        why: vec!["a rule".to_owned()],
        slo: vec![RuleResult { value: Some(1.0), limit: Some(1.0), ..RuleResult::default() }],
        setting: setting(),
        trouble: Some("no answer".to_owned()),
        incidents: vec![Incident::default()],
        series: vec![SecondFigures {
            input_ack_ms: times,
            snapshot_age_ms: times,
            snapshot_gap_ms: times,
            frozen_percent: Some(1.0),
            server: Some(ServerSecond {
                cpu_cores: Some(1.0),
                rss_mb: Some(1.0),
                tick_ms_p99: Some(1.0),
                tick_ms_max: Some(1.0),
                overruns: Some(1),
            }),
            ..SecondFigures::default()
        }],
        curves: Curves {
            input_ack_ms: points(),
            snapshot_age_ms: points(),
            snapshot_gap_ms: points(),
            join_ms: points(),
        },
        baseline: Some(BaselineComparison {
            figures: [("joined".to_owned(), Delta::between(1.0, 2.0))].into(),
            ..BaselineComparison::default()
        }),
        ..sample()
    });
}

#[test]
fn every_field_of_a_capacity_report_is_described() {
    let some = Some(1.0);
    check(&CapacityReport {
        schema: SCHEMA,
        setting: setting(),
        players: 1,
        breaks_at: Some(2),
        players_per_core: some,
        players_per_gib: some,
        kb_s_per_player: 1.0,
        kb_s_down_per_player: 1.0,
        kb_s_up_per_player: 1.0,
        machines_for: Some(MachinesFor::default()),
        limit: Some(Bottleneck::Tick),
        tries: vec![LoadResult {
            players: 1,
            held: false,
            why: Some("a rule".to_owned()),
            input_ack_ms_p99: some,
            cpu_cores: some,
            tick_ms_p99: some,
            rss_mb: some,
        }],
    });
}
