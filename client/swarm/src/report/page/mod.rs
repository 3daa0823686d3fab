//! The report as one HTML page: the verdict, key figures, plots, and tables of everything else in the report.
//!
//! The page is one file that makes no requests, so it can be mailed, stored with a build, and opened years later. All text is HTML and
//! readable without JavaScript; the script only draws the plots, from the JSON report that the page contains.
//!
//! A report contains untrusted texts: names from a plan, sentences from a server. They cannot become markup (`markup` escapes them), they
//! cannot end the script element that contains the report, and the content security policy allows only the one script whose hash it names.

mod downsample;
mod header;
mod markup;
mod number;
mod plots;
mod tables;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};

use self::markup::{Markup, escaped};
use super::Report;

const TEMPLATE: &str = include_str!("page.html");

/// The style sheets of the page, of its plots, and for printing.
const STYLE: &str = concat!(include_str!("page.css"), include_str!("plot.css"), include_str!("print.css"));

/// The script's modules, each after its dependencies.
const MODULES: [&str; 6] = [
    include_str!("format.js"),
    include_str!("scale.js"),
    include_str!("svg.js"),
    include_str!("plot.js"),
    include_str!("charts.js"),
    include_str!("page.js"),
];

/// Renders a report as an HTML page.
#[must_use]
pub fn render(report: &Report) -> String {
    let script = script();
    let mut html = String::new();
    // Placeholders are replaced in one pass, so that `{{..}}` in a text of the report is not replaced.
    for part in TEMPLATE.split("{{") {
        let Some((placeholder, rest)) = part.split_once("}}") else {
            html.push_str(part);
            continue;
        };
        html.push_str(&match placeholder {
            "policy" => policy(&script),
            "title" => escaped(header::title(report)),
            "style" => STYLE.to_owned(),
            "body" => body(report),
            "report" => report_json(report),
            _ => script.clone(),
        });
        html.push_str(rest);
    }
    html
}

fn body(report: &Report) -> String {
    let mut body = Markup::default();
    header::verdict(&mut body, report);
    body.element("main", "", |main| {
        header::tiles(main, report);
        tables::rules(main, report);
        plots::add_figures(main, report);
        tables::distributions(main, report);
        main.element("div", "columns", |columns| {
            tables::groups(columns, report);
            tables::counts(columns, report);
            tables::incidents(columns, report);
            tables::baseline(columns, report);
        });
        tables::setting(main, report);
    });
    body.into_html()
}

/// Returns the content security policy: the page loads nothing (but for inline `data:` images) and sends nothing, and only the script and
/// the style with these hashes apply.
fn policy(script: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(STYLE)
    )
}

/// Joins the modules into one script, without their imports and exports. The modules import each other by file, so that editors and the
/// type checker can read each of them.
fn script() -> String {
    let mut script = String::new();
    for line in MODULES.iter().flat_map(|module| module.lines()) {
        if !line.starts_with("import ") {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
}

/// Returns the report, downsampled, as JSON in which `<` is escaped, so that no text can end the script element.
fn report_json(report: &Report) -> String {
    serde_json::to_string(&*downsample::downsampled(report)).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        BaselineComparison, Delta, Incident, Percentiles, RuleResult, SecondFigures, ServerFigures, Verdict,
    };

    const HOSTILE: &str = "</script><script>alert(1)</script><!-- {{script}} \" onload='x' &lt;";

    fn full() -> Report {
        let times =
            Some(Percentiles { p50: 30.0, p90: 40.0, p99: 91.2, p999: 120.0, max: 1234.5, count: 10 });
        let hostile = || HOSTILE.to_owned();
        let mut report = Report {
            verdict: Verdict::Fail,
            why: vec![hostile()],
            slo: vec![RuleResult { rule: hostile(), value: Some(91.2), limit: Some(80.0), ok: false }],
            input_ack_ms: times,
            join_ms: times,
            closes: [(hostile(), 3)].into(),
            groups: [(hostile(), Default::default())].into(),
            hostile: [(hostile(), Default::default())].into(),
            server: Some(ServerFigures::default()),
            trouble: Some(hostile()),
            incidents: vec![Incident { at_s: 1.0, what: hostile() }],
            series: vec![SecondFigures::default(); 3],
            baseline: Some(BaselineComparison {
                file: hostile(),
                started_unix_s: 1,
                figures: [("joined".to_owned(), Delta::between(1.0, 2.0))].into(),
            }),
            ..Report::default()
        };
        report.setting.plan = hostile();
        report.setting.host = hostile();
        report.setting.server = hostile();
        report
    }

    /// Returns the page without the script, whose source contains the words that tests search for.
    fn text(page: &str) -> &str {
        page.split_once("<script type=\"module\">").unwrap().0
    }

    #[test]
    fn no_text_of_a_report_becomes_markup() {
        let page = render(&full());
        assert_eq!(
            page.matches("<script").count(),
            2,
            "the only script elements are the report and the script"
        );
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("<!--"));
        assert_eq!(
            page.matches("document.getElementById(\"report\")").count(),
            1,
            "each placeholder is replaced once"
        );
    }

    #[test]
    fn the_report_can_be_extracted_from_the_page() {
        let page = render(&full());
        let (_, rest) = page.split_once("id=\"report\">").unwrap();
        let json = rest.split_once("</script>").unwrap().0;
        assert_eq!(serde_json::from_str::<Report>(json).unwrap(), full());
    }

    #[test]
    fn everything_but_the_plots_is_html_without_the_script() {
        let page = render(&full());
        for word in
            ["fail", "91.2", "1,234", "Rules", "Incidents", "Hostile", "Groups", "Plan", "Server", "+100 %"]
        {
            assert!(text(&page).contains(word), "{word}");
        }
    }

    #[test]
    fn an_empty_report_has_a_page() {
        let page = render(&Report::default());
        assert!(text(&page).contains("invalid"));
        assert!(!text(&page).contains("NaN"));
    }

    #[test]
    fn the_page_makes_no_requests() {
        let page = render(&full());
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
        for word in [" src=", "url(", "@import", "https://", "style=\""] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn the_modules_are_joined_into_one_script() {
        let script = script();
        assert!(script.lines().all(|line| !line.starts_with("import") && !line.starts_with("export")));
        assert!(!script.contains("</"), "a closing tag would end the script's element");
    }
}
