//! The flags of another tool: one table each, so that nothing is passed over in silence. A flag that is
//! not in the table is a mistake; one that is must be used, dropped with a word, or refused with why.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::no_equivalent;
use crate::exit::Failure;

/// How many values a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    One,
    /// One, or none if another flag follows.
    Maybe,
}

/// What becomes of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The translation of some mode asks for it.
    Used,
    /// It is left out; why goes to the notes unless it is empty.
    Dropped(&'static str),
    /// It cannot be said to kq-ctl.
    Refused(&'static str),
}

/// One flag under all its names, with what it takes and what becomes of it.
pub(super) type Flag = (&'static [&'static str], Takes, Fate);

/// A line of another tool, taken apart.
#[derive(Debug)]
pub(super) struct Given {
    tool: &'static str,
    flags: Vec<(&'static str, Option<String>)>,
    /// Words that are no flags.
    pub(super) words: Vec<String>,
    notes: Vec<String>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl Given {
    pub(super) fn parse(
        tool: &'static str,
        table: &[Flag],
        words: &[String],
    ) -> Result<Self, Failure> {
        let mut given = Self {
            tool,
            flags: Vec::new(),
            words: Vec::new(),
            notes: Vec::new(),
            asked: RefCell::default(),
        };
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') || word == "-" {
                given.words.push(word.clone());
                continue;
            }
            let (name, mut value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let flag = table.iter().find(|(names, ..)| names.contains(&name));
            let (names, takes, fate) = flag.ok_or_else(|| unknown(tool, table, name))?;
            let is_value = |it: &&String| !it.starts_with('-') || it.parse::<f64>().is_ok();
            match takes {
                Takes::Nothing if value.is_some() => {
                    return Err(Failure::usage(format!("{tool} {name} takes no value"))
                        .hint(format!("{tool} {name}")));
                }
                Takes::One if value.is_none() => {
                    value = words.next().cloned();
                    if value.is_none() {
                        return Err(Failure::usage(format!("{tool} {name} wants a value"))
                            .hint(format!("{tool} {name} VALUE")));
                    }
                }
                Takes::Maybe if value.is_none() => {
                    value = words.next_if(|it| is_value(it)).cloned();
                }
                Takes::Nothing | Takes::One | Takes::Maybe => {}
            }
            match fate {
                Fate::Refused(why) => return Err(no_equivalent(&format!("{tool} {name}"), why)),
                Fate::Dropped(why) if !why.is_empty() => given.note(&format!("{name}: {why}")),
                Fate::Dropped(_) => {}
                Fate::Used => given.flags.extend(names.first().map(|first| (*first, value))),
            }
        }
        Ok(given)
    }

    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|it| it == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Whether a flag was given.
    pub(super) fn has(&self, name: &'static str) -> bool {
        self.asked.borrow_mut().insert(name);
        self.flags.iter().any(|(known, _)| *known == name)
    }

    /// The last value of a flag.
    pub(super) fn one(&self, name: &'static str) -> Option<&str> {
        self.all(name).pop()
    }

    /// All values of a flag.
    pub(super) fn all(&self, name: &'static str) -> Vec<&str> {
        self.asked.borrow_mut().insert(name);
        let named = self.flags.iter().filter(|(known, _)| *known == name);
        named.filter_map(|(_, value)| value.as_deref()).collect()
    }

    /// The value of a flag that a mode cannot do without.
    pub(super) fn wanted(&self, name: &'static str) -> Result<&str, Failure> {
        self.one(name).ok_or_else(|| {
            Failure::usage(format!("{} wants {name}", self.tool)).hint(format!("{name} VALUE"))
        })
    }

    /// What is to be said, once every flag was asked for.
    pub(super) fn finish(self) -> Result<Vec<String>, Failure> {
        let asked = self.asked.into_inner();
        match self.flags.iter().find(|(name, _)| !asked.contains(name)) {
            Some((name, _)) => {
                Err(Failure::usage(format!("{} has no {name} in this mode", self.tool))
                    .hint(format!("leave {name} out")))
            }
            None => Ok(self.notes),
        }
    }
}

fn unknown(tool: &str, table: &[Flag], name: &str) -> Failure {
    let names = table.iter().flat_map(|(names, ..)| names.iter());
    let near = names.min_by_key(|known| distance(known, name));
    let near = near.filter(|known| distance(known, name) <= known.len() / 2);
    let guess = near.map_or_else(|| "leave it out".to_owned(), |it| format!("did you mean {it}?"));
    Failure::usage(format!("{tool} has no flag '{name}'")).hint(guess)
}

/// How many letters have to be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, right) in b.iter().enumerate() {
            let (Some(&above), Some(&before)) = (row.get(j + 1), row.get(j)) else { continue };
            let best = (diagonal + usize::from(left != *right)).min(above + 1).min(before + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = best;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}
