//! Tokens to a module's items: what it defines, what it imports, which paths and words its code uses.

use std::collections::BTreeSet;

use super::{
    paths::{self, Import},
    tokens::{self, Token, TokenKind},
};

/// A type that a file defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// Its name.
    pub name: String,
    /// The line of its name, from 1.
    pub line: usize,
}

/// A module's items.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    /// Names of functions, types, constants and so on at the module's top level.
    pub(super) defined: BTreeSet<String>,
    /// Every leaf of every `use`.
    pub(super) imports: Vec<Import>,
    /// Every path of two parts or more in the code outside of `use`.
    pub(super) paths: Vec<Vec<String>>,
    /// Every word of the code outside of `use`.
    pub(super) words: BTreeSet<String>,
    /// Child modules whose files are tests alone: `#[cfg(test)] mod name;`.
    pub(super) test_children: BTreeSet<String>,
}

impl Items {
    /// A path with its first part replaced by the path of the import that brings it in, if one does.
    pub(super) fn with_import(&self, path: &[String]) -> Vec<String> {
        let import = self.imports.iter().find(|import| !import.is_glob && import.name == path[0]);
        import.map_or_else(|| path.to_vec(), |import| [&import.path, &path[1..]].concat())
    }
}

/// Keywords before the name of an item. `const` is also before `fn`, which is not a name.
const ITEM: [&str; 10] =
    ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules", "macro"];

/// Reads a file's text: its own items, and those of its inline modules by their names.
pub(super) fn read(text: &str) -> Vec<(Vec<String>, Items)> {
    let test_children = test_children(text);
    let mut scopes = Vec::new();
    split(Vec::new(), &tokens::read_code(text), &mut scopes);
    let mut read: Vec<_> = scopes.into_iter().map(|(inner, tokens)| (inner, items(&tokens))).collect();
    read[0].1.test_children = test_children;
    read
}

/// A module's tokens and its path within its file.
type Scope = (Vec<String>, Vec<Token>);

/// Splits inline modules off, so that `super` and `self` in them mean the right place.
fn split(inner: Vec<String>, tokens: &[Token], scopes: &mut Vec<Scope>) {
    let place = scopes.len();
    scopes.push((inner.clone(), Vec::new()));
    let mut own = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match (&tokens[at..], tokens.get(at + 1).and_then(Token::word)) {
            ([first, _, third, ..], Some(name)) if first.is_word("mod") && third.is_sign('{') => {
                let end = tokens::end_of_item(tokens, at);
                let child = inner.iter().cloned().chain([name.to_owned()]).collect();
                split(child, &tokens[at + 3..end.saturating_sub(1)], scopes);
                at = end;
            }
            _ => {
                own.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    scopes[place].1 = own;
}

fn items(tokens: &[Token]) -> Items {
    let mut items = Items::default();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].kind {
            TokenKind::Sign('{' | '(' | '[') => depth += 1,
            TokenKind::Sign('}' | ')' | ']') => depth -= 1,
            TokenKind::Word(word) if word == "use" && paths::is_import(tokens, at) => {
                let is_public = is_public(&tokens[..at]);
                at = paths::imports(tokens, at + 1, is_public, &mut items.imports);
                continue;
            }
            TokenKind::Word(word) => {
                if depth == 0 && ITEM.contains(&word.as_str()) {
                    items.defined.extend(name_after(tokens, at));
                }
                let (path, end) = paths::path(tokens, at);
                items.words.extend(path.iter().cloned());
                if path.len() > 1 {
                    items.paths.push(path);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    items
}

/// Keywords before the name of a type.
const TYPE: [&str; 5] = ["struct", "enum", "union", "trait", "type"];

/// The types that a file's top level and its inline modules define, outside of tests.
pub(super) fn types(text: &str) -> Vec<TypeDefinition> {
    let mut scopes = Vec::new();
    split(Vec::new(), &tokens::read_code(text), &mut scopes);
    scopes.iter().flat_map(|(_, tokens)| types_of(tokens)).collect()
}

fn types_of(tokens: &[Token]) -> Vec<TypeDefinition> {
    let mut found = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            TokenKind::Sign('{' | '(' | '[') => depth += 1,
            TokenKind::Sign('}' | ')' | ']') => depth -= 1,
            TokenKind::Word(word) if depth == 0 && TYPE.contains(&word.as_str()) => {
                let definition = |name| TypeDefinition { name, line: token.line };
                found.extend(name_after(tokens, at).map(definition));
            }
            _ => {}
        }
    }
    found
}

fn is_public(before: &[Token]) -> bool {
    before.last().is_some_and(|last| last.is_word("pub") || last.is_sign(')'))
}

/// The name of the item whose keyword is at `at`.
fn name_after(tokens: &[Token], at: usize) -> Option<String> {
    let is_filler = |token: &&Token| token.is_sign('!') || token.is_word("mut");
    let name = tokens[at + 1..].iter().find(|token| !is_filler(token))?.word()?;
    (!ITEM.contains(&name) && !matches!(name, "unsafe" | "async" | "extern")).then(|| name.to_owned())
}

fn test_children(text: &str) -> BTreeSet<String> {
    let is_comment = |token: &Token| matches!(token.kind, TokenKind::Comment(_));
    let tokens: Vec<_> = tokens::read(text).into_iter().filter(|token| !is_comment(token)).collect();
    let mut found = BTreeSet::new();
    for at in 0..tokens.len() {
        if tokens::is_test_mark(&tokens[at..]) {
            let item = &tokens[at + 7..tokens::end_of_item(&tokens, at + 7)];
            if let [.., keyword, name, end] = item
                && keyword.is_word("mod")
                && end.is_sign(';')
            {
                found.extend(name.word().map(str::to_owned));
            }
        }
    }
    found
}
