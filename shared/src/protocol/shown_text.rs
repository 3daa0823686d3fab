//! The rule for text that is shown to other players and to operators: names, chat lines, sentences.
//!
//! A peer chooses such a text, so it must not deceive its readers: by characters that cannot be seen, by a changed direction of the line,
//! or by marks that cover the lines above and below. [`clean`] applies the rule, which has four parts:
//!
//! - Hidden characters are removed: those of Unicode's property `Default_Ignorable_Code_Point` and of the general categories control,
//!   format, private use, and line and paragraph separator, and noncharacters. Texts that differ only in them become equal.
//! - White space of all kinds, and characters that look like it, become one space between words, and none at the ends.
//! - At most [`MAX_MARKS`] combining marks follow a character. Marks at the start of a word are removed.
//! - A text without a visible character is therefore empty.
//!
//! Joiners (U+200C, U+200D) and variation selectors are hidden characters without an exception, because two names could differ in them
//! alone. So a family emoji is shown as its members, ❤️ as ❤, and a Persian or Indic word with a joiner in the letter forms of the word
//! without it. Skin tones, regional flags and keycaps have no hidden characters and stay.

use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory as _};

/// The maximum number of combining marks after one character. Three is the maximum of living scripts: in Hebrew a dagesh, a shin dot and
/// a vowel; in Arabic a shadda, a vowel and a superscript alef; in Tibetan two subjoined letters and a vowel; in Vietnamese two. A mark
/// takes up to a third of a line's height, so three reach at most into the gap to the next line.
pub const MAX_MARKS: u32 = 3;

/// The code points with the property `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt of Unicode 17.0), as ranges.
const DEFAULT_IGNORABLE: &[(char, char)] = &[
    ('\u{00AD}', '\u{00AD}'),
    ('\u{034F}', '\u{034F}'),
    ('\u{061C}', '\u{061C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFF8}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Returns `text` under the rule, cut at `max_bytes` of UTF-8. Cleaning a clean text returns it unchanged.
#[must_use]
pub fn clean(text: &str, max_bytes: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(max_bytes));
    let (mut is_space_due, mut marks_left) = (false, 0);
    for c in text.chars() {
        if is_blank(c) {
            (is_space_due, marks_left) = (!kept.is_empty(), 0);
            continue;
        }
        let category = c.general_category();
        if is_hidden(c, category) {
            continue;
        }
        if matches!(category, Category::NonspacingMark | Category::EnclosingMark) {
            if marks_left == 0 {
                continue;
            }
            marks_left -= 1;
        } else {
            marks_left = MAX_MARKS;
        }
        if kept.len() + usize::from(is_space_due) + c.len_utf8() > max_bytes {
            break;
        }
        if is_space_due {
            kept.push(' ');
            is_space_due = false;
        }
        kept.push(c);
    }
    kept
}

/// Whether a program that sends this character is broken or hostile: it moves a terminal's cursor, or changes the direction of what
/// follows. A decoder refuses it, and [`clean`] removes it or replaces it by a space.
pub(super) fn is_refused(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is white space or looks like it.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{2800}' // the braille pattern without dots
            | '\u{FFFC}' // the placeholder of an embedded object
            | '\u{13441}' | '\u{13442}' // blanks of Egyptian hieroglyphs
            | '\u{1D159}'
        ) // a note without a head
}

fn is_hidden(c: char, category: Category) -> bool {
    let is_noncharacter = matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE;
    let is_in = |&(first, last): &(char, char)| (first..=last).contains(&c);
    matches!(
        category,
        Category::Control
            | Category::Format
            | Category::PrivateUse
            | Category::LineSeparator
            | Category::ParagraphSeparator
    ) || is_noncharacter
        || DEFAULT_IGNORABLE.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Deceptive texts, each with what is shown instead.
    const DECEPTIVE: &[(&str, &str)] = &[
        ("\u{115F}", ""),                                                     // Hangul choseong filler
        ("\u{1160}", ""),                                                     // Hangul jungseong filler
        ("\u{3164}\u{3164}", ""),                                             // Hangul filler
        ("\u{FFA0}", ""),                                                     // halfwidth Hangul filler
        ("\u{2800}\u{2800}", ""),                                             // blank braille
        ("\u{1D159}", ""),                                                    // a note without a head
        ("\u{13441}", ""),                                                    // a hieroglyphic blank
        ("\u{FFFC}", ""),                                                     // an object placeholder
        ("   ", ""),                                                          // spaces
        ("\u{3000}\u{2003}\u{A0}", ""),     // ideographic, em and no-break space
        ("\u{1F3FB}\u{200D}", "\u{1F3FB}"), // a joiner after a visible swatch
        ("\u{301}\u{302}", ""),             // marks without a letter
        ("\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}", ""), // zero width
        ("A\u{200B}da", "Ada"),             // zero width space
        ("A\u{AD}da", "Ada"),               // soft hyphen
        ("A\u{34F}da", "Ada"),              // grapheme joiner
        ("A\u{61C}da", "Ada"),              // Arabic letter mark
        ("A\u{17B4}da", "Ada"),             // Khmer inherent vowel
        ("A\u{180E}da", "Ada"),             // Mongolian vowel separator
        ("A\u{202E}da", "Ada"),             // right-to-left override
        ("A\u{2066}da\u{2069}", "Ada"),     // direction isolates
        ("A\u{2062}\u{2064}da", "Ada"),     // invisible operators
        ("Ada\u{FE0F}\u{FE00}", "Ada"),     // variation selectors
        ("Ada\u{E0100}\u{E01EF}", "Ada"),   // variation selectors of the supplement
        ("Ada\u{E0001}\u{E0041}\u{E007F}", "Ada"), // tags
        ("Ada\u{FFF9}\u{FFFB}", "Ada"),     // interlinear annotation
        ("Ada\u{E000}\u{F8FF}\u{10FFFD}", "Ada"), // private use
        ("Ada\u{FDD0}\u{FFFE}\u{1FFFF}", "Ada"), // noncharacters
        ("Ada\u{1BCA0}\u{1D173}", "Ada"),   // shorthand and musical format controls
        ("Ada\u{0}\u{1B}[2J\u{9B}", "Ada[2J"), // control characters
        ("\u{301}Ada", "Ada"),              // a mark on what stands before the name
        (" \u{301}Ada \u{301} B", "Ada B"), // marks on spaces
        ("  Ada \u{A0}\t\u{2003} B\u{3000}", "Ada B"), // spaces that look like one
        ("Ada\nadmin: hi\u{2028}x", "Ada admin: hi x"), // line ends
        ("Z\u{300}\u{301}\u{302}\u{303}\u{304}a", "Z\u{300}\u{301}\u{302}a"), // a tower of marks
        ("Z\u{300}\u{301}\u{302}\u{200D}\u{303}a", "Z\u{300}\u{301}\u{302}a"), // with a joiner inside
        ("Z\u{20DD}\u{20DE}\u{20DF}\u{20E0}a", "Z\u{20DD}\u{20DE}\u{20DF}a"), // enclosing marks
    ];

    /// Texts of many scripts that stay as they are.
    const HONEST: &[&str] = &[
        "",
        "Ada",
        "Ada ♞",
        "Zoë O'Neill-Å",
        "xX_[N00b]_Xx",
        "Zoe\u{308}",               // decomposed
        "Nguyễn Thị Ánh",           // Vietnamese
        "Nguye\u{302}\u{303}n",     // Vietnamese, decomposed
        "Владимир",                 // Russian
        "Ελένη",                    // Greek
        "عمر",                      // Arabic
        "مُحَمَّد",                     // Arabic with vowels
        "فرزانه",                   // Persian
        "דנה",                      // Hebrew
        "שּׁ\u{5B8}לוֹם",              // Hebrew with points
        "नेहा",                      // Hindi
        "क्षत्रिय ज़्",                 // Hindi with conjuncts and a nukta
        "தமிழ்",                     // Tamil
        "ก้อง ผู้น้ำ",                  // Thai
        "བསྒྲུབས",                     // Tibetan
        "ស្រីពៅ",                     // Khmer
        "မြွှာ",                      // Burmese
        "김민수",                   // Korean
        "\u{1100}\u{1161}\u{11A8}", // Korean, decomposed
        "さくら ヷ",                // Japanese
        "か\u{3099}",               // Japanese, decomposed
        "王小明",                   // Chinese
        "🏹",                       // an emoji
        "👍🏽",                       // with a skin tone
        "🇺🇦",                       // a flag
        "1\u{20E3}",                // a keycap
        "⣿⠁",                       // braille with dots
        "\u{FFFD}",                 // the replacement character
    ];

    #[test]
    fn deceptive_texts_are_cleaned() {
        for (text, shown) in DECEPTIVE {
            assert_eq!(clean(text, 100), *shown, "{text:?}");
        }
    }

    #[test]
    fn honest_texts_of_every_script_stay_as_they_are() {
        for text in HONEST {
            assert_eq!(clean(text, 100), *text, "{text:?}");
        }
    }

    #[test]
    fn emoji_sequences_are_shown_as_their_parts() {
        for (text, shown) in [
            ("👨\u{200D}👩\u{200D}👧", "👨👩👧"),
            ("🏳\u{FE0F}\u{200D}🌈", "🏳🌈"),
            ("👩🏽\u{200D}🚀", "👩🏽🚀"),
            ("❤\u{FE0F}", "❤"),
            ("1\u{FE0F}\u{20E3}", "1\u{20E3}"),
            ("🏴\u{E0067}\u{E0062}\u{E007F}", "🏴"),
        ] {
            assert_eq!(clean(text, 100), shown);
        }
    }

    #[test]
    fn every_default_ignorable_code_point_is_hidden() {
        for &(first, last) in DEFAULT_IGNORABLE {
            for c in first..=last {
                assert_eq!(clean(&format!("A{c}da"), 100), "Ada", "U+{:04X}", u32::from(c));
            }
        }
    }

    #[test]
    fn a_text_is_cut_at_a_character_without_a_space_at_the_end() {
        assert_eq!(clean("Ada Lovelace", 5), "Ada L");
        assert_eq!(clean("Ada Lovelace", 4), "Ada");
        assert_eq!(clean("Zoë", 3), "Zo");
        assert_eq!(clean("Ada", 0), "");
    }

    proptest! {
        #[test]
        fn a_clean_text_is_short_visible_and_stays_as_it_is(text in "\\PC{0,20}|.{0,40}|[ a\u{301}\u{200D}\u{2800}]{0,20}", max in 0..50_usize) {
            let once = clean(&text, max);
            prop_assert!(once.len() <= max && once.trim() == once && !once.contains("  "), "{:?}", once);
            prop_assert!(!once.chars().any(is_refused), "{:?}", once);
            prop_assert_eq!(clean(&once, max), once);
        }
    }
}
