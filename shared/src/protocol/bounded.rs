//! Texts and lists with a maximum length. Decoding checks the length before it allocates.

use std::{fmt, ops::Deref, str};

use super::encoding::{
    BorrowDecode, BorrowDecoder, Decode, DecodeError, Decoder, Encode, EncodeError, Encoder,
    owned_when_borrowed, refuse,
};
use super::shown_text::{clean, is_refused};

/// A line of at most `MAX` bytes of UTF-8, clean by the rule of [`shown_text`](super::shown_text).
///
/// Decoding cleans a text too, because an honest player may type an emoji or a joiner. It rejects control characters and characters
/// that change the direction of the line, which no honest client sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Creates a text; `None` if it is too long or not clean.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let clean = Self::lossy(text);
        (*clean == *text).then_some(clean)
    }

    /// Creates a text from any text: cleans it, and cuts it at `MAX` bytes.
    #[must_use]
    pub fn lossy(text: &str) -> Self {
        Self(clean(text, MAX))
    }

    /// Creates a text from the bytes that a peer sent or a file contains; `None` if they are too long, not UTF-8, or refused.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX)?;
        (!text.chars().any(is_refused)).then(|| Self::lossy(text))
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
        Self::from_bytes(&bytes)
            .ok_or_else(|| refuse("the text is not UTF-8, or contains control or direction characters"))
    }
}

owned_when_borrowed!([const MAX: usize], Text<MAX>);

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
    fn a_text_with_control_or_direction_characters_is_rejected() {
        let ranges =
            ['\u{0}'..='\u{1F}', '\u{7F}'..='\u{9F}', '\u{2028}'..='\u{202E}', '\u{2066}'..='\u{2069}'];
        for c in ranges.into_iter().flatten() {
            let name = format!("A{c}da");
            assert_eq!(Text::<64>::new(&name), None, "{name:?} is rejected by the constructor");
            assert!(decoded(&name).is_err(), "{name:?} is rejected by the decoder");
        }
    }

    #[test]
    fn a_received_text_is_cleaned() {
        for (sent, shown) in
            [("A\u{200D}da", "Ada"), (" Ada\u{3000}B ", "Ada B"), ("\u{3164}", ""), ("❤\u{FE0F}", "❤")]
        {
            assert_eq!(decoded(sent), Ok(ClientMessage::Chat(Text(shown.to_owned()))), "{sent:?}");
            assert_eq!(Text::<64>::new(sent), None, "{sent:?} is not clean");
            assert_eq!(&*Text::<64>::lossy(sent), shown);
        }
    }

    #[test]
    fn a_clean_text_arrives_as_it_was_sent() {
        for name in ["Ada", "Ada ♞", "Zoë", "Владимир", "عمر", "נה", "さくら", "नेहा", "🏹", ""]
        {
            let text = Text::new(name).unwrap();
            assert_eq!(Text::lossy(name), text);
            assert_eq!(decoded(name), Ok(ClientMessage::Chat(text)));
        }
    }
}
