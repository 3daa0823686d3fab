//! Tokens to the absolute paths that they name.

use super::tokens::Token;

/// Every path that is named, in order; a `use` tree gives one for each leaf.
pub(super) fn named(module: &str, tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_use = tokens[at] == Token::Word("use".to_owned());
        // `impl Trait + use<'a>` captures; it imports nothing.
        if is_use && tokens.get(at + 1) != Some(&Token::Sign('<')) {
            at = tree(tokens, at + 1, &[], &mut found);
        } else {
            at = path(tokens, at, &mut found);
        }
    }
    found.iter().map(|path| absolute(module, path).join("::")).collect()
}

type Parts = Vec<String>;

/// A path of two parts or more that begins here; gives where it ends.
fn path(tokens: &[Token], mut at: usize, found: &mut Vec<Parts>) -> usize {
    let mut parts = Vec::new();
    while let Some(Token::Word(word)) = tokens.get(at) {
        parts.push(word.clone());
        at += 1;
        match (tokens.get(at), tokens.get(at + 1)) {
            (Some(Token::Colons), Some(Token::Word(_))) => at += 1,
            _ => break,
        }
    }
    if parts.len() > 1 {
        found.push(parts.clone());
    }
    if parts.is_empty() { at + 1 } else { at }
}

/// The rest of a `use` tree below `prefix`; gives where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Parts>) -> usize {
    let mut parts = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) if word == "as" => at += 2,
            Some(Token::Word(word)) => {
                parts.push(word.clone());
                at += 1;
            }
            Some(Token::Colons | Token::Sign('*')) => at += 1,
            Some(Token::Sign('{')) => return branches(tokens, at + 1, &parts, found),
            _ => break,
        }
    }
    if parts.len() > prefix.len() || !prefix.is_empty() {
        found.push(parts);
    }
    at
}

fn branches(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Parts>) -> usize {
    loop {
        match tokens.get(at) {
            Some(Token::Sign('}')) | None => return at + 1,
            Some(Token::Sign(',')) => at += 1,
            Some(_) => at = tree(tokens, at, prefix, found).max(at + 1),
        }
    }
}

/// Resolves `crate`, `self`, `super` and our packages' names. Anything else stands as it is.
fn absolute(module: &str, path: &[String]) -> Parts {
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
