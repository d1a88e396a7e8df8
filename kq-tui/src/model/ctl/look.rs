//! The lines of kq-ctl that tell a configuration, or records.

use super::Line;
use crate::model::{RowKey, Screen, State, Subject};

/// Of the key with the cursor, or of all.
pub(super) fn configs(state: &State, rows: &[RowKey]) -> String {
    let line = Line::new(state, "config describe");
    let (kind, name) = match &state.place.subject {
        None | Some(Subject::Cluster) => ("cluster", None),
        Some(Subject::Broker(id)) => ("broker", Some(id.to_string())),
        Some(
            Subject::Topic(topic) | Subject::Partition(topic, _) | Subject::Record(topic, _, _),
        ) => ("topic", Some(topic.clone())),
    };
    let keys =
        rows.iter().filter_map(|it| if let RowKey::Config(key) = it { Some(key) } else { None });
    line.arg(kind).args(name.iter().chain(keys).map(String::as_str)).text
}

/// Of what follows the newest records, or of the one with the cursor.
pub(super) fn records(state: &State, rows: &[RowKey]) -> String {
    let subject = state.place.subject.as_ref();
    let is_record = state.place.screen == Screen::Record;
    let chosen = rows.iter().find_map(|it| {
        if let RowKey::Record(sequence) = it { state.tail.record(*sequence) } else { None }
    });
    let one = match chosen.filter(|_| !state.tail.follows) {
        Some(kept) => Some(kept.subject()),
        None => subject.filter(|_| is_record).cloned(),
    };
    if let Some(one) = one {
        return Line::new(state, "record get").args([one.words().as_str()]).text;
    }
    let topic = subject.and_then(Subject::topic).unwrap_or_default();
    let line = Line::new(state, "record consume");
    let line = match subject.and_then(Subject::partition) {
        Some(index) => line.flag("-p", &index.to_string()),
        None => line,
    };
    line.args([topic]).text
}
