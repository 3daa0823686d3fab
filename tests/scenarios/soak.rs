//! Soak test: after half an hour of play, memory and the server's gauges and counters are as after ten minutes.

use std::process::Command;

use quarrel_harness::sim::soak::{COUNTERS, GAUGES};
use serde_json::Value;

/// The allowed growth of the process between ten minutes and half an hour: the allocator keeps its peak, and this simulation
/// keeps its journal in memory, of which three players write some 40 kB a minute.
const GROWTH_KIB: u64 = 3 * 1024;

#[test]
fn half_an_hour_of_play_grows_no_memory_and_no_counter() {
    let samples = soak();
    let (settled, last) = (&samples[1], &samples[samples.len() - 1]);
    assert_eq!((&settled["minute"], &last["minute"]), (&10.into(), &30.into()));
    for name in GAUGES {
        assert_eq!(last[name].as_f64().unwrap(), settled[name].as_f64().unwrap(), "{name} must not grow");
    }
    for name in COUNTERS {
        let (then, now) = (settled[name].as_f64().unwrap(), last[name].as_f64().unwrap());
        assert!(
            (now - then).abs() <= then * 0.1,
            "{name}: the rate must stay within 10 %: {then} in five minutes at first, {now} at the end"
        );
    }
    assert!(
        COUNTERS[..2].iter().all(|name| settled[name].as_f64() > Some(0.0)),
        "the players must play: {settled}"
    );
    let memory_kib = |sample: &Value| sample["memory_kib"].as_u64().unwrap();
    assert!(memory_kib(settled) > 1024, "the memory must be measured: {settled}");
    let grown_kib = memory_kib(last).saturating_sub(memory_kib(settled));
    assert!(
        grown_kib < GROWTH_KIB,
        "memory may grow by at most {GROWTH_KIB} KiB between 10 and 30 minutes, grew by {grown_kib}: {samples:#?}"
    );
}

/// Runs the soak in a process of its own, so that other tests do not affect its memory.
fn soak() -> Vec<Value> {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_sim"));
    sim.args(["soak", "--seed", "5", "--link", "busy_wifi", "--players", "3", "--minutes", "30"]);
    let output = sim.output().expect("a simulation that can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON for each sample")).collect()
}
