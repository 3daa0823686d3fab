//! The house rules for language: comments, docs, strings and the names of functions, types, fields and variables use standard
//! technical terms.
//!
//! [`DROPPED`] is the one list of words that this project does not use, each with what to write instead. The rules for docs are in
//! `plain_docs.rs`, and those for names of bounds and types in `plain_names.rs`.

use std::{collections::BTreeMap, fmt::Write};

use quarrel_harness::source::{self, Passage, PassageKind, Word};

/// Words and phrases that are dropped, separated by `|`, and what to write instead.
///
/// A form in capitals is dropped from the names of types alone, and one with a full stop only where a clause ends with it.
const DROPPED: &[(&str, &str)] = &[
    ("say|says|said|saying", "send, return, report, print, state"),
    ("tell|tells|told|telling|is told|are told", "notify, send, pass, show"),
    ("hear|hears|heard|hearing", "receive, acknowledge"),
    ("let loose|lets loose|loosed", "spawn, start"),
    ("lets go", "release, drop"),
    ("rung|is rung", "wake, notify"),
    ("fate|fates", "outcome, policy"),
    ("speak of|speaks of|at its word", "describe, mean"),
    ("go on|goes on|went on|going on|gone on", "continue"),
    ("come back|comes back|came back|coming back", "return, reconnect, resume"),
    ("nobody|somebody|anybody|everybody", "the name of the role: a player, a peer, a client, each"),
    ("whoever|whomever|whatever", "the name of the type or role, any"),
    ("anew", "again, from the start"),
    ("for ever|forever", "without limit, until .. ends"),
    ("of late", "recently"),
    ("so many|at most so much|no more than that", "the name of the parameter: `count`, `max_bytes`"),
    ("at most so much", "the name of the parameter: at most `max_bytes`"),
    ("so far", "nothing, or since when: since the start"),
    ("so long as|as long as so", "the condition: while, if, up to"),
    ("is none|are none|none of ours", "is not, is missing, is foreign"),
    ("is no|are no|was no|were no", "is not"),
    ("else.", "otherwise, or the case by its name"),
    ("of one's own|of its own accord", "own, by itself"),
    (
        "dormitory|bed|beds|bell|bells|muster|happening|happenings|doze|dozes|dozing",
        "WakeFlag, WorkerConfig, ClientEvent, idle",
    ),
    ("crew|errand|errands|keeper|keepers|STAY", "the field's term: WorkerConfig, SessionRegistry"),
    ("news|pilot|pilots", "the field's term: updates, Controller"),
];

/// Ordinary English in which a form of the list is accepted.
const ORDINARY: &[&str] = &[
    "there is no",
    "there are no",
    "there was no",
    "is no longer",
    "are no longer",
    "was no longer",
    "were no longer",
    "anything else",
    "everything else",
    "nothing else",
    "nowhere else",
    "something else",
];

/// Dropped words that may stay: the file or folder, the word, and why.
const KEPT_WORDS: &[(&str, &str, &str)] = &[
    (
        "server/src/storage/migrations/1_matches.sql",
        "whoever",
        "a database refuses a migration that was applied with another text",
    ),
    ("server/src/telemetry/counters.rs", "fate", "a label of a published metric"),
    ("server/src/telemetry/metrics.rs", "fate", "the same"),
    ("tests/scenarios/metrics.rs", "fate", "the same"),
    ("tests/harness/server.rs", "fate", "the label of a published metric, which tests read"),
    ("tests/scenarios/vectors.rs", "says", "the titles of frozen vector files"),
    ("tests/scenarios/vectors.rs", "heard", "the label of a frozen vector"),
];

/// The file that holds the list, which names every dropped word.
const LIST: &str = "tests/scenarios/plain_words.rs";

#[test]
fn no_file_uses_a_dropped_word() {
    let dropped = Dropped::new();
    let mut found = String::new();
    let mut unused = KEPT_WORDS.to_vec();
    for (place, text) in source::written_files().iter().filter(|(place, _)| place != LIST) {
        for hit in dropped.find(place, text) {
            let is_kept =
                |(kept, words, _): &(&str, &str, &str)| place.starts_with(kept) && *words == hit.words;
            unused.retain(|kept| !is_kept(kept));
            if !KEPT_WORDS.iter().any(is_kept) {
                let Hit { line, words, instead } = hit;
                write!(found, "\n  {place}:{line}: \"{words}\": {instead}").expect("a string takes any text");
            }
        }
    }
    assert!(
        found.is_empty(),
        "plain technical English is understood at first reading; write instead:{found}"
    );
    assert!(unused.is_empty(), "a kept word that is gone leaves the list: {unused:?}");
}

/// A dropped word in a file.
#[derive(Debug, PartialEq, Eq)]
struct Hit {
    line: usize,
    words: String,
    instead: &'static str,
}

/// The list, by each form's first word.
struct Dropped {
    forms: BTreeMap<String, Vec<Form>>,
}

/// A dropped word or phrase.
struct Form {
    words: Vec<String>,
    instead: &'static str,
    place: FormPlace,
}

/// The places from which a form is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FormPlace {
    Anywhere,
    TypeNames,
    ClauseEnds,
}

impl Dropped {
    fn new() -> Self {
        let mut by_first: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (forms, instead) in DROPPED {
            for form in forms.split('|') {
                let form = Form::new(form, instead);
                by_first.entry(form.words[0].clone()).or_default().push(form);
            }
        }
        Self { forms: by_first }
    }

    /// Every dropped word and phrase in a file.
    fn find(&self, place: &str, text: &str) -> Vec<Hit> {
        // Scripts and the code in documents are read with their keywords, such as `else`.
        let has_keywords = !place.ends_with(".rs");
        let passages = source::passages(place, text);
        passages.iter().flat_map(|passage| self.find_in(passage, has_keywords)).collect()
    }

    fn find_in(&self, passage: &Passage, has_keywords: bool) -> Vec<Hit> {
        let words = passage.words();
        let is_here = |place: FormPlace| match place {
            FormPlace::Anywhere => true,
            FormPlace::TypeNames => passage.kind == PassageKind::TypeName,
            FormPlace::ClauseEnds => !has_keywords && !is_name(passage.kind),
        };
        let mut found = Vec::new();
        for at in 0..words.len() {
            let forms = self.forms.get(&words[at].text).into_iter().flatten();
            let matching = forms.filter(|form| is_here(form.place) && form.is_at(&words[at..]));
            // The longest form explains itself best.
            let best = matching.max_by_key(|form| form.words.len());
            if let Some(form) = best.filter(|_| !is_ordinary(&words, at)) {
                found.push(Hit { line: words[at].line, words: form.words.join(" "), instead: form.instead });
            }
        }
        found
    }
}

impl Form {
    fn new(form: &str, instead: &'static str) -> Self {
        let place = match form {
            form if form.ends_with('.') => FormPlace::ClauseEnds,
            form if form.chars().all(char::is_uppercase) => FormPlace::TypeNames,
            _ => FormPlace::Anywhere,
        };
        Self { words: words_of(form), instead, place }
    }

    /// Whether the words start with this form.
    fn is_at(&self, words: &[Word]) -> bool {
        let is_end = || words.get(self.words.len()).is_none_or(|next| next.is_apart);
        is_at(&self.words, words) && (self.place != FormPlace::ClauseEnds || is_end())
    }
}

fn words_of(phrase: &str) -> Vec<String> {
    phrase.to_lowercase().split([' ', '\'', '.']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_name(kind: PassageKind) -> bool {
    matches!(kind, PassageKind::Name | PassageKind::TypeName | PassageKind::VariableName)
}

/// Whether the word at `at` is in an ordinary phrase.
fn is_ordinary(words: &[Word], at: usize) -> bool {
    ORDINARY.iter().map(|phrase| words_of(phrase)).any(|phrase| {
        let starts = (at + 1).saturating_sub(phrase.len())..=at;
        starts.into_iter().any(|start| is_at(&phrase, &words[start..]))
    })
}

/// Whether the words start with a phrase; punctuation other than an apostrophe separates phrases.
fn is_at(phrase: &[String], words: &[Word]) -> bool {
    let is_apart = |at: usize| at > 0 && words[at].is_apart && phrase[at] != "s";
    words.len() >= phrase.len() && (0..phrase.len()).all(|at| words[at].text == phrase[at] && !is_apart(at))
}

fn found(place: &str, text: &str) -> Vec<(usize, String)> {
    Dropped::new().find(place, text).into_iter().map(|hit| (hit.line, hit.words)).collect()
}

fn hits(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
    expected.iter().map(|(line, words)| (*line, (*words).to_owned())).collect()
}

#[test]
fn a_dropped_word_is_found_in_comments_strings_and_names_of_functions() {
    let text =
        "//! A seat is told.\nfn nobody_waits() {\n    // It goes\n    // on.\n    let a = \"Anew\";\n}";
    let expected = [(1, "is told"), (1, "told"), (2, "nobody"), (3, "goes on"), (5, "anew")];
    assert_eq!(found("a.rs", text), hits(&expected));
}

#[test]
fn a_dropped_word_is_found_in_the_names_of_types_fields_and_variables() {
    let text = "struct SeatKeeper { said_at: u8 }\nfn f(told: u8) {\n    let whatever = 1;\n    println!(\"{told}\");\n}\nenum Kind { Told }";
    let expected = [(1, "keeper"), (1, "said"), (2, "told"), (3, "whatever"), (6, "told")];
    assert_eq!(found("a.rs", text), hits(&expected));
    assert_eq!(
        found("a.rs", "struct Stay;\n// The connection stays open.\nfn stay() {}"),
        hits(&[(1, "stay")]),
        "a form in capitals is dropped from names of types alone"
    );
    assert_eq!(found("a.rs", "fn f() { Kind::Told; a.said; }"), [], "a use is not a definition");
}

#[test]
fn ordinary_phrases_are_accepted() {
    assert_eq!(
        found("a.rs", "// There is no error, which is no error.\n// It is no longer so far."),
        hits(&[(1, "is no"), (2, "so far")])
    );
    assert_eq!(
        found("a.rs", "// Close it, or else. Serve nothing else.\nfn f() { if a { b() } else { c() } }"),
        hits(&[(1, "else")])
    );
    assert_eq!(found("a.py", "if a:\n    b()\nelse:\n    c()\n"), []);
}

#[test]
fn every_recommended_type_exists() {
    let files = source::crates().into_iter().flatten();
    let defined: Vec<_> = files.flat_map(|file| file.types()).map(|definition| definition.name).collect();
    let is_type = |word: &&str| word.starts_with(char::is_uppercase);
    for (_, instead) in DROPPED {
        for name in instead.split(|c: char| !c.is_alphanumeric()).filter(is_type) {
            assert!(
                defined.iter().any(|defined| defined == name),
                "the list recommends `{name}`, which does not exist"
            );
        }
    }
}

#[test]
fn punctuation_separates_the_words_of_a_phrase() {
    assert_eq!(
        found("a.rs", "// If there is, none. One's own. By one of one's own."),
        hits(&[(1, "of one s own")])
    );
    assert_eq!(
        found("a.rs", "fn f() { g(\"it is\\nnone\", r#\"it is\n none\"#); }"),
        hits(&[(1, "is none")])
    );
}

#[test]
fn scripts_and_documents_are_read_whole() {
    assert_eq!(found("a.md", "A server\nsays so.\n"), hits(&[(2, "says")]));
    assert_eq!(found("a.py", "def nobody_waits():\n    return x is None\n"), hits(&[(1, "nobody")]));
    assert_eq!(
        found("run", "say() { echo hi; }\nis_told() { :; }\n"),
        hits(&[(1, "say"), (2, "is told"), (2, "told")])
    );
}
