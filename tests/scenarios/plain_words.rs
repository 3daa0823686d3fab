//! The house rules for language: comments, docs, strings, test names and type names use standard technical terms.
//!
//! [`DROPPED`] is the one list of words that this project does not use, each with what to write instead.

use std::{collections::BTreeMap, fmt::Write};

use quarrel_harness::source::{self, Passage, PassageKind, SourceFile, TokenKind, Word};

/// Words and phrases that are dropped, separated by `|`, and what to write instead. `*` stands for any word.
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
    ("so far as|so long as|as long as so", "the condition: while, if, up to"),
    ("is none|are none|none of ours", "is not, is missing, is foreign"),
    ("of one's own|of its own accord", "own, by itself"),
    ("dormitory|muster|happening|happenings|doze|dozes|dozing", "WakeSet, WorkerConfig, ClientEvent, idle"),
];

/// Dropped words that may stay: the file or folder, the word, and why.
const KEPT_WORDS: &[(&str, &str, &str)] = &[
    (
        "server/src/storage/migrations/1_matches.sql",
        "whoever",
        "a database refuses a migration that was applied with another text",
    ),
    ("server/src/telemetry/metrics.rs", "fate", "a label of a published metric"),
    ("tests/", "fate", "the label of a published metric, which tests read"),
    ("tests/scenarios/vectors.rs", "says", "the titles of frozen vector files"),
    ("tests/scenarios/vectors.rs", "heard", "the label of a frozen vector"),
];

/// The file that holds the list, which names every dropped word.
const LIST: &str = "tests/scenarios/plain_words.rs";

/// Words that no doc comment starts with.
const RIDDLES: [&str; 7] = ["what", "who", "whom", "whose", "how", "why", "that"];

/// Type names that more than one folder may define, and why.
const SHARED_TYPE_NAMES: &[(&str, &str)] = &[
    ("Seat", "a room, a session and a client each have their side of a seat, and its folder names it"),
    ("Cli", "each program has its own command line"),
    ("ExitCode", "each program has its own exit codes"),
    ("GameEntry", "each program has its own list of games"),
    ("Phase", "each state machine has its own phases"),
    ("Request", "each task and each conversation has its own requests"),
];

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

#[test]
fn every_doc_comment_starts_with_a_noun_phrase_or_a_verb() {
    let found = in_docs(|passage| {
        let first = passage.words().first()?.text.clone();
        RIDDLES.contains(&first.as_str()).then(|| format!("starts with \"{first}\""))
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
fn bounds_are_named_max_and_min() {
    let mut found = String::new();
    for file in all_rust() {
        for (line, name) in odd_bounds(&file) {
            write!(found, "\n  {}:{line}: {name}", file.place).expect("a string takes any text");
        }
    }
    assert!(found.is_empty(), "a bound is named max or min, not most or least:{found}");
}

#[test]
fn a_type_name_has_one_meaning() {
    let files: Vec<_> = source::crates().into_iter().flatten().filter(|file| !file.is_test()).collect();
    let mut by_name: BTreeMap<String, Vec<Definition>> = BTreeMap::new();
    for definition in definitions(&files) {
        by_name.entry(definition.name.clone()).or_default().push(definition);
    }
    let is_shared = |places: &[Definition]| places.iter().any(|place| place.folder != places[0].folder);
    let is_listed = |name: &str| SHARED_TYPE_NAMES.iter().any(|(listed, _)| *listed == name);
    let mut found = String::new();
    for (name, places) in by_name.iter().filter(|(name, places)| is_shared(places) && !is_listed(name)) {
        let places: Vec<_> = places.iter().map(|place| place.place.as_str()).collect();
        write!(found, "\n  {name}: {}", places.join(", ")).expect("a string takes any text");
    }
    assert!(
        found.is_empty(),
        "two types of one name are told apart by renaming one, or listed with a reason:{found}"
    );
    for (name, _) in SHARED_TYPE_NAMES {
        let is_needed = by_name.get(*name).is_some_and(|places| is_shared(places));
        assert!(is_needed, "`{name}` has one definition: it leaves the list");
    }
}

/// All Rust files but the list's.
fn all_rust() -> Vec<SourceFile> {
    let mut files = source::files(&["shared", "server", "client", "tests"]);
    files.retain(|file| file.place != LIST);
    files
}

/// A line for each doc comment about which `fault` has something to report.
fn in_docs(fault: impl Fn(&Passage) -> Option<String>) -> String {
    let mut found = String::new();
    for file in all_rust() {
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

/// A dropped word in a file.
#[derive(Debug, PartialEq, Eq)]
struct Hit {
    line: usize,
    words: String,
    instead: &'static str,
}

/// The list, by each entry's first word.
struct Dropped {
    entries: BTreeMap<&'static str, Vec<(Vec<&'static str>, &'static str)>>,
}

impl Dropped {
    fn new() -> Self {
        let mut entries: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (forms, instead) in DROPPED {
            for form in forms.split('|') {
                let words: Vec<_> = form.split(' ').flat_map(|word| word.split('\'')).collect();
                entries.entry(words[0]).or_default().push((words, *instead));
            }
        }
        Self { entries }
    }

    /// Every dropped word and phrase in a file.
    fn find(&self, place: &str, text: &str) -> Vec<Hit> {
        let passages = source::passages(place, text);
        passages.iter().flat_map(|passage| self.find_in(&passage.words())).collect()
    }

    fn find_in(&self, words: &[Word]) -> Vec<Hit> {
        let mut found = Vec::new();
        for at in 0..words.len() {
            let entries = self.entries.get(words[at].text.as_str()).into_iter().flatten();
            // The longest form explains itself best.
            let best =
                entries.filter(|(form, _)| is_at(form, &words[at..])).max_by_key(|(form, _)| form.len());
            if let Some((form, instead)) = best {
                found.push(Hit { line: words[at].line, words: form.join(" "), instead });
            }
        }
        found
    }
}

/// Whether the words start with a phrase; punctuation other than an apostrophe separates phrases.
fn is_at(form: &[&str], words: &[Word]) -> bool {
    let is_apart = |at: usize| at > 0 && words[at].is_apart && form[at] != "s";
    words.len() >= form.len() && (0..form.len()).all(|at| words[at].text == form[at] && !is_apart(at))
}

/// Identifiers that name a bound `most` or `least`, with their lines: constants with such a part, and other names that end in it.
/// A function's long name is a sentence, and `at_most` is English.
fn odd_bounds(file: &SourceFile) -> Vec<(usize, String)> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    let mut is_function = false;
    for token in &tokens {
        let TokenKind::Word(word) = &token.kind else {
            is_function &= matches!(token.kind, TokenKind::Comment(_));
            continue;
        };
        let lower = word.to_lowercase();
        let parts: Vec<_> = lower.split('_').collect();
        let is_named_so =
            |at: usize| matches!(parts[at], "most" | "least") && (at == 0 || parts[at - 1] != "at");
        let is_bound = |at: usize| is_named_so(at) && (at + 1 == parts.len() || *word == word.to_uppercase());
        let is_sentence = is_function && parts.len() > 4;
        if !is_sentence && (0..parts.len()).any(is_bound) {
            found.push((token.line, word.clone()));
        }
        is_function = word == "fn";
    }
    found
}

/// A type's definition.
struct Definition {
    name: String,
    folder: String,
    place: String,
}

fn definitions(files: &[SourceFile]) -> Vec<Definition> {
    let of_file = |file: &SourceFile| {
        let folder = file.place.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let place = |line: usize| format!("{}:{line}", file.place);
        let of_type = move |found: source::TypeDefinition| Definition {
            place: place(found.line),
            name: found.name,
            folder: folder.clone(),
        };
        file.types().into_iter().map(of_type).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

fn found(place: &str, text: &str) -> Vec<(usize, String)> {
    Dropped::new().find(place, text).into_iter().map(|hit| (hit.line, hit.words)).collect()
}

fn hits(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
    expected.iter().map(|(line, words)| (*line, (*words).to_owned())).collect()
}

#[test]
fn a_dropped_word_is_found_in_comments_strings_and_function_names() {
    let text =
        "//! A seat is told.\nfn nobody_waits() {\n    // It goes\n    // on.\n    let a = \"Anew\";\n}";
    let expected = [(1, "is told"), (1, "told"), (2, "nobody"), (3, "goes on"), (5, "anew")];
    assert_eq!(found("a.rs", text), hits(&expected));
}

#[test]
fn a_dropped_word_is_not_found_in_other_identifiers() {
    let text = "struct Heard { said: u8 }\nfn f(told: u8) { let whatever = told; println!(\"{said:?} {}\", whatever); }";
    assert_eq!(found("a.rs", text), []);
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

#[test]
fn docs_are_read_as_blocks() {
    let text = "/// Milliseconds\n/// of play.\nstruct A;\n/// Why.\nenum B {}\n// How\nfn f() {}";
    let docs: Vec<_> =
        source::passages("a.rs", text).into_iter().filter(|p| p.kind == PassageKind::Doc).collect();
    let words: Vec<_> = docs.iter().map(|doc| (doc.line, doc.words().len())).collect();
    assert_eq!(words, [(1, 3), (4, 1)]);
}

#[test]
fn odd_bounds_are_constants_variables_and_short_function_names() {
    let file = |text: &str| SourceFile { place: String::new(), text: text.to_owned(), module: String::new() };
    let odd = |text: &str| odd_bounds(&file(text)).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(odd("const MOST_NAMED: u8 = 1; fn f(wait_least: u8) {}"), ["MOST_NAMED", "wait_least"]);
    assert!(
        odd("fn at_most() {} fn most_urgent() {} fn the_most_recent_frame_is_sent() {} const ALMOST: u8 = 1; // most").is_empty()
    );
}
