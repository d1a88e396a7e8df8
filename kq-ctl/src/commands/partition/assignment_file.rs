//! The file of Kafka's own reassignment tool:
//! `{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,2,3]}]}`.

use std::path::Path;

use kq_proto::admin::v1;
use serde_json::Value;

use crate::exit::Failure;

const FORM: &str =
    r#"{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,2,3]}]}"#;

/// Which partition goes where.
pub(super) fn read(path: &Path) -> Result<Vec<v1::plan_goal::Assignment>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::file("read", path, &error).hint(format!("a file with {FORM}")))?;
    parse(&text).map_err(|why| {
        Failure::usage(format!("{}: {why}", path.display())).hint(format!("a file with {FORM}"))
    })
}

fn parse(text: &str) -> Result<Vec<v1::plan_goal::Assignment>, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let partitions = document.get("partitions").and_then(Value::as_array);
    let partitions = partitions.ok_or("it has no list 'partitions'")?;
    let each = partitions.iter().enumerate();
    each.map(|(nth, it)| {
        one(it).ok_or_else(|| format!("entry {} has no topic, partition or replicas", nth + 1))
    })
    .collect()
}

fn one(it: &Value) -> Option<v1::plan_goal::Assignment> {
    let id = |it: &Value| u32::try_from(it.as_u64()?).ok();
    let brokers: Option<Vec<u32>> = it.get("replicas")?.as_array()?.iter().map(id).collect();
    Some(v1::plan_goal::Assignment {
        topic: it.get("topic")?.as_str()?.to_owned(),
        partition: id(it.get("partition")?)?,
        brokers: brokers.filter(|it| !it.is_empty())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_own_form_is_read_and_anything_else_refused() {
        let read = parse(FORM).unwrap();
        assert_eq!((read[0].topic.as_str(), read[0].partition), ("orders", 0));
        assert_eq!(read[0].brokers, [1, 2, 3]);
        for text in [
            "",
            "{}",
            r#"{"partitions":[{"topic":"a"}]}"#,
            r#"{"partitions":[{"topic":"a","partition":0,"replicas":[]}]}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
