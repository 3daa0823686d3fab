//! What the server says of itself: a look at its `/metrics`, and what happened between two of them.
//!
//! One GET of a plain text needs no HTTP library. It asks in HTTP/1.0, so that the answer is never in chunks.

use std::{io, str::FromStr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: u64 = 1024 * 1024;

/// Where the server's HTTP plane is: host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAddress(String);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = || "a URL like http://127.0.0.1:7780 is needed".to_owned();
        let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let (name, port) = host.rsplit_once(':').ok_or_else(wrong)?;
        let good = !name.is_empty() && !name.contains('/') && port.parse::<u16>().is_ok();
        good.then(|| Self(host.to_owned())).ok_or_else(wrong)
    }
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The server's HTTP plane cannot be reached.
    #[error("{0} cannot be asked: {1}")]
    Unreachable(String, io::Error),
    /// It did not answer in time.
    #[error("{0} did not answer within two seconds")]
    TimedOut(String),
    /// It answered with something else.
    #[error("{0} did not answer with metrics but with: {1}")]
    NoMetrics(String, String),
}

/// The server's counters at one moment.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    version: Option<String>,
    cpu_seconds: f64,
    resident_bytes: f64,
    cores: f64,
    machine_bytes: f64,
    overruns: f64,
    slips: f64,
    /// Upper ends in seconds, ascending, and how many ticks took at most that.
    tick_buckets: Vec<(f64, f64)>,
}

/// Asks the server.
///
/// # Errors
/// When it does not answer, or not with metrics.
pub async fn sample(address: &HttpAddress) -> Result<Sample, MetricsError> {
    let host = &address.0;
    let answer = timeout(ANSWER, get(host))
        .await
        .map_err(|_| MetricsError::TimedOut(host.clone()))?
        .map_err(|error| MetricsError::Unreachable(host.clone(), error))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(MetricsError::NoMetrics(host.clone(), status.to_owned()));
    }
    Ok(Sample::parse(body))
}

async fn get(host: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}

impl Sample {
    /// Reads Prometheus text. What is missing counts as zero.
    pub(super) fn parse(text: &str) -> Self {
        let value = |name: &str| values(text, name).map(|(_, value)| value).sum();
        let mut tick_buckets: Vec<(f64, f64)> = Vec::new();
        for (labels, count) in values(text, "quarrel_tick_duration_seconds_bucket") {
            let Some(end) = label(labels, "le") else { continue };
            match tick_buckets.iter_mut().find(|(known, _)| *known == end) {
                Some((_, total)) => *total += count,
                None => tick_buckets.push((end, count)),
            }
        }
        tick_buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            version: values(text, "quarrel_build_info").find_map(|(labels, _)| text_label(labels, "version")),
            cpu_seconds: value("quarrel_process_cpu_seconds_total"),
            resident_bytes: value("quarrel_process_resident_memory_bytes"),
            cores: value("quarrel_machine_cores"),
            machine_bytes: value("quarrel_machine_memory_bytes"),
            overruns: value("quarrel_overruns_total"),
            slips: value("quarrel_slips_total"),
            tick_buckets,
        }
    }

    /// Which version runs, when it says so.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// CPU time that was used since, in seconds.
    pub(super) fn cpu_since(&self, before: &Self) -> f64 {
        (self.cpu_seconds - before.cpu_seconds).max(0.0)
    }

    /// Memory in RAM.
    pub(super) const fn resident_bytes(&self) -> f64 {
        self.resident_bytes
    }

    /// How many cores its machine has; 0 when it does not say.
    pub(super) const fn cores(&self) -> u64 {
        self.cores as u64
    }

    /// How much memory its machine has; 0 when it does not say.
    pub(super) const fn machine_bytes(&self) -> f64 {
        self.machine_bytes
    }

    /// Ticks that took longer than their period, since.
    pub(super) fn overruns_since(&self, before: &Self) -> u64 {
        (self.overruns - before.overruns).max(0.0) as u64
    }

    /// Ticks that were let go, since.
    pub(super) fn slips_since(&self, before: &Self) -> u64 {
        (self.slips - before.slips).max(0.0) as u64
    }

    /// How many ticks there were, since.
    pub(super) fn ticks_since(&self, before: &Self) -> f64 {
        let ticks = |sample: &Self| sample.tick_buckets.last().map_or(0.0, |(_, count)| *count);
        (ticks(self) - ticks(before)).max(0.0)
    }

    /// How long so many (0..=1) of the ticks took since, at most, in seconds.
    pub(super) fn tick_quantile(&self, before: &Self, quantile: f64) -> f64 {
        self::quantile(&before.tick_buckets, &self.tick_buckets, quantile)
    }
}

/// The samples of one metric: labels (between the braces) and value.
fn values<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(labelled) => labelled.split_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        Some((labels, value.split_whitespace().next()?.parse().ok()?))
    })
}

fn label(labels: &str, name: &str) -> Option<f64> {
    let value = text_label(labels, name)?;
    if value == "+Inf" { Some(f64::INFINITY) } else { value.parse().ok() }
}

fn text_label(labels: &str, name: &str) -> Option<String> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

/// The quantile of what was added between two histograms of the same buckets, linear within a bucket.
fn quantile(first: &[(f64, f64)], last: &[(f64, f64)], quantile: f64) -> f64 {
    let before = |end: f64| first.iter().find(|(known, _)| *known == end).map_or(0.0, |(_, count)| *count);
    let added: Vec<_> = last.iter().map(|(end, count)| (*end, count - before(*end))).collect();
    let rank = added.last().map_or(0.0, |(_, total)| total * quantile);
    let (mut low, mut below) = (0.0, 0.0);
    for (end, count) in added {
        if count >= rank && count > below {
            // Beyond the last bucket nothing is known but that it is more.
            return if end.is_finite() { low + (end - low) * (rank - below) / (count - below) } else { low };
        }
        (low, below) = (end, count);
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP quarrel_overruns Ticks.\n\
        quarrel_overruns_total 3\n\
        quarrel_build_info{version=\"0.9.1\"} 1\n\
        quarrel_process_cpu_seconds_total 12.5\n\
        quarrel_process_resident_memory_bytes 25000000\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.001\"} 90\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.002\"} 100\n\
        quarrel_tick_duration_seconds_bucket{le=\"+Inf\"} 100\n\
        # EOF\n";

    #[test]
    fn figures_are_what_happened_between_two_samples() {
        let first = Sample::parse("quarrel_process_cpu_seconds_total 10\nquarrel_overruns_total 1\n");
        let last = Sample::parse(TEXT);
        assert_eq!((last.cpu_since(&first), last.overruns_since(&first)), (2.5, 2));
        assert_eq!((last.version(), first.version()), (Some("0.9.1"), None));
        assert_eq!((last.resident_bytes(), last.ticks_since(&first)), (25e6, 100.0));
        assert!(
            (last.tick_quantile(&first, 0.99) - 0.0019).abs() < 1e-9,
            "nine tenths into the second bucket"
        );
        assert_eq!(last.tick_quantile(&first, 1.0), 0.002);
    }

    #[test]
    fn a_text_without_our_metrics_gives_zeros() {
        let sample = Sample::parse("nothing 1\n{}\nquarrel_overruns_total");
        assert_eq!((sample.tick_quantile(&sample, 0.99), sample.cores()), (0.0, 0));
    }

    #[test]
    fn a_url_names_host_and_port() {
        assert_eq!("http://[::1]:7780/".parse(), Ok(HttpAddress("[::1]:7780".to_owned())));
        for wrong in ["", "http://host", "https://host:1/x", "host:99999"] {
            assert!(wrong.parse::<HttpAddress>().is_err(), "{wrong}");
        }
    }
}
