//! A lexer for Rust: text to words, signs, comments and strings, each with its line.

use std::{iter::Peekable, str::Chars};

/// One lexical element of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The line on which it starts, from 1.
    pub line: usize,
    /// The element itself.
    pub kind: TokenKind,
}

/// The kinds of lexical elements. Numbers and lifetimes are dropped, because no test asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An identifier or keyword.
    Word(String),
    /// `::`
    Colons,
    /// Any other sign.
    Sign(char),
    /// A comment, with its slashes; a block comment is one element.
    Comment(String),
    /// A string literal's content as written, escapes included, without its quotation marks.
    Text(String),
}

impl Token {
    /// The identifier or keyword, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        if let TokenKind::Word(word) = &self.kind { Some(word) } else { None }
    }

    /// Whether it is this identifier or keyword.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// Whether it is this sign.
    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.kind == TokenKind::Sign(sign)
    }
}

/// Returns all tokens of a file.
pub(super) fn read(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text.chars().peekable(), line: 1, started: 1, tokens: Vec::new() };
    while let Some(c) = lexer.next() {
        lexer.started = lexer.line;
        lexer.token(c);
    }
    lexer.tokens
}

/// Returns the tokens of a file's code outside of its tests: no comments, no strings, no items under `#[cfg(test)]`.
pub(super) fn read_code(text: &str) -> Vec<Token> {
    let is_code = |token: &Token| !matches!(token.kind, TokenKind::Comment(_) | TokenKind::Text(_));
    without_tests(read(text).into_iter().filter(is_code).collect())
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
    /// The line on which the current token starts.
    started: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = *self.rest.peek()?;
        if wanted(c) { self.next() } else { None }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.next_if(&wanted)).collect()
    }

    fn push(&mut self, kind: TokenKind) {
        self.tokens.push(Token { line: self.started, kind });
    }

    /// Reads the token that starts with `c`, which is already taken.
    fn token(&mut self, c: char) {
        match c {
            '/' if self.rest.peek() == Some(&'/') => {
                let comment = format!("/{}", self.take_while(|c| c != '\n'));
                self.push(TokenKind::Comment(comment));
            }
            '/' if self.rest.peek() == Some(&'*') => self.block_comment(),
            '"' => self.string(),
            '\'' => self.char_or_lifetime(),
            ':' if self.next_if(|c| c == ':').is_some() => self.push(TokenKind::Colons),
            c if c.is_ascii_digit() => drop(self.take_while(is_in_word)),
            c if is_in_word(c) => self.word(c),
            c if c.is_whitespace() => {}
            c => self.push(TokenKind::Sign(c)),
        }
    }

    fn word(&mut self, first: char) {
        let word = format!("{first}{}", self.take_while(is_in_word));
        match (word.as_str(), self.rest.peek()) {
            ("r" | "br" | "cr", Some('"' | '#')) => self.raw_string(),
            // The prefix of a byte or C string, whose content follows.
            ("b" | "c", Some('"' | '\'')) => {}
            _ => self.push(TokenKind::Word(word)),
        }
    }

    fn block_comment(&mut self) {
        let mut comment = "/".to_owned();
        while let Some(c) = self.next() {
            comment.push(c);
            if comment.ends_with("*/") && comment.len() > 3 {
                break;
            }
        }
        self.push(TokenKind::Comment(comment));
    }

    fn string(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => break,
                '\\' => text.extend([c].into_iter().chain(self.next())),
                c => text.push(c),
            }
        }
        self.push(TokenKind::Text(text));
    }

    /// A raw string after its `r`, or a raw identifier, which is read on as a word.
    fn raw_string(&mut self) {
        let hashes = self.take_while(|c| c == '#');
        if self.next_if(|c| c == '"').is_none() {
            return;
        }
        let end = format!("\"{hashes}");
        let mut text = String::new();
        while let Some(c) = self.next() {
            text.push(c);
            if text.ends_with(&end) {
                text.truncate(text.len() - end.len());
                break;
            }
        }
        self.push(TokenKind::Text(text));
    }

    /// A character literal or a lifetime: no test asks for either.
    fn char_or_lifetime(&mut self) {
        if self.next_if(|c| c == '\\').is_some() {
            self.next();
            self.take_while(|c| c != '\'');
            self.next();
            return;
        }
        let mut ahead = self.rest.clone();
        ahead.next();
        if ahead.next() == Some('\'') {
            self.next();
            self.next();
        } else {
            self.take_while(is_in_word);
        }
    }
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Leaves out every item that is marked `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if is_test_mark(&tokens[at..]) {
            at = end_of_item(&tokens, at + TEST_MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// `#[cfg(test)]`, a token an element.
const TEST_MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// Whether `#[cfg(test)]` starts here.
pub(super) fn is_test_mark(tokens: &[Token]) -> bool {
    let is_part = |(token, part): (&Token, &&str)| match &token.kind {
        TokenKind::Word(word) => word == part,
        TokenKind::Sign(sign) => part.chars().eq([*sign]),
        _ => false,
    };
    tokens.len() > TEST_MARK.len() && tokens.iter().zip(&TEST_MARK).all(is_part)
}

/// Returns where the item that starts at `from` ends: after its `;` or its block.
pub(super) fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.kind {
            TokenKind::Sign('{' | '(' | '[') => depth += 1,
            TokenKind::Sign('}' | ')' | ']') => depth -= 1,
            TokenKind::Sign(';') => {}
            _ => continue,
        }
        if depth == 0 && matches!(token.kind, TokenKind::Sign(';' | '}')) {
            return at + 1;
        }
    }
    tokens.len()
}
