//! The verdict of a run as JUnit XML for build servers: each rule is a test case.
//!
//! The run itself is a test case too. This test case is an error when the verdict is `invalid` or `aborted`. It also keeps a suite without
//! rules from being empty, which some build servers treat as a mistake.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{Report, RuleResult, Verdict};

/// Name of the only test suite and of its test class.
const SUITE: &str = "swarm";

/// Writes the report's verdict and rules as a JUnit document.
///
/// # Errors
/// When `output` returns an error.
pub fn write(report: &Report, output: &mut impl io::Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(output, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let is_inconclusive = matches!(report.verdict, Verdict::Invalid | Verdict::Aborted);
    let broken = report.slo.iter().filter(|result| !result.ok).count();
    let counts = [
        ("tests", (report.slo.len() + 1).to_string()),
        ("failures", broken.to_string()),
        ("errors", u8::from(is_inconclusive).to_string()),
        ("time", format!("{:.3}", report.seconds)),
    ];
    let counts = || counts.iter().map(|(name, value)| (*name, value.as_str()));
    let started = report.setting.started_rfc3339();
    // The common JUnit schema has no time zones, so the timestamp is in UTC without the `Z`.
    let started =
        [("timestamp", started.trim_end_matches('Z')), ("hostname", &xml_text(&report.setting.host))];
    xml.create_element("testsuites").with_attributes(counts()).write_inner_content(|xml| {
        let suite = xml.create_element("testsuite").with_attribute(("name", SUITE));
        suite.with_attributes(counts()).with_attributes(started).write_inner_content(|xml| {
            write_run(xml, report, is_inconclusive)?;
            report.slo.iter().try_for_each(|result| write_rule(xml, result))
        })?;
        Ok(())
    })?;
    xml.get_mut().write_all(b"\n")
}

/// Writes the test case of the run. It has the duration of the whole run; the test cases of rules have a duration of 0.
fn write_run<W: io::Write>(xml: &mut Writer<W>, report: &Report, is_inconclusive: bool) -> io::Result<()> {
    let case = xml.create_element("testcase").with_attributes([
        ("classname", SUITE),
        ("name", "run"),
        ("time", format!("{:.3}", report.seconds).as_str()),
    ]);
    if !is_inconclusive {
        return case.write_empty().map(drop);
    }
    let first = xml_text(report.why.first().map_or("unknown reason", String::as_str));
    case.write_inner_content(|xml| {
        xml.create_element("error")
            .with_attributes([("type", report.verdict.name()), ("message", first.as_str())])
            .write_text_content(BytesText::new(&xml_text(&report.why.join("\n"))))?;
        Ok(())
    })
    .map(drop)
}

fn write_rule<W: io::Write>(xml: &mut Writer<W>, result: &RuleResult) -> io::Result<()> {
    let rule = xml_text(&result.rule);
    let case = xml.create_element("testcase").with_attributes([
        ("classname", SUITE),
        ("name", rule.as_str()),
        ("time", "0.000"),
    ]);
    if result.ok {
        return case.write_empty().map(drop);
    }
    case.write_inner_content(|xml| {
        xml.create_element("failure")
            .with_attributes([("type", "rule"), ("message", xml_text(&result.failure_message()).as_str())])
            .write_empty()?;
        Ok(())
    })
    .map(drop)
}

/// Replaces control characters (other than tab, line feed and carriage return), U+FFFE and U+FFFF by U+FFFD. XML 1.0 cannot express most
/// of them even escaped, and a close reason of an untrusted server may contain them.
fn xml_text(text: &str) -> String {
    let is_allowed = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r');
    let replaced = |letter| {
        if is_allowed(letter) && !matches!(letter, '\u{fffe}' | '\u{ffff}') { letter } else { '\u{fffd}' }
    };
    text.chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    fn written(report: &Report) -> String {
        let mut output = Vec::new();
        write(report, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn rule(rule: &str, value: Option<f64>, ok: bool) -> RuleResult {
        RuleResult { rule: rule.to_owned(), value, limit: Some(80.0), ok }
    }

    #[test]
    fn each_rule_is_a_test_case_and_a_broken_one_shows_the_figures_value() {
        let report = Report {
            verdict: Verdict::Fail,
            seconds: 61.5,
            slo: vec![
                rule("input_ack_ms.p99 < 80", Some(91.2), false),
                rule("disconnected == 0", Some(0.0), true),
            ],
            ..Report::default()
        };
        let text = written(&report);
        assert!(
            text.contains(
                "<testsuite name=\"swarm\" tests=\"3\" failures=\"1\" errors=\"0\" time=\"61.500\""
            ),
            "{text}"
        );
        assert!(text.contains("name=\"input_ack_ms.p99 &lt; 80\""), "{text}");
        assert!(text.contains("<failure type=\"rule\" message=\"input_ack_ms.p99 was 91.2\"/>"), "{text}");
        assert!(text.contains("name=\"disconnected == 0\" time=\"0.000\"/>"), "{text}");
    }

    #[test]
    fn an_inconclusive_run_is_an_error() {
        for verdict in [Verdict::Invalid, Verdict::Aborted] {
            let why = vec!["the swarm was late & slow".to_owned(), "no bot played".to_owned()];
            let text = written(&Report { verdict, why, ..Report::default() });
            assert!(text.contains("errors=\"1\""), "{text}");
            let error = format!("<error type=\"{verdict}\" message=\"the swarm was late &amp; slow\">");
            assert!(text.contains(&error) && text.contains("no bot played</error>"), "{text}");
        }
        assert!(!written(&Report { verdict: Verdict::Pass, ..Report::default() }).contains("<error"));
    }

    #[test]
    fn no_text_of_a_report_breaks_the_document() {
        let hostile = "]]></error><testcase/>\"'&\u{0}\u{1b}[31m".to_owned();
        let mut report = Report {
            why: vec![hostile.clone()],
            slo: vec![rule(&hostile, None, false)],
            ..Report::default()
        };
        report.setting.host = hostile;
        let text = written(&report);
        assert_eq!(text.matches("<testcase ").count(), 2, "{text}");
        let mut reader = Reader::from_str(&text);
        while !matches!(reader.read_event().unwrap(), Event::Eof) {}
        assert!(text.chars().all(|letter| !letter.is_control() || letter == '\n'), "{text:?}");
    }
}
