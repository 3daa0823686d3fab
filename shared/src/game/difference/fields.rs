//! Where two `Debug` texts differ: the path of each field, and what it is in either.

use std::collections::BTreeMap;

use super::tree::{Bracket, Group, Tree};

/// A field that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) one: String,
    pub(super) other: String,
}

/// The longest text that a difference says of either side, in characters: a line of a terminal holds two.
const CHARS: usize = 120;

/// What stands for a part that one side does not have.
const NOTHING: &str = "nothing";

/// The fields that differ between two pretty texts: by their paths, or by line where a text has no tree.
pub(super) fn differing(one: &str, other: &str) -> Vec<Field> {
    let mut found = Vec::new();
    match (Tree::parse(one), Tree::parse(other)) {
        (Some(one), Some(other)) => compare(one.name(), &one, &other, &mut found),
        _ => compare_lines(one, other, &mut found),
    }
    found
}

/// Every field of a pretty text with its path; a text without a tree is one field without a path.
pub(super) fn listed(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match Tree::parse(text) {
        Some(tree) => list(tree.name(), &tree, &mut found),
        None => found.push((String::new(), text.to_owned())),
    }
    found
}

fn list(path: &str, tree: &Tree, found: &mut Vec<(String, String)>) {
    match tree {
        Tree::Group(group) if group.number().is_none() && !group.parts.is_empty() => match group.inner() {
            Some(inner) => list(path, inner, found),
            None => {
                group.steps().for_each(|(step, part)| list(&format!("{path}{step}"), part, found));
            }
        },
        _ => found.push((path.to_owned(), tree.to_string())),
    }
}

/// A text that is short enough for a line, with a mark where it was cut.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn compare(path: &str, one: &Tree, other: &Tree, found: &mut Vec<Field>) {
    match (one, other) {
        (Tree::Group(one), Tree::Group(other)) if one.is_like(other) => match (one.inner(), other.inner()) {
            // A type around one thing adds nothing to the way there.
            (Some(one), Some(other)) => compare(path, one, other, found),
            _ => compare_parts(path, one, other, found),
        },
        _ if one == other => {}
        _ => found.push(field(path, Some(one), Some(other))),
    }
}

fn compare_parts(path: &str, one: &Group, other: &Group, found: &mut Vec<Field>) {
    if let (Some(first), Some(second)) = (one.number(), other.number()) {
        if first != second {
            let text = |inner: &Tree| format!("{}({inner})", one.name);
            found.push(Field {
                path: path.to_owned(),
                one: clipped(&text(first)),
                other: clipped(&text(second)),
            });
        }
        return;
    }
    let mut rest: BTreeMap<_, _> = other.steps().collect();
    for (step, first) in one.steps() {
        let path = format!("{path}{step}");
        match rest.remove(&step) {
            Some(second) => compare(&path, first, second, found),
            None => found.push(field(&path, Some(first), None)),
        }
    }
    for (step, second) in other.steps().filter(|(step, _)| rest.contains_key(step)) {
        found.push(field(&format!("{path}{step}"), None, Some(second)));
    }
}

fn compare_lines(one: &str, other: &str, found: &mut Vec<Field>) {
    let (mut first, mut second) = (one.lines(), other.lines());
    for number in 1.. {
        let (one, other) = match (first.next(), second.next()) {
            (None, None) => return,
            (one, other) if one == other => continue,
            sides => sides,
        };
        let text = |line: Option<&str>| clipped(line.map_or(NOTHING, str::trim));
        found.push(Field { path: format!("line {number}"), one: text(one), other: text(other) });
    }
}

fn field(path: &str, one: Option<&Tree>, other: Option<&Tree>) -> Field {
    let text =
        |side: Option<&Tree>| side.map_or_else(|| NOTHING.to_owned(), |tree| clipped(&tree.to_string()));
    Field { path: path.to_owned(), one: text(one), other: text(other) }
}

impl Tree {
    fn name(&self) -> &str {
        match self {
            Self::Leaf(_) => "",
            Self::Group(group) => &group.name,
        }
    }
}

impl Group {
    /// Whether both are of one type, as far as a text tells, so that their parts can be compared.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.bracket == other.bracket
    }

    /// What has parts of its own in a type around one thing, such as `Some(Fighter { .. })`.
    fn inner(&self) -> Option<&Tree> {
        self.only().filter(|inner| matches!(inner, Tree::Group(_)))
    }

    /// What has no parts in a type around one thing, such as `SeatId(3)`: shown with the type.
    fn number(&self) -> Option<&Tree> {
        self.only().filter(|inner| matches!(inner, Tree::Leaf(_)))
    }

    fn only(&self) -> Option<&Tree> {
        match self.parts.as_slice() {
            [(None, only)] if self.bracket == Bracket::Round && !self.name.is_empty() => Some(only),
            _ => None,
        }
    }

    /// Each part with what leads to it from here.
    fn steps(&self) -> impl Iterator<Item = (String, &Tree)> {
        self.parts.iter().enumerate().map(|(index, (label, part))| {
            let step = match (label, self.bracket) {
                (Some(name), _) if self.is_struct() => format!(".{name}"),
                (Some(key), _) => format!("[{key}]"),
                (None, Bracket::Round) => format!(".{index}"),
                (None, _) => format!("[{index}]"),
            };
            (step, part)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt};

    use super::*;
    use crate::{game::Point, id::SeatId};

    #[derive(Clone, Debug)]
    struct Body {
        at: Point,
        seat: SeatId,
        aim: Option<SeatId>,
        way: Vec<u8>,
        worn: BTreeMap<&'static str, (u8, u8)>,
        name: &'static str,
    }

    #[derive(Clone, Debug)]
    #[expect(dead_code, reason = "its fields are read by its Debug alone")]
    enum Thing {
        Body(Body),
        Wall,
    }

    fn body() -> Body {
        Body {
            at: Point::new(120, 7),
            seat: SeatId(3),
            aim: None,
            way: vec![1, 2],
            worn: [("hat", (1, 2)), ("boots", (3, 4))].into(),
            name: "a },\n(",
        }
    }

    fn said(one: &impl fmt::Debug, other: &impl fmt::Debug) -> Vec<String> {
        let fields = differing(&format!("{one:#?}"), &format!("{other:#?}"));
        fields.into_iter().map(|Field { path, one, other }| format!("{path}: {one} / {other}")).collect()
    }

    #[test]
    fn a_field_is_named_by_its_path() {
        let one = Thing::Body(body());
        let with = |change: fn(&mut Body)| {
            let mut changed = body();
            change(&mut changed);
            said(&one, &Thing::Body(changed))
        };
        assert_eq!(with(|_| {}), [] as [&str; 0]);
        assert_eq!(with(|body| body.at.x = 121), ["Body.at.x: 120 / 121"]);
        assert_eq!(with(|body| body.seat = SeatId(4)), ["Body.seat: SeatId(3) / SeatId(4)"]);
        assert_eq!(with(|body| body.aim = Some(SeatId(4))), ["Body.aim: None / Some(SeatId(4))"]);
        assert_eq!(with(|body| body.way = vec![1, 5, 6]), ["Body.way[1]: 2 / 5", "Body.way[2]: nothing / 6"]);
        assert_eq!(with(|body| body.name = "a }"), [r#"Body.name: "a },\n(" / "a }""#]);
        let worn = [r#"Body.worn["boots"]: (3, 4) / nothing"#, r#"Body.worn["hat"].1: 2 / 9"#];
        assert_eq!(with(|body| body.worn = [("hat", (1, 9))].into()), worn);
    }

    #[test]
    fn all_fields_are_listed_by_their_paths() {
        let found = listed(&format!("{:#?}", Thing::Body(Body { way: Vec::new(), ..body() })));
        let found: Vec<_> = found.iter().map(|(path, text)| format!("{path}: {text}")).collect();
        let expected = [
            "Body.at.x: 120",
            "Body.at.y: 7",
            "Body.seat: SeatId(3)",
            "Body.aim: None",
            "Body.way: []",
            r#"Body.worn["boots"].0: 3"#,
            r#"Body.worn["boots"].1: 4"#,
            r#"Body.worn["hat"].0: 1"#,
            r#"Body.worn["hat"].1: 2"#,
            r#"Body.name: "a },\n(""#,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_inside_of_an_option_is_at_the_same_place() {
        let aim = |at, seat| Some(Body { at: Point::new(at, 0), aim: Some(SeatId(seat)), ..body() });
        let found = said(&aim(1, 4), &aim(2, 5));
        assert_eq!(found, ["Some.at.x: 1 / 2", "Some.aim: SeatId(4) / SeatId(5)"]);
    }

    #[test]
    fn things_of_different_kinds_are_shown_whole_and_cut() {
        let found = said(&Thing::Wall, &Thing::Body(body()));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(": Wall / Body(Body { at: Point"), "{}", found[0]);
        assert!(found[0].ends_with('…') && found[0].chars().count() < CHARS + 20, "a line stays a line");
    }

    /// A thing whose `Debug` was written by hand.
    struct Written(u8);

    impl fmt::Debug for Written {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a thing\n  of {}", self.0)
        }
    }

    #[test]
    fn what_was_written_by_hand_is_compared_by_lines() {
        assert_eq!(said(&Written(1), &Written(2)), ["line 2: of 1 / of 2"]);
        let inside = said(&[Some(Written(1))], &[Some(Written(2))]);
        assert_eq!(inside, ["line 4: of 1, / of 2,"]);
    }
}
