//! CPU time and memory of this process and its machine, read from `/proc` at each scrape and at no other time.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// The unit of the kernel's CPU times: `USER_HZ`, which is 100 on every architecture of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Encodes CPU time and memory of this process, and cores and memory of the machine. A value that the system does not provide is left
/// out.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
            let counter = ConstCounter::new(seconds);
            let help = "CPU time of the process, user and system.";
            counter.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                counter.metric_type(),
            )?)?;
        }
        if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes)
        {
            let gauge = ConstGauge::new(bytes);
            let help = "Resident memory of the process.";
            gauge.encode(encoder.encode_descriptor(
                "process_resident_memory",
                help,
                Some(&Unit::Bytes),
                gauge.metric_type(),
            )?)?;
        }
        if let Ok(cores) = std::thread::available_parallelism() {
            let gauge = ConstGauge::new(cores.get() as i64);
            let help = "CPU cores available to the process.";
            gauge.encode(encoder.encode_descriptor("machine_cores", help, None, gauge.metric_type())?)?;
        }
        if let Some(bytes) = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(machine_bytes) {
            let gauge = ConstGauge::new(bytes);
            let help = "Total memory of the machine.";
            let unit = Some(&Unit::Bytes);
            gauge.encode(encoder.encode_descriptor("machine_memory", help, unit, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Returns the CPU time in seconds from `/proc/self/stat`: fields 14 (user) and 15 (system). Fields are counted from the last closing
/// bracket, which ends the process's name, because the name may contain blanks and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Returns the resident memory in bytes: `VmRSS` of `/proc/self/status`. The file `statm` would need the page size.
fn resident_bytes(status: &str) -> Option<i64> {
    kilobytes(status, "VmRSS:")
}

/// Returns the total memory of the machine in bytes: `MemTotal` of `/proc/meminfo`.
fn machine_bytes(meminfo: &str) -> Option<i64> {
    kilobytes(meminfo, "MemTotal:")
}

/// Returns the value of the line that starts with `name`, in bytes; the kernel writes it in units of 1,024 bytes.
fn kilobytes(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_blanks_and_brackets_shifts_no_field() {
        let stat = "42 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 3";
        assert_eq!(cpu_seconds(stat), Some(3.0));
    }

    #[test]
    fn memory_in_kilobytes_is_returned_in_bytes() {
        assert_eq!(resident_bytes("Name:\tquarrel\nVmRSS:\t    2048 kB\nThreads:\t3\n"), Some(2 << 20));
        assert_eq!(resident_bytes("Name:\tquarrel\n"), None);
        assert_eq!(machine_bytes("MemTotal:       24 kB\nMemFree: 1 kB\n"), Some(24 << 10));
    }
}
