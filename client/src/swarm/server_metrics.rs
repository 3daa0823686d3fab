//! What the server says of itself: two looks at its `/metrics`, and what happened between them.
//!
//! One GET of a plain text needs no HTTP library. It asks in HTTP/1.0, so that the answer is never in chunks.

use std::{fmt, io, str::FromStr, time::Duration};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::report::round;

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
#[derive(Clone, Debug)]
pub struct Sample {
    at: Instant,
    cpu_seconds: f64,
    resident_bytes: f64,
    overruns: f64,
    /// Upper ends in seconds, ascending, and how many ticks took at most that.
    tick_buckets: Vec<(f64, f64)>,
}

/// The server's own figures over a part of a run in which all bots played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServerFigures {
    /// CPU time in milliseconds, per player and second.
    pub cpu_ms_per_player_s: f64,
    /// Memory in RAM at the end, in megabytes of 10^6.
    pub rss_mb: f64,
    /// 99 of 100 ticks took at most this, in milliseconds.
    pub tick_ms_p99: f64,
    /// Ticks that took longer than their period.
    pub overruns: u64,
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
    Ok(Sample::parse(body, Instant::now()))
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
    fn parse(text: &str, at: Instant) -> Self {
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
            at,
            cpu_seconds: value("quarrel_process_cpu_seconds_total"),
            resident_bytes: value("quarrel_process_resident_memory_bytes"),
            overruns: value("quarrel_overruns_total"),
            tick_buckets,
        }
    }
}

impl ServerFigures {
    /// What happened between two samples while `players` played on average.
    #[must_use]
    pub fn between(first: &Sample, last: &Sample, players: f64) -> Self {
        let player_s = players * (last.at - first.at).as_secs_f64();
        let cpu_ms = (last.cpu_seconds - first.cpu_seconds) * 1000.0;
        Self {
            cpu_ms_per_player_s: round(if player_s > 0.0 { cpu_ms / player_s } else { 0.0 }),
            rss_mb: round(last.resident_bytes / 1e6),
            tick_ms_p99: round(1000.0 * quantile(&first.tick_buckets, &last.tick_buckets, 0.99)),
            overruns: (last.overruns - first.overruns).max(0.0) as u64,
        }
    }
}

impl fmt::Display for ServerFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.3} ms of CPU per player and second, {:.0} MB, tick p99 {:.2} ms, {} overruns",
            self.cpu_ms_per_player_s, self.rss_mb, self.tick_ms_p99, self.overruns
        )
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
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim_matches('"');
        (key == name).then(|| if value == "+Inf" { Ok(f64::INFINITY) } else { value.parse() })?.ok()
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
        quarrel_process_cpu_seconds_total 12.5\n\
        quarrel_process_resident_memory_bytes 25000000\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.001\"} 90\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.002\"} 100\n\
        quarrel_tick_duration_seconds_bucket{le=\"+Inf\"} 100\n\
        # EOF\n";

    #[test]
    fn figures_are_what_happened_between_two_samples() {
        let start = Instant::now();
        let first = Sample::parse("quarrel_process_cpu_seconds_total 10\nquarrel_overruns_total 1\n", start);
        let last = Sample::parse(TEXT, start + Duration::from_secs(10));
        let figures = ServerFigures::between(&first, &last, 50.0);
        assert_eq!(figures.cpu_ms_per_player_s, 5.0);
        assert_eq!((figures.rss_mb, figures.overruns), (25.0, 2));
        assert_eq!(figures.tick_ms_p99, 1.9, "nine tenths into the second bucket");
    }

    #[test]
    fn a_text_without_our_metrics_gives_zeros() {
        let sample = Sample::parse("nothing 1\n{}\nquarrel_overruns_total", Instant::now());
        assert_eq!(ServerFigures::between(&sample, &sample, 0.0).tick_ms_p99, 0.0);
    }

    #[test]
    fn a_url_names_host_and_port() {
        assert_eq!("http://[::1]:7780/".parse(), Ok(HttpAddress("[::1]:7780".to_owned())));
        for wrong in ["", "http://host", "https://host:1/x", "host:99999"] {
            assert!(wrong.parse::<HttpAddress>().is_err(), "{wrong}");
        }
    }
}
