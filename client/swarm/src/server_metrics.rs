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

/// The server's counters at one moment; none of what it does not tell.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub(super) version: Option<String>,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) cores: Option<f64>,
    pub(super) machine_bytes: Option<f64>,
    pub(super) overruns: Option<f64>,
    pub(super) slips: Option<f64>,
    /// Upper ends in seconds, ascending, and how many ticks took that and more than the end before.
    pub(super) ticks: Vec<(f64, f64)>,
    /// The longest tick of the newest two to three seconds, in seconds; an older server does not tell.
    pub(super) tick_longest_s: Option<f64>,
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
    let none =
        || MetricsError::NoMetrics(host.clone(), "a page without those of a Quarrel server".to_owned());
    Sample::parse(body).ok_or_else(none)
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
    /// Reads Prometheus text; `None` when it is not that of our server.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.lines().any(|line| line.starts_with("quarrel_")) {
            return None;
        }
        let value = |name: &str| values(text, name).map(|(_, value)| value).reduce(|one, other| one + other);
        Some(Self {
            version: values(text, "quarrel_build_info").find_map(|(labels, _)| text_label(labels, "version")),
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

    /// Whether this is of a younger process than the one before: what only rises within one has fallen.
    pub(super) fn began_anew_since(&self, before: &Self) -> bool {
        let counters = |sample: &Self| {
            let ticks = sample.ticks.iter().map(|(_, count)| count).sum();
            [sample.cpu_seconds, sample.overruns, sample.slips, Some(ticks)]
        };
        let fell =
            |(now, then): (Option<f64>, Option<f64>)| now.zip(then).is_some_and(|(now, then)| now < then);
        counters(self).into_iter().zip(counters(before)).any(fell)
    }
}

/// A histogram's buckets, whatever its other labels: their ends, ascending, and how many values each took in.
fn buckets(text: &str, name: &str) -> Vec<(f64, f64)> {
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for (labels, count) in values(text, name) {
        let Some(end) = label(labels, "le") else { continue };
        match buckets.iter_mut().find(|(known, _)| *known == end) {
            Some((_, total)) => *total += count,
            None => buckets.push((end, count)),
        }
    }
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    // The text counts in each bucket what is in those before as well.
    let mut below = 0.0;
    for (_, count) in &mut buckets {
        let so_far = *count;
        *count -= below;
        below = so_far;
    }
    buckets
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
    fn what_is_not_told_is_not_zero() {
        let sample = Sample::parse(TEXT).unwrap();
        assert_eq!((sample.version.as_deref(), sample.overruns), (Some("0.9.1"), Some(3.0)));
        assert_eq!(sample.resident_bytes, Some(25e6));
        assert_eq!((sample.cpu_seconds, sample.cores, sample.slips), (None, None, None));
        assert_eq!(sample.ticks, [(0.001, 90.0), (0.002, 10.0), (f64::INFINITY, 1.0)]);
    }

    #[test]
    fn counters_that_fell_are_those_of_another_process() {
        let sample = |cpu: f64, ticks: u32| {
            let cpu = format!("quarrel_process_cpu_seconds_total {cpu}\n");
            let ticks = format!("quarrel_tick_duration_seconds_bucket{{le=\"+Inf\"}} {ticks}\n");
            Sample::parse(&format!("{cpu}{ticks}")).unwrap()
        };
        let before = sample(10.0, 300);
        assert!(!sample(10.0, 300).began_anew_since(&before));
        assert!(sample(0.5, 900).began_anew_since(&before), "its CPU time fell");
        assert!(sample(11.0, 30).began_anew_since(&before), "its ticks fell");
        assert!(!Sample::parse("quarrel_rooms 1").unwrap().began_anew_since(&Sample::default()));
    }

    #[tokio::test]
    async fn a_page_of_another_server_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: HttpAddress = listener.local_addr().unwrap().to_string().parse().unwrap();
        let other = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nnode_load1 0.5\nnothing\n{}\n").await.unwrap();
        });
        assert!(matches!(sample(&address).await, Err(MetricsError::NoMetrics(..))));
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
