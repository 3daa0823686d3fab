//! The house rules for names: a bound is a minimum or a maximum, and the name of a type has one meaning.

use std::{collections::BTreeMap, fmt::Write};

use quarrel_harness::source::{self, SourceFile, TokenKind};

/// Type names that more than one file may define, and why.
const SHARED_TYPE_NAMES: &[(&str, &str)] = &[
    ("Seat", "a room, a session and a client each have their side of a seat, and its folder names it"),
    ("Player", "a game has the state of its players, and a scenario has the clients of its players"),
    ("Arguments", "each command of a program has its own arguments"),
    ("Cli", "each program has its own command line"),
    ("ExitCode", "each program has its own exit codes"),
    ("GameEntry", "each program has its own list of games"),
    ("Phase", "each state machine has its own phases"),
    ("Request", "each task and each conversation has its own requests"),
];

#[test]
fn bounds_are_named_max_and_min() {
    let mut found = String::new();
    for file in source::files(&["shared", "server", "client", "tests"]) {
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
    let is_shared = |places: &[Definition]| places.iter().any(|place| place.file != places[0].file);
    let is_listed = |name: &str| SHARED_TYPE_NAMES.iter().any(|(listed, _)| *listed == name);
    let mut found = String::new();
    for (name, places) in by_name.iter().filter(|(name, places)| is_shared(places) && !is_listed(name)) {
        let places: Vec<_> = places.iter().map(|place| format!("{}:{}", place.file, place.line)).collect();
        write!(found, "\n  {name}: {}", places.join(", ")).expect("a string takes any text");
    }
    assert!(
        found.is_empty(),
        "of two types with one name, one gets another name, or the name is listed with a reason:{found}"
    );
    for (name, _) in SHARED_TYPE_NAMES {
        let is_needed = by_name.get(*name).is_some_and(|places| is_shared(places));
        assert!(is_needed, "`{name}` has one definition: it leaves the list");
    }
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
    file: String,
    line: usize,
}

fn definitions(files: &[SourceFile]) -> Vec<Definition> {
    let of_file = |file: &SourceFile| {
        let place = file.place.clone();
        let of_type = move |found: source::TypeDefinition| Definition {
            file: place.clone(),
            line: found.line,
            name: found.name,
        };
        file.types().into_iter().map(of_type).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
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
