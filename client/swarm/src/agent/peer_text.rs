//! Text from a peer, made safe for a terminal.

use quarrel_shared::{limits::MAX_SENTENCE_BYTES, protocol::shown_text::clean};

/// Removes characters that cannot be seen or that move the cursor, and cuts the text off, so that it can be printed on one line.
pub(super) fn printable(text: &str) -> String {
    clean(text, MAX_SENTENCE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_peer_cannot_move_the_cursor_or_reverse_the_line() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202E}d"), "a[2Jb cd");
        assert_eq!(printable(&"x".repeat(10_000)).len(), MAX_SENTENCE_BYTES);
    }
}
