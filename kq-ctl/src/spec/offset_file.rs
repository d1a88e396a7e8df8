//! Files of offsets: what `offset export` writes, Kafka's CSV with three or four fields, the lines of
//! rpk, and JSON lists of objects with topic, partition and offset.

use std::path::Path;

use kq_proto::admin::v1::{OffsetAt, OffsetList};
use serde_json::Value;

use crate::exit::Failure;

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    group: Option<String>,
    at: OffsetAt,
}

/// What a file says of a group.
pub(crate) fn read(path: &Path, group: &str) -> Result<OffsetList, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::file("read", path, &error).hint("kq-ctl offset export GROUP > FILE writes one")
    })?;
    let wrong = |why: String| {
        Failure::usage(format!("{}: {why}", path.display())).hint(
            "lines as topic,partition,offset or group,topic,partition,offset, or what kq-ctl \
             offset export writes",
        )
    };
    let offsets = parse(&text).and_then(|it| of_group(it, group)).map_err(wrong)?;
    Ok(OffsetList { offsets })
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let entries = if is_json { json(text) } else { lines(text) }?;
    let mut seen = std::collections::BTreeSet::new();
    for it in &entries {
        if !seen.insert((&it.group, &it.at.topic, it.at.partition)) {
            return Err(format!("{}/{} is named twice", it.at.topic, it.at.partition));
        }
    }
    Ok(entries)
}

/// Those of the group; all, if they are of one other group.
fn of_group(entries: Vec<Entry>, group: &str) -> Result<Vec<OffsetAt>, String> {
    let is_own = |it: &Entry| it.group.as_deref() == Some(group);
    if entries.iter().any(is_own) {
        return Ok(entries.into_iter().filter(is_own).map(|it| it.at).collect());
    }
    let first = entries.first().and_then(|it| it.group.clone());
    if let Some(other) = entries.iter().find(|it| it.group != first) {
        let (first, other) = (first.unwrap_or_default(), other.group.clone().unwrap_or_default());
        return Err(format!("it tells of '{first}' and of '{other}', and not of '{group}'"));
    }
    if entries.is_empty() {
        return Err("it names no offset".to_owned());
    }
    Ok(entries.into_iter().map(|it| it.at).collect())
}

/// Kafka's CSV, and words parted by blanks as rpk writes them.
fn lines(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields = if line.contains(',') {
            csv(line)
        } else {
            line.split_whitespace().map(str::to_owned).collect()
        };
        let is_header = nth == 0 && fields.iter().any(|it| it.eq_ignore_ascii_case("topic"));
        let is_header = is_header && fields.iter().any(|it| it.eq_ignore_ascii_case("partition"));
        if !is_header {
            entries.push(entry(&fields).map_err(|why| format!("line {}: {why}", nth + 1))?);
        }
    }
    Ok(entries)
}

fn csv(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            _ => field.push(letter),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

fn entry(fields: &[String]) -> Result<Entry, String> {
    let (group, topic, partition, offset) = match fields {
        [topic, partition, offset] => (None, topic, partition, offset),
        [group, topic, partition, offset] => (Some(group.clone()), topic, partition, offset),
        _ => return Err(format!("it has {} fields, 3 or 4 are wanted", fields.len())),
    };
    if topic.is_empty() {
        return Err("its topic is empty".to_owned());
    }
    let index = partition.parse::<u32>().ok().filter(|it| *it <= 0x7fff_ffff);
    let partition = index.ok_or_else(|| format!("partition '{partition}' is no number from 0"))?;
    let whole = offset.parse::<u64>().ok().filter(|it| i64::try_from(*it).is_ok());
    let offset = whole.ok_or_else(|| format!("offset '{offset}' is no number from 0"))?;
    Ok(Entry { group, at: OffsetAt { topic: topic.clone(), partition, offset, metadata: None } })
}

/// A list of objects, or a document that has one.
fn json(text: &str) -> Result<Vec<Entry>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = ["items", "offsets", "partitions"].iter().find_map(|name| value.get(name));
    let list = list.unwrap_or(&value).as_array().ok_or("there is no list of offsets in it")?;
    let mut entries = Vec::new();
    for (nth, it) in list.iter().enumerate() {
        let read = object(it).map_err(|why| format!("item {}: {why}", nth + 1))?;
        entries.extend(read);
    }
    Ok(entries)
}

/// None where nothing was committed.
fn object(it: &Value) -> Result<Option<Entry>, String> {
    let text = |name: &str| it.get(name).and_then(Value::as_str).map(str::to_owned);
    let offset = ["committed", "offset", "current_offset", "at"];
    let Some(offset) = offset.iter().find_map(|name| it.get(name)) else {
        return Err("it has no offset".to_owned());
    };
    if offset.is_null() {
        return Ok(None);
    }
    let partition = it.get("partition").ok_or("it has no partition")?;
    let mut fields = vec![text("topic").ok_or("it has no topic")?];
    fields.extend([partition.to_string(), offset.to_string()]);
    let mut entry = entry(&fields)?;
    entry.group = text("group");
    entry.at.metadata = text("metadata");
    Ok(Some(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, group: &str) -> Result<Vec<(String, u32, u64)>, String> {
        let all = parse(text).and_then(|it| of_group(it, group))?;
        Ok(all.into_iter().map(|it| (it.topic, it.partition, it.offset)).collect())
    }

    fn row(topic: &str, partition: u32, offset: u64) -> (String, u32, u64) {
        (topic.to_owned(), partition, offset)
    }

    #[test]
    fn csv_of_kafka_has_three_fields_or_four() {
        let three = read("orders,0,5\n\"or,ders\",1,6\n", "g");
        assert_eq!(three, Ok(vec![row("orders", 0, 5), row("or,ders", 1, 6)]));
        let four = "a,orders,0,5\nb,orders,0,7\n";
        assert_eq!(read(four, "b"), Ok(vec![row("orders", 0, 7)]));
        assert!(read(four, "c").unwrap_err().contains("'a' and of 'b'"));
    }

    #[test]
    fn offsets_of_one_other_group_are_taken_over() {
        assert_eq!(read("a,orders,0,5\n", "b"), Ok(vec![row("orders", 0, 5)]));
    }

    #[test]
    fn lines_of_rpk_and_a_header_are_read() {
        assert_eq!(
            read("TOPIC PARTITION OFFSET\norders 3 42\n", "g"),
            Ok(vec![row("orders", 3, 42)])
        );
    }

    #[test]
    fn json_is_a_list_or_a_document_with_one() {
        let document = r#"{"kind":"Offsets","items":[
            {"group":"g","topic":"orders","partition":0,"committed":5,"metadata":"m"},
            {"group":"g","topic":"orders","partition":1,"committed":null}]}"#;
        assert_eq!(read(document, "g"), Ok(vec![row("orders", 0, 5)]));
        let list = r#"[{"topic":"orders","partition":0,"offset":7}]"#;
        assert_eq!(read(list, "g"), Ok(vec![row("orders", 0, 7)]));
    }

    #[test]
    fn what_is_no_offset_is_refused_with_line_and_field() {
        for (text, why) in [
            ("orders,0,-1", "line 1: offset '-1'"),
            ("a,0,1\norders,0,1.5", "line 2: offset '1.5'"),
            ("orders,x,1", "line 1: partition 'x'"),
            ("orders,0", "line 1: it has 2 fields"),
            (",0,1", "line 1: its topic is empty"),
            ("orders,0,1\norders,0,2", "orders/0 is named twice"),
            (r#"[{"topic":"a","partition":0,"offset":1.5}]"#, "item 1: offset '1.5'"),
            (r#"[{"topic":"a","partition":0,"offset":-1}]"#, "item 1: offset '-1'"),
            (r#"[{"partition":0,"offset":1}]"#, "item 1: it has no topic"),
            ("{}", "there is no list"),
            ("", "it names no offset"),
        ] {
            let refused = read(text, "g").unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
