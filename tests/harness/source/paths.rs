//! Tokens to the paths that they name.

use super::tokens::{Token, TokenKind};

/// A path's parts.
pub(super) type Parts = Vec<String>;

/// One leaf of a `use` tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The path as written, without a trailing `self` or `*`.
    pub(super) path: Vec<String>,
    /// The name that it brings into the module.
    pub(super) name: String,
    /// Whether it ends in `*`.
    pub(super) is_glob: bool,
    /// Whether it is a `pub use`.
    pub(super) is_public: bool,
}

/// Whether the `use` at `at` imports something; `impl Trait + use<'a>` captures.
pub(super) fn is_import(tokens: &[Token], at: usize) -> bool {
    tokens[at].is_word("use") && tokens.get(at + 1).is_some_and(|next| !next.is_sign('<'))
}

/// Returns the path that starts at `at`, possibly empty or of one part, and where to read on.
pub(super) fn path(tokens: &[Token], mut at: usize) -> (Parts, usize) {
    let mut parts = Vec::new();
    while let Some(word) = tokens.get(at).and_then(Token::word) {
        parts.push(word.to_owned());
        at += 1;
        let is_longer = tokens.get(at).is_some_and(|token| token.kind == TokenKind::Colons)
            && tokens.get(at + 1).is_some_and(|token| token.word().is_some());
        if !is_longer {
            break;
        }
        at += 1;
    }
    let end = if parts.is_empty() { at + 1 } else { at };
    (parts, end)
}

/// Reads the tree after a `use` into its leaves; returns where it ends.
pub(super) fn imports(tokens: &[Token], at: usize, is_public: bool, found: &mut Vec<Import>) -> usize {
    tree(tokens, at, &[], is_public, found)
}

fn tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    is_public: bool,
    found: &mut Vec<Import>,
) -> usize {
    let mut path = prefix.to_vec();
    let (mut alias, mut is_glob) = (None, false);
    loop {
        match tokens.get(at).map(|token| &token.kind) {
            Some(TokenKind::Word(word)) if word == "as" => {
                alias = tokens.get(at + 1).and_then(Token::word).map(str::to_owned);
                at += 2;
            }
            Some(TokenKind::Word(word)) => {
                path.push(word.clone());
                at += 1;
            }
            Some(TokenKind::Sign('*')) => {
                is_glob = true;
                at += 1;
            }
            Some(TokenKind::Colons) => at += 1,
            Some(TokenKind::Sign('{')) => return branches(tokens, at + 1, &path, is_public, found),
            _ => break,
        }
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last() {
        let name = alias.unwrap_or_else(|| last.clone());
        found.push(Import { path, name, is_glob, is_public });
    }
    at
}

fn branches(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    is_public: bool,
    found: &mut Vec<Import>,
) -> usize {
    loop {
        match tokens.get(at).map(|token| &token.kind) {
            Some(TokenKind::Sign('}')) | None => return at + 1,
            Some(TokenKind::Sign(',')) => at += 1,
            Some(_) => at = tree(tokens, at, prefix, is_public, found).max(at + 1),
        }
    }
}

/// Resolves `crate`, `self`, `super` and the packages' names. A path that starts with another name stays as it is.
pub(super) fn absolute(module: &str, path: &[String]) -> Parts {
    let own = || module.split("::").map(str::to_owned);
    let (first, rest) = path.split_first().expect("a path has parts");
    let mut parts: Parts = match first.as_str() {
        "crate" => own().take(1).collect(),
        "self" => own().collect(),
        "super" => {
            let mut parent: Parts = own().collect();
            parent.pop();
            parent
        }
        other => vec![other.strip_prefix("quarrel_").unwrap_or(other).to_owned()],
    };
    for part in rest {
        match part.as_str() {
            "super" => drop(parts.pop()),
            "self" => {}
            part => parts.push(part.to_owned()),
        }
    }
    parts
}
