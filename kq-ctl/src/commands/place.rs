//! Partitions as they are named on the command line: `orders/3`, `orders/0,3`, or all of `orders`.

use std::str::FromStr;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::exit::Failure;

/// A topic, and which of its partitions; none named means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: String,
    pub(crate) partitions: Vec<u32>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let accepted = || "write TOPIC, TOPIC/3 or TOPIC/0,3".to_owned();
        let (topic, list) = match text.split_once('/') {
            None => (text, None),
            Some((topic, list)) => (topic, Some(list)),
        };
        if topic.is_empty() {
            return Err(accepted());
        }
        let index = |it: &str| it.trim().parse::<u32>().ok().filter(|it| *it <= 0x7fff_ffff);
        let partitions: Option<Vec<u32>> = match list {
            None => Some(Vec::new()),
            Some(list) => list.split(',').map(index).collect(),
        };
        let partitions = partitions.ok_or_else(accepted)?;
        Ok(Self { topic: topic.to_owned(), partitions })
    }
}

/// One partition, where only one makes sense.
pub(crate) fn one(text: &str) -> Result<v1::PartitionRef, String> {
    let place: Place = text.parse()?;
    match place.partitions.as_slice() {
        [partition] => Ok(v1::PartitionRef { topic: place.topic, partition: *partition }),
        _ => Err("write TOPIC/PARTITION, as orders/3".to_owned()),
    }
}

/// As an operator names it.
pub(crate) fn name_of(it: &v1::PartitionRef) -> String {
    format!("{}/{}", it.topic, it.partition)
}

/// All partitions that are meant, and what is wrong with the names of those that are not there.
pub(crate) async fn expand(
    places: &[Place],
    cluster: &dyn Cluster,
) -> Result<(Vec<v1::PartitionRef>, Vec<v1::ItemError>), Failure> {
    let whole = places.iter().filter(|it| it.partitions.is_empty());
    let topics: Vec<String> = whole.map(|it| it.topic.clone()).collect();
    let mut found = v1::ListPartitionsResponse::default();
    if !topics.is_empty() {
        let request = v1::ListPartitionsRequest { topics, ..v1::ListPartitionsRequest::default() };
        found = list_partitions(cluster, request).await?;
    }
    let mut refs = Vec::new();
    for place in places {
        let topic = || place.topic.clone();
        if place.partitions.is_empty() {
            let rows = found.partitions.iter().filter(|row| row.topic == place.topic);
            let indexes = rows.filter_map(|row| Some(row.partition.as_ref()?.index));
            refs.extend(indexes.map(|partition| v1::PartitionRef { topic: topic(), partition }));
        }
        let named = place.partitions.iter();
        refs.extend(named.map(|it| v1::PartitionRef { topic: topic(), partition: *it }));
    }
    let mut seen = std::collections::BTreeSet::new();
    refs.retain(|it| seen.insert((it.topic.clone(), it.partition)));
    Ok((refs, found.errors))
}

/// All partitions that meet a request, page by page.
pub(crate) async fn list_partitions(
    cluster: &dyn Cluster,
    request: v1::ListPartitionsRequest,
) -> Result<v1::ListPartitionsResponse, Failure> {
    let mut all = v1::ListPartitionsResponse::default();
    let mut after = String::new();
    loop {
        let page = Some(v1::PageRequest { size: 0, after: after.clone() });
        let request = v1::ListPartitionsRequest { page, ..request.clone() };
        let mut answer = cluster.list_partitions(request).await?;
        all.partitions.append(&mut answer.partitions);
        if after.is_empty() {
            all.errors = answer.errors;
        }
        if answer.next.is_empty() || answer.next == after {
            return Ok(all);
        }
        after = answer.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_topics_or_some_of_their_partitions() {
        let place = |text: &str| text.parse::<Place>().map(|it| (it.topic, it.partitions));
        assert_eq!(place("orders"), Ok(("orders".to_owned(), vec![])));
        assert_eq!(place("orders/3"), Ok(("orders".to_owned(), vec![3])));
        assert_eq!(place("orders/0,3"), Ok(("orders".to_owned(), vec![0, 3])));
        for text in ["", "/3", "orders/", "orders/x", "orders/-1", "orders/0,,1"] {
            assert!(place(text).is_err(), "{text}");
        }
        assert!(one("orders").is_err() && one("orders/0,1").is_err() && one("orders/1").is_ok());
    }
}
