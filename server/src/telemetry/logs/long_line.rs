//! Log lines that are too long: their texts are cut, so that a JSON line stays JSON.

use serde_json::{Map, Value};

/// The maximum length of a text in a shortened JSON line, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// The fields that a line keeps when it is too long even with short texts.
const MAIN_FIELDS: [&str; 4] = ["timestamp", "level", "target", "message"];

/// Marks a text that was cut.
const CUT: &str = "…";

/// Returns a line of at most `max` bytes, its newline included, for a line that is longer. `max` must be at least 8 KiB.
pub(super) fn shorten(line: &[u8], max: usize) -> Vec<u8> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(line) else {
        let text = String::from_utf8_lossy(line);
        return with_newline(cut(&text, max - CUT.len() - 1));
    };
    fields.values_mut().for_each(cut_texts);
    let short = with_newline(Value::Object(fields.clone()).to_string());
    if short.len() <= max {
        return short;
    }
    let main: Map<_, _> =
        fields.into_iter().filter(|(name, _)| MAIN_FIELDS.contains(&name.as_str())).collect();
    with_newline(Value::Object(main).to_string())
}

/// Cuts every text in a value.
fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > MAX_TEXT_BYTES => *text = cut(text, MAX_TEXT_BYTES),
        Value::Array(values) => values.iter_mut().for_each(cut_texts),
        Value::Object(fields) => fields.values_mut().for_each(cut_texts),
        _ => {}
    }
}

/// Returns the first `max` bytes of a text, with a mark after them.
fn cut(text: &str, max: usize) -> String {
    format!("{}{CUT}", &text[..text.floor_char_boundary(max)])
}

fn with_newline(mut text: String) -> Vec<u8> {
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 16 * 1024;

    fn shortened(line: &str) -> String {
        let short = String::from_utf8(shorten(line.as_bytes(), MAX)).unwrap();
        assert!(short.len() <= MAX && short.ends_with('\n'), "{} bytes", short.len());
        short
    }

    #[test]
    fn a_long_json_line_keeps_its_fields_and_stays_json() {
        let long = "é".repeat(MAX);
        let line = format!(r#"{{"level":"WARN","message":"{long}","span":{{"text":"{long}"}},"count":7}}"#);
        let short: Value = serde_json::from_str(&shortened(&line)).unwrap();
        assert_eq!((short["level"].as_str(), short["count"].as_u64()), (Some("WARN"), Some(7)));
        assert!(short["message"].as_str().unwrap().ends_with(CUT));
    }

    #[test]
    fn a_json_line_with_too_many_fields_keeps_the_main_ones() {
        let fields: String = (0..MAX).map(|n| format!(r#""field {n}":{n},"#)).collect();
        let short: Value =
            serde_json::from_str(&shortened(&format!(r#"{{{fields}"level":"INFO","message":"all"}}"#)))
                .unwrap();
        assert_eq!(short, serde_json::json!({"level": "INFO", "message": "all"}));
    }

    #[test]
    fn a_long_text_line_is_cut() {
        assert!(shortened(&"ä".repeat(MAX)).ends_with("ä…\n"));
    }
}
