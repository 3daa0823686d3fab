//! Texts and lists with a maximum length. Decoding checks the length before it allocates.

use std::{fmt, ops::Deref};

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder,
    owned_when_borrowed, refuse,
};

/// A text of at most `MAX` bytes of UTF-8, without control characters and without characters that are invisible or change the direction
/// of writing: a name must not move a terminal's cursor, and two names must not differ only in invisible characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Creates a text; `None` if it is too long or contains such a character.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = text.len() <= MAX && !text.chars().any(is_deceptive);
        fits.then(|| Self(text.to_owned()))
    }

    /// Creates a text from `text`: drops such characters, and cuts it to at most `MAX` bytes at the end of a character.
    #[must_use]
    pub fn lossy(text: &str) -> Self {
        let mut kept = String::with_capacity(text.len().min(MAX));
        for c in text.chars().filter(|&c| !is_deceptive(c)) {
            if kept.len() + c.len_utf8() > MAX {
                break;
            }
            kept.push(c);
        }
        Self(kept)
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> Encode for Text<MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.as_bytes().encode(encoder)
    }
}

impl<C, const MAX: usize> Decode<C> for Text<MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let List(bytes) = List::<u8, MAX>::decode(decoder)?;
        let text = String::from_utf8(bytes).map_err(|_| refuse("the text is not UTF-8"))?;
        if text.chars().any(is_deceptive) {
            return Err(refuse("the text contains control, direction or invisible characters"));
        }
        Ok(Self(text))
    }
}

owned_when_borrowed!([const MAX: usize], Text<MAX>);

/// Returns true for a control character, and for one that is invisible or changes the direction of writing: two names that differ only
/// in such characters look the same, and one such character could reverse a line of chat.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' // the Arabic letter mark, a direction mark
            | '\u{200B}'..='\u{200F}' // zero width: space, joiners, direction marks
            | '\u{2028}'..='\u{202E}' // line and paragraph separators, direction embeddings and overrides
            | '\u{2060}' // the word joiner, of zero width
            | '\u{2066}'..='\u{2069}' // direction isolates
            | '\u{FEFF}') // the byte order mark, of zero width
}

/// A list of at most `MAX` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// Creates a list; `None` if it has more than `MAX` elements.
    #[must_use]
    pub fn new(items: Vec<T>) -> Option<Self> {
        (items.len() <= MAX).then_some(Self(items))
    }

    /// Converts the list into a vector of its elements.
    #[must_use]
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Encode, const MAX: usize> Encode for List<T, MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.0.len() as u64).encode(encoder)?;
        self.0.iter().try_for_each(|item| item.encode(encoder))
    }
}

impl<C, T: Decode<C>, const MAX: usize> Decode<C> for List<T, MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        const { assert!(size_of::<T>() > 0, "a list of zero-sized elements takes time to decode, but no bytes") };
        let len = u64::decode(decoder)?;
        if len > MAX as u64 {
            return Err(refuse("the list or text is longer than its maximum"));
        }
        // Counts the elements against the limit of the message before the allocation; each decode counts its own again.
        decoder.claim_container_read::<T>(len as usize)?;
        let mut items = Vec::with_capacity(len as usize);
        for _ in 0..len {
            decoder.unclaim_bytes_read(size_of::<T>());
            items.push(T::decode(decoder)?);
        }
        Ok(Self(items))
    }
}

owned_when_borrowed!([T: Decode<Context>, const MAX: usize], List<T, MAX>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{
        codec::{self, CodecError},
        framing::LENGTH_BYTES,
        messages::ClientMessage,
    };

    /// Decodes a chat line as the server does. The line may be one that [`Text::new`] rejects: another implementation could send it.
    fn decoded(text: &str) -> Result<ClientMessage, CodecError> {
        let mut bytes = Vec::new();
        codec::encode(&ClientMessage::Chat(Text(text.to_owned())), &mut bytes);
        codec::decode_client(&bytes[LENGTH_BYTES..])
    }

    #[test]
    fn a_text_with_control_or_invisible_characters_is_rejected() {
        let ranges =
            ['\u{0}'..='\u{1F}', '\u{7F}'..='\u{9F}', '\u{200B}'..='\u{200F}', '\u{202A}'..='\u{202E}'];
        let singles = ['\u{061C}', '\u{2028}', '\u{2029}', '\u{2060}', '\u{FEFF}'];
        for c in ranges.into_iter().flatten().chain('\u{2066}'..='\u{2069}').chain(singles) {
            let name = format!("A{c}da");
            assert_eq!(Text::<64>::new(&name), None, "{name:?} is rejected by the constructor");
            assert!(decoded(&name).is_err(), "{name:?} is rejected by the decoder");
            assert_eq!(&*Text::<64>::lossy(&name), "Ada", "{name:?} loses the character");
        }
    }

    #[test]
    fn names_of_every_script_are_accepted() {
        for name in ["Ada", "Ada ♞", "Zoë", "Владимир", "عمر", "דנה", "さくら", "नेहा", "🏹", ""]
        {
            let text = Text::new(name).unwrap();
            assert_eq!(Text::lossy(name), text);
            assert_eq!(decoded(name), Ok(ClientMessage::Chat(text)));
        }
    }
}
