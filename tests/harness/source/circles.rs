//! Circles in a graph of files: strongly connected components, and the shortest way around each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::Edges;

/// Files that use one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// All files of the component, in order.
    pub files: Vec<String>,
    /// The shortest cycle among them, its start not repeated.
    pub shortest: Vec<String>,
}

/// Returns every component of more than one file, in order.
#[must_use]
pub fn circles(edges: &Edges) -> Vec<Circle> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        next.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|file| (*file, reachable(&next, file))).collect();
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for (file, beyond) in &reached {
        let is_mutual = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
        let members: Vec<&str> = beyond.iter().filter(is_mutual).copied().collect();
        if members.is_empty() || !done.insert(members[0]) {
            continue;
        }
        let shortest = members.iter().filter_map(|start| cycle(&next, start)).min_by_key(Vec::len);
        found.push(Circle {
            files: members.iter().map(|file| (*file).to_owned()).collect(),
            shortest: shortest.expect("a component has a cycle"),
        });
    }
    found
}

/// All files that a file uses, directly or not; itself only if it is in a circle.
fn reachable<'a>(next: &BTreeMap<&'a str, Vec<&'a str>>, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next.get(start).cloned().unwrap_or_default();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            open.extend(next.get(file).into_iter().flatten().copied());
        }
    }
    reached
}

/// The shortest cycle through `start`.
fn cycle(next: &BTreeMap<&str, Vec<&str>>, start: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for to in next.get(file).into_iter().flatten() {
            if *to == start {
                let mut path = vec![file.to_owned()];
                let mut at = file;
                while let Some(earlier) = before.get(at) {
                    path.push((*earlier).to_owned());
                    at = earlier;
                }
                path.reverse();
                return Some(path);
            }
            if !before.contains_key(to) {
                before.insert(to, file);
                open.push_back(to);
            }
        }
    }
    None
}
