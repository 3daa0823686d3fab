//! Text from a peer, made safe for a terminal.

/// The maximum length of a printed text from a peer, in characters: enough for a sentence.
const MAX_CHARS: usize = 400;

/// Removes control characters and cuts the text off after [`MAX_CHARS`], so that it can be printed on one line.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_peer_cannot_move_the_cursor() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a[2Jbc");
        assert_eq!(printable(&"x".repeat(10_000)).len(), MAX_CHARS);
    }
}
