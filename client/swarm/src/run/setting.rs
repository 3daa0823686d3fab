//! The setting of a run for its report: start, machine, version and plan.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{plan::Plan, report::RunSetting};

/// Returns the setting of a run on this machine that ends now and started `elapsed` ago.
pub(crate) fn setting(plan: &Plan, processes: u64, elapsed: Duration) -> RunSetting {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RunSetting {
        started_unix_s: now.saturating_sub(elapsed).as_secs(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host_description(),
        cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64),
        server: plan.server.clone(),
        server_version: None,
        plan: plan.to_toml(),
        processes,
    }
}

/// Returns the machine's name, operating system and processor, separated by commas; parts that cannot be read are left out.
pub(crate) fn host_description() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, model)| model);
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let parts = [name.trim(), &system, model.unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
