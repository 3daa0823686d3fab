//! One scrape of the server's metrics: a GET of `/metrics` on the admin HTTP server, and the parsed sample.
//!
//! One GET of a plain text needs no HTTP library. The request is HTTP/1.0, so that the response is never chunked.

use std::{io, str::FromStr, time::Duration};

use quarrel_shared::{limits::MAX_SENTENCE_BYTES, protocol::shown_text::clean};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Time limit of one scrape, from the connection to the end of the response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of bytes that are read of a response; longer responses are cut off.
const MAX_RESPONSE_BYTES: u64 = 1024 * 1024;

/// Host and port of the admin HTTP server. Parsed from `http://HOST:PORT`; the scheme and
/// slashes at the end are optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAddress(String);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let wrong = || "not a URL of the form http://HOST:PORT, such as http://127.0.0.1:7780".to_owned();
        let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let (name, port) = host.rsplit_once(':').ok_or_else(wrong)?;
        let good = !name.is_empty() && !name.contains('/') && port.parse::<u16>().is_ok();
        good.then(|| Self(host.to_owned())).ok_or_else(wrong)
    }
}

/// The error of a scrape.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The admin HTTP server cannot be reached.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, io::Error),
    /// The scrape took longer than two seconds.
    #[error("{0} did not answer within two seconds")]
    TimedOut(String),
    /// The response is not the metrics of a Quarrel server.
    #[error("{0} did not return a Quarrel server's metrics but: {1}")]
    NoMetrics(String, String),
}

/// The server's metrics at the time of one scrape; `None` for those that the server does not export.
#[derive(Clone, Debug, Default)]
pub struct MetricsSample {
    pub(super) version: Option<String>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) cores: Option<f64>,
    pub(super) machine_bytes: Option<f64>,
    pub(super) overruns: Option<f64>,
    pub(super) slips: Option<f64>,
    /// The histogram of tick durations: upper bounds in seconds, ascending, each with its own count (not cumulative).
    pub(super) ticks: Vec<(f64, f64)>,
    /// The longest tick of the last two to three seconds before the scrape, in seconds; an older server does not export it.
    pub(super) tick_longest_s: Option<f64>,
}

/// Scrapes the server.
///
/// # Errors
/// When the server cannot be reached or does not answer in time, or the response is not a Quarrel server's metrics.
pub async fn scrape(address: &HttpAddress) -> Result<MetricsSample, MetricsError> {
    let host = &address.0;
    let response = timeout(RESPONSE_TIMEOUT, get(host))
        .await
        .map_err(|_| MetricsError::TimedOut(host.clone()))?
        .map_err(|error| MetricsError::Unreachable(host.clone(), error))?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(MetricsError::NoMetrics(host.clone(), clean(status, MAX_SENTENCE_BYTES)));
    }
    let no_metrics =
        || MetricsError::NoMetrics(host.clone(), "a page without a Quarrel server's metrics".to_owned());
    MetricsSample::parse(body).ok_or_else(no_metrics)
}

async fn get(host: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.take(MAX_RESPONSE_BYTES).read_to_string(&mut response).await?;
    Ok(response)
}

impl MetricsSample {
    /// Parses metrics in Prometheus' text format; `None` for a text without any metric of a Quarrel server.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.lines().any(|line| line.starts_with("quarrel_")) {
            return None;
        }
        let value = |name: &str| values(text, name).map(|(_, value)| value).reduce(|one, other| one + other);
        Some(Self {
            version: values(text, "quarrel_build_info")
                .find_map(|(labels, _)| text_label(labels, "version"))
                .map(|version| clean(&version, MAX_SENTENCE_BYTES)),
            cpu_seconds: value("quarrel_process_cpu_seconds_total"),
            resident_bytes: value("quarrel_process_resident_memory_bytes"),
            cores: value("quarrel_machine_cores"),
            machine_bytes: value("quarrel_machine_memory_bytes"),
            overruns: value("quarrel_overruns_total"),
            slips: value("quarrel_slips_total"),
            tick_longest_s: value("quarrel_tick_longest_seconds"),
            ticks: buckets(text, "quarrel_tick_duration_seconds_bucket"),
        })
    }

    /// Whether the server was restarted since the sample `before`: at least one counter has fallen, and within one process counters only
    /// rise.
    pub(super) fn is_after_restart(&self, before: &Self) -> bool {
        let counters = |sample: &Self| {
            let ticks = sample.ticks.iter().map(|(_, count)| count).sum();
            [sample.cpu_seconds, sample.overruns, sample.slips, Some(ticks)]
        };
        let fell =
            |(now, then): (Option<f64>, Option<f64>)| now.zip(then).is_some_and(|(now, then)| now < then);
        counters(self).into_iter().zip(counters(before)).any(fell)
    }
}

/// Returns the buckets of a histogram, summed over all labels other than `le`: upper bounds, ascending, each with its own count.
fn buckets(text: &str, name: &str) -> Vec<(f64, f64)> {
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for (labels, count) in values(text, name) {
        let Some(end) = number_label(labels, "le") else { continue };
        match buckets.iter_mut().find(|(known, _)| *known == end) {
            Some((_, total)) => *total += count,
            None => buckets.push((end, count)),
        }
    }
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    // Counts in the text are cumulative.
    let mut below = 0.0;
    for (_, count) in &mut buckets {
        let cumulative = *count;
        *count -= below;
        below = cumulative;
    }
    buckets
}

/// Iterates over the lines of one metric: the text of the labels between the braces, and the value.
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

fn number_label(labels: &str, name: &str) -> Option<f64> {
    let value = text_label(labels, name)?;
    if value == "+Inf" { Some(f64::INFINITY) } else { value.parse().ok() }
}

fn text_label(labels: &str, name: &str) -> Option<String> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const TEXT: &str = "# HELP quarrel_overruns Ticks.\n\
        quarrel_overruns_total 3\n\
        quarrel_build_info{version=\"0.9.1\"} 1\n\
        quarrel_process_resident_memory_bytes 25000000\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.001\"} 90\n\
        quarrel_tick_duration_seconds_bucket{le=\"0.002\"} 100\n\
        quarrel_tick_duration_seconds_bucket{le=\"+Inf\"} 101\n\
        # EOF\n";

    #[test]
    fn a_metric_that_is_not_exported_is_not_zero() {
        let sample = MetricsSample::parse(TEXT).unwrap();
        assert_eq!((sample.version.as_deref(), sample.overruns), (Some("0.9.1"), Some(3.0)));
        assert_eq!(sample.resident_bytes, Some(25e6));
        assert_eq!((sample.cpu_seconds, sample.cores, sample.slips), (None, None, None));
        assert_eq!(sample.ticks, [(0.001, 90.0), (0.002, 10.0), (f64::INFINITY, 1.0)]);
    }

    #[test]
    fn counters_that_fell_mean_a_restart() {
        let sample = |cpu: f64, ticks: u32| {
            let cpu = format!("quarrel_process_cpu_seconds_total {cpu}\n");
            let ticks = format!("quarrel_tick_duration_seconds_bucket{{le=\"+Inf\"}} {ticks}\n");
            MetricsSample::parse(&format!("{cpu}{ticks}")).unwrap()
        };
        let before = sample(10.0, 300);
        assert!(!sample(10.0, 300).is_after_restart(&before));
        assert!(sample(0.5, 900).is_after_restart(&before), "its CPU time fell");
        assert!(sample(11.0, 30).is_after_restart(&before), "its ticks fell");
        assert!(
            !MetricsSample::parse("quarrel_rooms 1").unwrap().is_after_restart(&MetricsSample::default())
        );
    }

    #[tokio::test]
    async fn metrics_of_another_program_are_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: HttpAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
        let other = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nnode_load1 0.5\nnothing\n{}\n").await.unwrap();
        });
        assert!(matches!(scrape(&address).await, Err(MetricsError::NoMetrics(..))));
        other.await.unwrap();
    }

    #[test]
    fn a_url_names_host_and_port() {
        assert_eq!("http://[::1]:7780/".parse(), Ok(HttpAddress("[::1]:7780".to_owned())));
        for wrong in ["", "http://host", "https://host:1/x", "host:99999"] {
            assert!(wrong.parse::<HttpAddress>().is_err(), "{wrong}");
        }
    }
}
