//! The line of kq-ctl that tells or does what a view shows, as a shell takes it.

#[cfg(test)]
mod ctl_test;
mod deed;

use std::collections::BTreeMap;
use std::fmt::Write as _;

mod look;

use super::filter::{Field, Filter};
use super::rows::kind_of;
use super::{RowKey, Screen, State, moment};

pub use deed::{Deed, next, of_task};

/// An argument as a shell takes it: in quotes where one is needed.
pub fn quote(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "_@%+=:,./-".contains(it);
    // An equals sign in front means a program's path to some shells.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(is_unshown) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    // Bytes by their numbers, so that nothing on the screen is obeyed by a terminal.
    let mut quoted = "$'".to_owned();
    for it in text.chars() {
        if is_unshown(it) {
            let mut bytes = [0; 4];
            for byte in it.encode_utf8(&mut bytes).bytes() {
                let _ = write!(quoted, "\\x{byte:02x}");
            }
            // A digit that follows would be taken for a part of the number.
            quoted.push_str("'$'");
        } else if matches!(it, '\'' | '\\') {
            quoted.push('\\');
            quoted.push(it);
        } else {
            quoted.push(it);
        }
    }
    quoted.push('\'');
    quoted
}

fn is_unshown(it: char) -> bool {
    crate::text::safe(it.encode_utf8(&mut [0; 4])) != it.to_string()
}

/// A line with its arguments quoted.
struct Line {
    text: String,
}

impl Line {
    fn new(state: &State, verb: &str) -> Self {
        let reach: String =
            state.settings.reach.iter().flat_map(|it| [" ".to_owned(), quote(it)]).collect();
        Self { text: format!("kq-ctl{reach} {verb}") }
    }

    fn arg(mut self, text: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(&quote(text));
        self
    }

    /// Names that a verb takes one after another, behind `--` where one would be taken for a flag.
    fn args<'t>(self, names: impl IntoIterator<Item = &'t str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let line = if names.iter().any(|it| it.starts_with('-')) { self.arg("--") } else { self };
        names.into_iter().fold(line, Self::arg)
    }

    /// A name that is given by a flag where it would be taken for one.
    fn named(self, flag: &str, name: &str) -> Self {
        if name.starts_with('-') { self.arg(&format!("{flag}={name}")) } else { self.arg(name) }
    }

    fn flag(self, flag: &str, value: &str) -> Self {
        if value.starts_with('-') {
            return self.arg(&format!("{flag}={value}"));
        }
        self.arg(flag).arg(value)
    }
}

/// The line that tells what is looked at: the marked rows, else the one with the cursor, else all.
pub fn of_view(state: &State) -> String {
    let rows = state.chosen();
    let past = state.moment_asked();
    if let Some(at_ms) = past
        && let Some(line) = of_past(state, &rows, at_ms)
    {
        return line;
    }
    match state.place.screen {
        Screen::Overview => overview(state, &rows),
        Screen::Brokers => brokers(state, &rows),
        // The screen shows what belongs to the cluster itself as well.
        Screen::Topics if rows.is_empty() => Line::new(state, "topic list").arg("--internal").text,
        Screen::Topics => {
            Line::new(state, "topic describe").args(rows.iter().filter_map(RowKey::topic)).text
        }
        Screen::Partitions if rows.is_empty() => partition_list(state),
        Screen::Partitions => {
            let places = places(&rows);
            Line::new(state, "partition describe").args(places.iter().map(String::as_str)).text
        }
        Screen::Churn | Screen::Events => events(state),
        Screen::Groups if rows.is_empty() => Line::new(state, "group list").text,
        Screen::Groups => {
            let names = rows.iter().filter_map(RowKey::group);
            names.fold(Line::new(state, "group lag"), |it, name| it.named("--group", name)).text
        }
        Screen::Members => {
            let line = Line::new(state, "group describe");
            let group = state.place.group.as_deref().unwrap_or_default();
            let line = line.named("--group", group);
            let owned = rows.iter().any(|it| matches!(it, RowKey::Owned(..)));
            if owned { line.text } else { line.arg("--members").text }
        }
        Screen::Plans => match rows.iter().find_map(RowKey::plan) {
            Some(id) => Line::new(state, "plan status").args([id]).text,
            None => Line::new(state, "plan list --all").text,
        },
        Screen::Quorum => Line::new(state, "quorum status").text,
        Screen::Configs => look::configs(state, &rows),
        Screen::Tail | Screen::Record => look::records(state, &rows),
    }
}

/// Of the past the cluster keeps its history: what led to the state that is shown.
fn of_past(state: &State, rows: &[RowKey], at_ms: i64) -> Option<String> {
    let line = Line::new(state, "events");
    let line = match state.place.screen {
        Screen::Topics | Screen::Partitions => {
            let mut topics: Vec<&str> = rows.iter().filter_map(RowKey::topic).collect();
            topics.dedup();
            topics.into_iter().fold(line, |it, topic| it.flag("--topic", topic))
        }
        Screen::Overview | Screen::Brokers => {
            let brokers = rows.iter().filter_map(RowKey::broker);
            brokers.fold(line, |it, id| it.flag("--broker", &id.to_string()))
        }
        Screen::Churn
        | Screen::Groups
        | Screen::Plans
        | Screen::Events
        | Screen::Quorum
        | Screen::Members
        | Screen::Configs
        | Screen::Tail
        | Screen::Record => return None,
    };
    Some(line.flag("--until", &moment::rfc3339(at_ms.saturating_add(1))).text)
}

/// Of an alarm, what tells of the same.
fn overview(state: &State, rows: &[RowKey]) -> String {
    let alarm = rows.iter().find_map(|key| {
        let RowKey::Alarm(about) = key else { return None };
        state.verdict.alarms.iter().find(|it| it.about == *about)
    });
    let Some(alarm) = alarm else {
        let health = || Line::new(state, "cluster health").text;
        return if rows.is_empty() { health() } else { brokers(state, rows) };
    };
    let row = alarm.row.as_slice();
    match alarm.place.screen {
        Screen::Brokers => brokers(state, row),
        Screen::Groups => match row.iter().find_map(RowKey::group) {
            Some(name) => Line::new(state, "group lag").named("--group", name).text,
            None => Line::new(state, "group list").arg("--unhealthy").text,
        },
        Screen::Plans => {
            let id = row.iter().find_map(RowKey::plan);
            id.map_or_else(String::new, |id| Line::new(state, "plan status").args([id]).text)
        }
        Screen::Partitions => Line::new(state, "partition list").arg("--unhealthy").text,
        Screen::Quorum => Line::new(state, "quorum status").text,
        Screen::Overview
        | Screen::Topics
        | Screen::Churn
        | Screen::Events
        | Screen::Members
        | Screen::Configs
        | Screen::Tail
        | Screen::Record => Line::new(state, "cluster health").text,
    }
}

fn brokers(state: &State, rows: &[RowKey]) -> String {
    let ids: Vec<u32> = rows.iter().filter_map(RowKey::broker).collect();
    if !ids.is_empty() {
        let line = Line::new(state, "broker describe");
        return ids.iter().fold(line, |it, id| it.arg(&id.to_string())).text;
    }
    Line::new(state, "broker list").text
}

/// What of the filter kq-ctl knows as a flag.
fn partition_list(state: &State) -> String {
    let filter: &Filter = &state.table().filter;
    // The screen shows what belongs to the cluster itself as well.
    let mut line = Line::new(state, "partition list").arg("--internal");
    for topic in filter.exact(Field::Topic) {
        line = line.flag("--topic", topic);
    }
    for id in filter.brokers(Field::On).into_iter().chain(filter.brokers(Field::Why)) {
        line = line.flag("--broker", &id.to_string());
    }
    for id in filter.brokers(Field::Leader) {
        line = line.flag("--leader-on", &id.to_string());
    }
    let states = filter.exact(Field::State);
    let is_ill = |word: &&str| matches!(*word, "urp" | "offline" | "undermin" | "min");
    if states.iter().any(is_ill) || !filter.brokers(Field::Why).is_empty() {
        line = line.arg("--unhealthy");
    }
    if states.contains(&"moving") {
        line = line.arg("--moving");
    }
    line.text
}

/// Events by kq-ctl stand for themselves: a row of so many is as many lines.
fn events(state: &State) -> String {
    let filter = &state.table().filter;
    let mut line = Line::new(state, "events");
    for topic in filter.exact(Field::Topic) {
        line = line.flag("--topic", topic);
    }
    for id in filter.brokers(Field::Broker) {
        line = line.flag("--broker", &id.to_string());
    }
    for kind in filter.exact(Field::Kind) {
        line = line.flag("--kind", kind);
    }
    let span = |line: Line, since_ms: i64, until_ms: i64| {
        let (since, until) = (moment::rfc3339(since_ms), moment::rfc3339(until_ms));
        line.flag("--since", &since).flag("--until", &until).text
    };
    let page = state.facts.events.as_ref();
    let rows = page.map(|it| it.rows.as_slice()).unwrap_or_default();
    let ends = rows.first().zip(rows.last());
    let ends = ends.and_then(|(first, last)| first.event.as_ref().zip(last.event.as_ref()));
    if let (Some(_), Some((first, last))) = (state.place.run, ends) {
        let kind = kind_of(first);
        let line =
            if filter.exact(Field::Kind).is_empty() { line.flag("--kind", &kind) } else { line };
        return span(line, first.at_ms, last.at_ms.saturating_add(1));
    }
    if let Some(at_ms) = state.moment_asked() {
        let minute = at_ms.div_euclid(60_000) * 60_000;
        return span(line, minute, minute.saturating_add(60_000));
    }
    let Some((page, (_, last))) = page.zip(ends) else { return line.text };
    let is_newest = !page.more_after && state.held.is_none();
    let until = moment::rfc3339(last.at_ms.saturating_add(1));
    let line = if is_newest { line } else { line.flag("--until", &until) };
    if !page.more_before {
        return line.arg("--all").text;
    }
    let count: u64 = rows.iter().map(|it| u64::from(it.count.max(1))).sum();
    line.flag("--limit", &count.to_string()).text
}

/// `orders/3,7 clicks/0`.
fn places(rows: &[RowKey]) -> Vec<String> {
    let mut by_topic = BTreeMap::<&str, Vec<String>>::new();
    for row in rows {
        if let Some((topic, index)) = row.partition() {
            by_topic.entry(topic).or_default().push(index.to_string());
        }
    }
    by_topic.iter().map(|(topic, indexes)| format!("{topic}/{}", indexes.join(","))).collect()
}

impl RowKey {
    pub(super) fn broker(&self) -> Option<u32> {
        if let Self::Broker(id) | Self::Voter(id) = self { Some(*id) } else { None }
    }

    pub(super) fn topic(&self) -> Option<&str> {
        if let Self::Topic(name) | Self::Partition(name, _) = self { Some(name) } else { None }
    }

    pub(super) fn group(&self) -> Option<&str> {
        if let Self::Group(name) = self { Some(name) } else { None }
    }

    pub(super) fn partition(&self) -> Option<(&str, u32)> {
        if let Self::Partition(name, index) = self {
            Some((name, *index))
        } else if let Self::Owned(name, index) = self {
            Some((name, *index))
        } else {
            None
        }
    }

    pub(super) fn plan(&self) -> Option<&str> {
        if let Self::Plan(id) = self { Some(id) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let cases = [
            ("orders/17", "orders/17"),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("größe", "'größe'"),
            ("", "''"),
            ("a;rm -rf $HOME", "'a;rm -rf $HOME'"),
            ("=ls", "'=ls'"),
            ("a\u{202e}b", "$'a\\xe2\\x80\\xae'$'b'"),
            ("a\nb'\\", "$'a\\x0a'$'b\\'\\\\'"),
        ];
        for (text, quoted) in cases {
            assert_eq!(quote(text), quoted);
        }
    }
}
