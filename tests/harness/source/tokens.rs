//! Rust text to words and signs; comments, strings and test modules are dropped.

use std::{iter::Peekable, str::Chars};

/// A word, or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or keyword.
    Word(String),
    /// `::`
    Colons,
    /// Any other sign.
    Sign(char),
}

/// The tokens of a file.
pub(super) fn read(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => skip_while(&mut rest, |c| c != '\n'),
            '/' if rest.peek() == Some(&'*') => skip_block(&mut rest),
            '"' => skip_string(&mut rest),
            '\'' => skip_char(&mut rest),
            ':' if rest.next_if_eq(&':').is_some() => tokens.push(Token::Colons),
            c if c.is_alphabetic() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                match rest.peek() {
                    Some('"' | '#') if word == "r" || word == "br" => skip_raw(&mut rest),
                    _ => tokens.push(Token::Word(word)),
                }
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    without_tests(tokens)
}

type Rest<'a> = Peekable<Chars<'a>>;

fn skip_while(rest: &mut Rest<'_>, wanted: impl Fn(char) -> bool) {
    while rest.next_if(|c| wanted(*c)).is_some() {}
}

fn skip_block(rest: &mut Rest<'_>) {
    let mut before = ' ';
    for c in rest.by_ref() {
        if before == '*' && c == '/' {
            return;
        }
        before = c;
    }
}

fn skip_string(rest: &mut Rest<'_>) {
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_raw(rest: &mut Rest<'_>) {
    let mut hashes = 0;
    while rest.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    if rest.next_if_eq(&'"').is_none() {
        return;
    }
    while rest.next().is_some_and(|c| c != '"' || !ends_raw(rest, hashes)) {}
}

/// Whether a quotation mark ends a raw string of so many hashes.
fn ends_raw(rest: &mut Rest<'_>, hashes: usize) -> bool {
    (0..hashes).all(|_| rest.next_if_eq(&'#').is_some())
}

/// A character, or the first half of a lifetime, whose word is nobody's path.
fn skip_char(rest: &mut Rest<'_>) {
    if rest.next_if_eq(&'\\').is_some() {
        rest.next();
        skip_while(rest, |c| c != '\'');
        rest.next();
        return;
    }
    let mut ahead = rest.clone();
    ahead.next();
    if ahead.next() == Some('\'') {
        rest.next();
        rest.next();
    }
}

/// Leaves out every `#[cfg(test)] mod … { … }`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let words = ["cfg", "test", "mod"];
    let is_marked = |at: usize| {
        let head = &tokens[at..tokens.len().min(at + 10)];
        let in_head: Vec<_> = head.iter().filter_map(as_word).collect();
        head.first() == Some(&Token::Sign('#'))
            && in_head.starts_with(&words)
            && head.last() == Some(&Token::Sign('{'))
    };
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if is_marked(at) {
            at = end_of_block(&tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn as_word(token: &Token) -> Option<&str> {
    if let Token::Word(word) = token { Some(word) } else { None }
}

fn end_of_block(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}
