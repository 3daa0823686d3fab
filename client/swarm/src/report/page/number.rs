//! Formats of the numbers on the page: about three significant digits, and thousands separators.

/// Formats a number with about three significant digits: whole numbers and the digits before the decimal point are kept in full.
pub(super) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    thousands(&format!("{value:.digits$}"))
}

/// Formats a number, or a dash when it was not measured.
pub(super) fn figure_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

/// Formats a whole number.
pub(super) fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// Formats a whole number, or a dash when it was not measured.
pub(super) fn count_or_dash(value: Option<u64>) -> String {
    value.map_or_else(|| "–".to_owned(), count)
}

/// Formats a number of bytes per second: the number, and its unit.
pub(super) fn rate(bytes: f64) -> (String, &'static str) {
    match bytes {
        bytes if bytes >= 1e6 => (figure(bytes / 1e6), "MB/s"),
        bytes if bytes >= 1e3 => (figure(bytes / 1e3), "kB/s"),
        bytes => (figure(bytes.round()), "B/s"),
    }
}

/// Formats a duration in its one or two largest units, such as `1 h 2 min`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{} s", figure((seconds * 10.0).round() / 10.0)),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, 0) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Formats a time since the run's start as `M:SS` or `H:MM:SS`, as the plots do.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole / 3600 {
        0 => format!("{}:{:02}", whole / 60, whole % 60),
        hours => format!("{hours}:{:02}:{:02}", whole / 60 % 60, whole % 60),
    }
}

/// Formats a change in percent, with its sign.
pub(super) fn change(percent: f64) -> String {
    let digits = usize::from(percent.abs() < 100.0);
    let size = thousands(&format!("{:.digits$}", percent.abs()));
    match size.strip_suffix(".0").unwrap_or(&size) {
        "0" => "±0 %".to_owned(),
        size => format!("{}{size} %", if percent < 0.0 { "−" } else { "+" }),
    }
}

/// Inserts a comma before each group of three digits of the integer part.
fn thousands(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("−", number));
    let whole = number.split('.').next().unwrap_or(number).len();
    let mut text = sign.to_owned();
    for (at, digit) in number.char_indices() {
        if at > 0 && at < whole && (whole - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.236, "1.24"),
            (91.25, "91.2"),
            (912.6, "913"),
            (-1234.0, "−1,234"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(100_000), "100,000");
    }

    #[test]
    fn durations_and_times_have_short_forms() {
        for (seconds, text) in
            [(0.04, "0 s"), (12.34, "12.3 s"), (60.0, "1 min"), (75.0, "1 min 15 s"), (3720.0, "1 h 2 min")]
        {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!((clock(65.9), clock(3661.0)), ("1:05".to_owned(), "1:01:01".to_owned()));
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(
            (change(4.26), change(-10.0), change(0.0)),
            ("+4.3 %".to_owned(), "−10 %".to_owned(), "±0 %".to_owned())
        );
    }

    #[test]
    fn bytes_have_a_fitting_unit() {
        assert_eq!(rate(3456.0), ("3.46".to_owned(), "kB/s"));
        assert_eq!(rate(12.0), ("12".to_owned(), "B/s"));
    }
}
