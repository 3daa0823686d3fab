//! The house rules for docs: they start with a noun phrase or a third-person verb, and add to the name of their item.

use std::fmt::Write;

use quarrel_harness::source::{self, Passage, PassageKind};

/// Words that no doc comment, and no description in a list of modules, starts with.
const RIDDLES: [&str; 10] = ["what", "who", "whom", "whose", "how", "why", "that", "which", "where", "when"];

#[test]
fn every_doc_comment_starts_with_a_noun_phrase_or_a_verb() {
    let found = in_docs(|passage| {
        let words = passage.words();
        let described = described_modules(&passage.text);
        let first = words.first().map(|word| word.text.as_str()).into_iter();
        let riddle = first.chain(described).find(|word| RIDDLES.contains(word))?.to_owned();
        Some(format!("a description starts with \"{riddle}\""))
    });
    assert!(found.is_empty(), "a doc starts with a noun phrase or a third-person verb:{found}");
}

#[test]
fn no_doc_comment_is_a_single_word() {
    let found = in_docs(|passage| {
        let words = passage.words();
        (words.len() == 1).then(|| format!("\"{}\" is all of it", words[0].text))
    });
    assert!(found.is_empty(), "a doc gives a unit, a bound or a meaning that the name does not:{found}");
}

#[test]
fn no_doc_comment_is_the_name_of_its_item() {
    let found = in_docs(|passage| {
        let words: Vec<_> = passage.words().into_iter().map(|word| word.text).collect();
        let meaning = match words.split_first() {
            Some((first, rest)) if ["a", "an", "the"].contains(&first.as_str()) => rest,
            _ => &words[..],
        };
        let name = passage.item.as_deref()?.to_lowercase();
        (meaning.join(" ") == name).then(|| format!("\"{}\" is the item's name", words.join(" ")))
    });
    assert!(found.is_empty(), "a doc gives a unit, a bound or a meaning that the name does not:{found}");
}

/// The first words of the descriptions in a list of modules: of ``- `clock`: the schedule`` it is `the`.
fn described_modules(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(['\n', ';']).map(str::trim);
    let described = parts.filter(|part| part.trim_start_matches("- ").starts_with(['`', '[']));
    described.filter_map(|part| {
        let (_, rest) = ["`: ", "`]: ", "): "].iter().find_map(|mark| part.split_once(mark))?;
        rest.split(|c: char| !c.is_alphanumeric()).next()
    })
}

/// A line for each doc comment about which `fault` has something to report.
fn in_docs(fault: impl Fn(&Passage) -> Option<String>) -> String {
    let mut found = String::new();
    for file in source::files(&["shared", "server", "client", "tests"]) {
        let docs = source::passages(&file.place, &file.text).into_iter();
        for passage in docs.filter(|passage| passage.kind == PassageKind::Doc) {
            if let Some(fault) = fault(&passage) {
                write!(found, "\n  {}:{}: {fault}", file.place, passage.line)
                    .expect("a string takes any text");
            }
        }
    }
    found
}

#[test]
fn docs_are_read_as_blocks() {
    let text = "/// Milliseconds\n/// of play.\nstruct A;\n/// Why.\nenum B {}\n// How\nfn f() {}";
    let docs: Vec<_> =
        source::passages("a.rs", text).into_iter().filter(|p| p.kind == PassageKind::Doc).collect();
    let words: Vec<_> = docs.iter().map(|doc| (doc.line, doc.words().len())).collect();
    assert_eq!(words, [(1, 3), (4, 1)]);
}

#[test]
fn the_item_of_a_doc_is_the_name_after_its_attributes() {
    let text = "/// A.\n#[derive(Debug)]\npub(crate) struct SeatLink {\n    /// B.\n    pub seat_id: u8,\n    /// C.\n    fn f() {}\n}";
    let items: Vec<_> =
        source::passages("a.rs", text).into_iter().filter_map(|passage| passage.item).collect();
    assert_eq!(items, ["Seat Link", "seat id", "f"]);
}

#[test]
fn each_module_of_a_list_is_described() {
    let text = "The tour:\n- [`a`](mod@a): the one; `b`: which ones.\n- `c`, d: how";
    assert_eq!(described_modules(text).collect::<Vec<_>>(), ["the", "which"]);
}
