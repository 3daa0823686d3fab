//! The language in a file: its comments, strings and names as passages, and those as words with their lines.

use super::tokens::{self, Token, TokenKind};

/// A piece of a file that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The line on which it starts, from 1.
    pub line: usize,
    /// The part of the file from which it is.
    pub kind: PassageKind,
    /// Its text, without the signs of a comment.
    pub text: String,
    /// Of a doc comment: the name of the item that it documents, with spaces between its words.
    pub item: Option<String>,
}

/// The kinds of passages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassageKind {
    /// A doc comment; all of its lines together.
    Doc,
    /// Another comment; neighbouring lines together.
    Comment,
    /// A string literal.
    Text,
    /// A function's name, with spaces between its words.
    Name,
    /// The name of a type, of a trait or of an enum's variant, with spaces between its words.
    TypeName,
    /// The name of a variable, a field, a constant or a module, with spaces between its words.
    VariableName,
    /// All of a file that is not Rust.
    Whole,
}

/// A word of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its line, from 1.
    pub line: usize,
    /// In lower case, except Python's `None`.
    pub text: String,
    /// Whether punctuation is between the word before and this one.
    pub is_apart: bool,
}

/// Returns the passages of a file. Of a script or a document that is all of its text, and its functions' names once more.
#[must_use]
pub fn passages(place: &str, text: &str) -> Vec<Passage> {
    if place.ends_with(".rs") { of_rust(text) } else { of_other(text) }
}

impl Passage {
    /// Its words, in order.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        let text = if self.kind == PassageKind::Text { literal(&self.text) } else { self.text.clone() };
        let mut words = Vec::new();
        let mut is_apart = true;
        for (offset, line) in text.split('\n').enumerate() {
            let mut rest = line;
            while let Some(start) = rest.find(is_in_word) {
                is_apart |= !rest[..start].trim().is_empty();
                let word = &rest[start..];
                let end = word.find(|c| !is_in_word(c)).unwrap_or(word.len());
                let word_text = &word[..end];
                let text = if word_text == "None" { word_text.to_owned() } else { word_text.to_lowercase() };
                words.push(Word { line: self.line + offset, text, is_apart });
                is_apart = false;
                rest = &word[end..];
            }
            is_apart |= !rest.trim().is_empty();
        }
        words
    }
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A string literal's content as its reader sees it: escapes and the names of interpolated variables become punctuation.
fn literal(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.as_str().starts_with('\n') => {}
            '\\' => {
                rest.next();
                read.push(';');
            }
            '{' => {
                let inner = rest.as_str();
                let end = inner.find(|c: char| !is_in_word(c) && !".:?#<>^$*+-".contains(c));
                if let Some(end) = end.filter(|end| inner[*end..].starts_with('}')) {
                    rest = inner[end + 1..].chars();
                }
                read.push(';');
            }
            c => read.push(c),
        }
    }
    read
}

fn of_rust(text: &str) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    let mut after_comment: Option<(usize, &'static str)> = None;
    let tokens = tokens::read(text);
    for (at, token) in tokens.iter().enumerate() {
        let line = token.line;
        match &token.kind {
            TokenKind::Comment(comment) => {
                let (mark, text) = unmarked(comment);
                let next = line + comment.matches('\n').count() + 1;
                match found.last_mut() {
                    Some(last) if after_comment == Some((line, mark)) => {
                        last.text.push('\n');
                        last.text.push_str(&text);
                    }
                    _ => {
                        let kind = if is_doc(mark) { PassageKind::Doc } else { PassageKind::Comment };
                        let item = (mark == "///").then(|| documented(&tokens[at..])).flatten();
                        found.push(Passage { line, kind, text, item });
                    }
                }
                after_comment = Some((next, mark));
                continue;
            }
            TokenKind::Text(text) => {
                found.push(Passage { line, kind: PassageKind::Text, text: text.clone(), item: None })
            }
            // The definition of a field or a method is read, not its uses, which may name those of another crate.
            TokenKind::Word(_) if at > 0 && is_path_or_field(&tokens[at - 1]) => {}
            TokenKind::Word(word) => {
                let kind = kind_of_name(word, at > 0 && tokens[at - 1].is_word("fn"));
                found.push(Passage { line, kind, text: words_of(word), item: None });
            }
            _ => {}
        }
        after_comment = None;
    }
    found
}

fn is_path_or_field(before: &Token) -> bool {
    before.kind == TokenKind::Colons || before.is_sign('.')
}

fn kind_of_name(name: &str, is_function: bool) -> PassageKind {
    let is_type = name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    match (is_function, is_type) {
        (true, _) => PassageKind::Name,
        (false, true) => PassageKind::TypeName,
        (false, false) => PassageKind::VariableName,
    }
}

/// An identifier with spaces between its words: `SimWorld` is `Sim World`, and `read_at` is `read at`.
fn words_of(identifier: &str) -> String {
    let mut words = String::with_capacity(identifier.len() + 4);
    for (at, c) in identifier.char_indices() {
        let is_start =
            c.is_uppercase() && identifier[..at].ends_with(|c: char| c.is_lowercase() || c.is_numeric());
        if is_start {
            words.push(' ');
        }
        words.push(if c == '_' { ' ' } else { c });
    }
    words
}

/// Words between the docs of an item and its name.
const BEFORE_NAME: [&str; 16] = [
    "pub", "crate", "super", "in", "fn", "struct", "enum", "union", "trait", "type", "const", "static",
    "mod", "async", "unsafe", "mut",
];

/// The name of the item that is documented by the comment at the start of these tokens, with spaces between its words.
fn documented(tokens: &[Token]) -> Option<String> {
    let mut rest = tokens.iter();
    let mut depth = 0;
    loop {
        let token = rest.next()?;
        match &token.kind {
            TokenKind::Sign('[') => depth += 1,
            TokenKind::Sign(']') => depth -= 1,
            TokenKind::Word(word) if depth == 0 && !BEFORE_NAME.contains(&word.as_str()) => {
                return Some(words_of(word));
            }
            TokenKind::Sign('{' | '}' | ';') => return None,
            _ => {}
        }
    }
}

/// A comment's mark, and its text without it, line by line.
fn unmarked(comment: &str) -> (&'static str, String) {
    let marks = ["////", "///", "//!", "//", "/**", "/*!", "/*"];
    let mark = marks.into_iter().find(|mark| comment.starts_with(mark)).unwrap_or("//");
    let text = comment[mark.len()..].trim_end_matches("*/");
    let lines = text.lines().map(|line| line.trim().trim_start_matches("* "));
    (mark, lines.collect::<Vec<_>>().join("\n"))
}

fn is_doc(mark: &str) -> bool {
    matches!(mark, "///" | "//!" | "/**" | "/*!")
}

fn of_other(text: &str) -> Vec<Passage> {
    let mut found = vec![Passage { line: 1, kind: PassageKind::Whole, text: text.to_owned(), item: None }];
    for (at, line) in text.lines().enumerate() {
        let line_start = line.trim_start();
        let of_keyword = ["def ", "async def ", "function ", "async function "]
            .into_iter()
            .find_map(|keyword| line_start.strip_prefix(keyword));
        // A shell function has no keyword: `name() {`.
        let of_shell = line_start.contains("() {").then_some(line_start);
        let name = of_keyword.or(of_shell).and_then(|rest| rest.split(|c| !is_in_word(c)).next());
        if let Some(name) = name.filter(|name| name.contains('_')) {
            let text = name.replace('_', " ");
            found.push(Passage { line: at + 1, kind: PassageKind::Name, text, item: None });
        }
    }
    found
}
