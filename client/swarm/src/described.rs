//! Whether the schemas that are printed describe all that is written, which nobody would notice otherwise.

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::{
    capacity::{Answer, Limit, MachinesFor, SCHEMA, Try},
    report::{
        Comparison, CurvePoint, Curves, Delta, Incident, Percentiles, Report, RuleResult, Second,
        ServerSecond, Setting,
    },
    slo::sample,
};

/// A schema whose references are followed.
struct Described(Value);

impl Described {
    fn of<T: JsonSchema>() -> Self {
        Self(schema_for!(T).to_value())
    }

    /// The one of these that says what a value that is there looks like.
    fn follow<'a>(&'a self, node: &'a Value) -> &'a Value {
        let options = node["anyOf"].as_array();
        let node = options.and_then(|all| all.iter().find(|one| one["type"] != "null")).unwrap_or(node);
        match node["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
            Some(name) => &self.0["$defs"][name],
            None => node,
        }
    }

    /// Every key of this value has words, every key that is described is there, and none is empty.
    fn check(&self, value: &Value, node: &Value, place: &str) {
        let node = self.follow(node);
        match value {
            Value::Object(fields) if node["properties"].is_object() => {
                let known = node["properties"].as_object().unwrap();
                for name in known.keys() {
                    assert!(fields.contains_key(name), "{place}.{name} is not in the sample");
                }
                for (name, value) in fields {
                    let words = known.get(name).and_then(|field| field["description"].as_str());
                    let words = words.unwrap_or_else(|| panic!("{place}.{name} is not described"));
                    assert!(
                        !words.starts_with("As above") && !words.starts_with("As for"),
                        "{place}.{name}: {words}"
                    );
                    self.check(value, &known[name], &format!("{place}.{name}"));
                }
            }
            Value::Object(entries) => {
                assert!(!entries.is_empty(), "{place} is empty in the sample");
                let of = &node["additionalProperties"];
                entries.iter().for_each(|(name, value)| self.check(value, of, &format!("{place}.{name}")));
            }
            Value::Array(values) => {
                assert!(!values.is_empty(), "{place} is empty in the sample");
                values.iter().for_each(|value| self.check(value, &node["items"], &format!("{place}[]")));
            }
            value => assert!(!value.is_null(), "{place} is missing in the sample"),
        }
    }
}

fn check<T: Serialize + JsonSchema>(sample: &T) {
    let described = Described::of::<T>();
    described.check(&serde_json::to_value(sample).unwrap(), &described.0, "");
}

fn setting() -> Setting {
    Setting { server_version: Some("0.1.0".to_owned()), ..Setting::default() }
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
        series: vec![Second {
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
            ..Second::default()
        }],
        curves: Curves {
            input_ack_ms: points(),
            snapshot_age_ms: points(),
            snapshot_gap_ms: points(),
            join_ms: points(),
        },
        baseline: Some(Comparison {
            figures: [("joined".to_owned(), Delta::between(1.0, 2.0))].into(),
            ..Comparison::default()
        }),
        ..sample()
    });
}

#[test]
fn every_field_of_a_capacity_is_described() {
    let some = Some(1.0);
    check(&Answer {
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
        limit: Some(Limit::Tick),
        tries: vec![Try {
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
