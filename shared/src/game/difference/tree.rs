//! Rust's pretty `Debug` text (`{:#?}`) as a tree, so that two of them can be compared part by part.
//!
//! Such a text has one part a line, indented by its depth: a line that ends with a bracket opens a group, one that begins with
//! a bracket closes it, and every other ends with a comma. Strings are no trap, for `Debug` escapes the line ends in them and a
//! comma stands behind them. A text that is not like that was written by hand, and has no tree.

use std::fmt;

/// A part of a text, or all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// What has no parts, on one line.
    Leaf(String),
    /// What has parts.
    Group(Group),
}

/// A struct, a tuple, a list, a set or a map.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// What stands before its bracket; empty for lists, maps and plain tuples.
    pub(super) name: String,
    /// What holds it together.
    pub(super) bracket: Bracket,
    /// Each with its field's name or its key, if it has one.
    pub(super) parts: Vec<(Option<String>, Tree)>,
}

/// What holds a group together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    /// `()`: a tuple.
    Round,
    /// `[]`: a list.
    Square,
    /// `{}`: a struct when it has a name, else a map or a set.
    Curly,
}

/// How deep groups may lie in each other. Types lie a few deep; a text that lies deeper is read by lines instead, so that no
/// recursion over a tree ends on the stack's.
const DEEPEST: usize = 64;

/// By how many spaces a part is indented more than its group.
const INDENT: usize = 4;

impl Tree {
    /// The tree of a derived `Debug`'s text; `None` for another's.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::default();
        text.lines().try_for_each(|line| reader.read(line))?;
        reader.whole
    }
}

/// The groups that were opened and not closed yet.
#[derive(Default)]
struct Reader {
    open: Vec<(Option<String>, Group)>,
    whole: Option<Tree>,
}

impl Reader {
    fn read(&mut self, line: &str) -> Option<()> {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let Some((_, group)) = self.open.last().filter(|_| self.whole.is_none()) else {
            return self.begin(line);
        };
        if content.starts_with(group.bracket.close()) && indent == (self.open.len() - 1) * INDENT {
            return self.close(&content[1..]);
        }
        if indent != self.open.len() * INDENT {
            return None;
        }
        // What a `Debug` that leaves fields out says of them.
        if content == ".." {
            return Some(());
        }
        let (label, part) = group.split(content)?;
        self.part(label, part)
    }

    /// The first line, and the only one that may end as it likes.
    fn begin(&mut self, line: &str) -> Option<()> {
        if self.whole.is_some() {
            return None;
        }
        match Group::opened_by(line) {
            Some(group) => self.open.push((None, group)),
            None => self.whole = Some(Tree::Leaf(line.to_owned())),
        }
        Some(())
    }

    fn part(&mut self, label: Option<String>, part: &str) -> Option<()> {
        if let Some(group) = Group::opened_by(part) {
            self.open.push((label, group));
            return (self.open.len() <= DEEPEST).then_some(());
        }
        self.add(label, Tree::Leaf(part.strip_suffix(',')?.to_owned()))
    }

    /// The innermost group ends; `rest` is what follows its bracket.
    fn close(&mut self, rest: &str) -> Option<()> {
        let (label, group) = self.open.pop()?;
        let closed = Tree::Group(group);
        if self.open.is_empty() {
            self.whole = Some(closed);
            return rest.is_empty().then_some(());
        }
        match rest.strip_prefix(": ") {
            // It was a map's key, and its value begins.
            Some(value) => self.part(Some(closed.to_string()), value),
            None if rest == "," => self.add(label, closed),
            None => None,
        }
    }

    fn add(&mut self, label: Option<String>, part: Tree) -> Option<()> {
        self.open.last_mut()?.1.parts.push((label, part));
        Some(())
    }
}

impl Group {
    /// Whether its parts have the names of fields.
    pub(super) fn is_struct(&self) -> bool {
        self.bracket == Bracket::Curly && !self.name.is_empty()
    }

    fn opened_by(text: &str) -> Option<Self> {
        let (bracket, name) =
            Bracket::ALL.iter().find_map(|it| Some((*it, text.strip_suffix(it.open())?)))?;
        Some(Self { name: name.trim_end().to_owned(), bracket, parts: Vec::new() })
    }

    /// A line of this group as label and part; `None` when a struct's line has no field's name.
    fn split<'a>(&self, line: &'a str) -> Option<(Option<String>, &'a str)> {
        if self.is_struct() {
            let (name, part) = line.split_once(": ")?;
            let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '#');
            return is_name.then(|| (Some(name.to_owned()), part));
        }
        let key = if self.bracket == Bracket::Curly { key_length(line) } else { None };
        Some(key.map_or((None, line), |key| (Some(line[..key].to_owned()), &line[key + 2..])))
    }
}

/// How long the key is with which a map's line begins; `None` for a set's line, which has none.
fn key_length(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if line[at..].starts_with(": ") => return Some(at),
            None => {}
        }
    }
    None
}

impl Bracket {
    const ALL: [Self; 3] = [Self::Round, Self::Square, Self::Curly];

    const fn open(self) -> char {
        match self {
            Self::Round => '(',
            Self::Square => '[',
            Self::Curly => '{',
        }
    }

    const fn close(self) -> char {
        match self {
            Self::Round => ')',
            Self::Square => ']',
            Self::Curly => '}',
        }
    }
}

/// On one line, much as `{:?}` would have it.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Group { name, bracket, parts } = match self {
            Self::Leaf(text) => return f.write_str(text),
            Self::Group(group) => group,
        };
        let is_struct = *bracket == Bracket::Curly && !name.is_empty();
        let (gap, pad) = if is_struct { (" ", " ") } else { ("", "") };
        write!(f, "{name}{gap}{}{pad}", bracket.open())?;
        for (index, (label, part)) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            label.as_ref().map_or(Ok(()), |label| write!(f, "{label}: "))?;
            part.fmt(f)?;
        }
        write!(f, "{pad}{}", bracket.close())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fmt::Debug,
    };

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Id {
        slot: u16,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "its fields are read by its Debug alone")]
    struct Everything {
        number: i32,
        text: &'static str,
        letter: char,
        list: Vec<Option<Id>>,
        pair: (u8, (u8, [u8; 0])),
        map: BTreeMap<&'static str, Vec<u8>>,
        by_id: BTreeMap<Id, Id>,
        set: BTreeSet<(u8, Id)>,
        unit: (),
    }

    fn everything() -> Everything {
        let id = |slot| Id { slot };
        Everything {
            number: -5,
            text: "a {\n  b: (\"c\\, },\n]",
            letter: '{',
            list: vec![Some(id(1)), None],
            pair: (1, (2, [])),
            map: [("a: \"b", vec![1, 2]), ("{", vec![])].into(),
            by_id: [(id(1), id(2)), (id(3), id(4))].into(),
            set: [(1, id(1)), (2, id(2))].into(),
            unit: (),
        }
    }

    fn is_read_back(thing: &impl Debug) {
        let tree = Tree::parse(&format!("{thing:#?}")).expect("a derived Debug has a tree");
        assert_eq!(tree.to_string(), format!("{thing:?}"), "the tree says what the text says");
    }

    #[test]
    fn every_shape_of_a_derived_debug_is_read() {
        is_read_back(&everything());
        is_read_back(&Some(everything()));
        is_read_back(&vec![everything(), everything()]);
        is_read_back(&"one\nline");
        is_read_back(&());
        is_read_back(&[Some(Some(3)), None]);
    }

    #[test]
    fn a_text_written_by_hand_has_no_tree() {
        let texts = [
            "",
            "two\nlines",
            "Name {\n    loose words,\n}",
            "Name {\n    field: 1\n}",
            "Name {\n  field: 1,\n}",
            "Name {\n    field: 1,\n)",
            "Name {\n    field: 1,\n}\nmore",
            "Name {\n    field: 1,\n} more",
            "Name {\n    field: 1,",
        ];
        for text in texts {
            assert_eq!(Tree::parse(text), None, "{text:?} is not what Rust would write");
        }
    }

    #[test]
    fn what_lies_too_deep_has_no_tree() {
        let nested = |depth: usize| {
            let open = (0..depth).map(|level| format!("{}[\n", " ".repeat(level * INDENT)));
            let close = (1..depth).rev().map(|level| format!("{}],\n", " ".repeat(level * INDENT)));
            open.chain(close).collect::<String>() + "]"
        };
        assert!(Tree::parse(&nested(DEEPEST)).is_some());
        assert_eq!(Tree::parse(&nested(DEEPEST + 1)), None);
    }
}
