//! A plan beside the cluster as it stands now: what each move adds and removes, and whether somebody
//! else has moved the partition since.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::commands::place::list_partitions;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, Tone, row};
use crate::schema::PLAN_DIFF;

/// Where replicas are now, by topic and partition.
type Now = BTreeMap<(String, u32), Standing>;

/// One partition's replicas but those that are on their way, and whether some of them come or go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    replicas: Vec<u32>,
    moves: bool,
}

/// A row for each move.
pub(super) async fn against(plan: &v1::Plan, cluster: &dyn Cluster) -> Result<Report, Failure> {
    let mut topics: Vec<String> = plan.moves.iter().map(|it| it.topic.clone()).collect();
    topics.sort_unstable();
    topics.dedup();
    let mut now = Now::new();
    if !topics.is_empty() {
        let request = v1::ListPartitionsRequest {
            topics,
            include_internal: true,
            ..v1::ListPartitionsRequest::default()
        };
        // A topic that is gone is told of its partitions.
        for it in list_partitions(cluster, request).await?.partitions {
            let Some(partition) = it.partition else { continue };
            let moves = !(partition.adding.is_empty() && partition.removing.is_empty());
            let mut replicas = partition.replicas;
            // What is still copied there does not stand there yet.
            replicas.retain(|id| !partition.adding.contains(id));
            let standing = Standing { replicas, moves };
            now.insert((it.topic, partition.index), standing);
        }
    }
    let mut report = Report::new(&PLAN_DIFF);
    report.extend(plan.moves.iter().map(|it| one(it, &now)));
    let differs =
        |it: &&v1::PlannedMove| of(it, &now).is_none_or(|now| now.moves || now.replicas != it.to);
    report.sum("id", &plan.id);
    report.sum("differing_count", plan.moves.iter().filter(differs).count());
    Ok(report)
}

fn of<'a>(it: &v1::PlannedMove, now: &'a Now) -> Option<&'a Standing> {
    now.get(&(it.topic.clone(), it.partition))
}

fn one(it: &v1::PlannedMove, all: &Now) -> Row {
    let now = of(it, all);
    let without = |list: &[u32], others: &[u32]| -> Vec<u32> {
        list.iter().copied().filter(|id| !others.contains(id)).collect()
    };
    let standing = now.map_or(&[][..], |now| now.replicas.as_slice());
    row! {
        topic: &it.topic,
        partition: it.partition,
        now: now.map_or(Cell::Null, |now| Cell::from(&now.replicas)),
        to: &it.to,
        adds: &without(&it.to, standing),
        removes: &without(standing, &it.to),
        preferred: it.to.first().copied().filter(|id| standing.first() != Some(id)),
        standing: standing_cell(it, now),
    }
}

fn standing_cell(it: &v1::PlannedMove, now: Option<&Standing>) -> Cell {
    let Some(Standing { replicas, moves }) = now else { return Cell::State("gone", Tone::Bad) };
    let known = |id: &u32| it.from.contains(id) || it.to.contains(id);
    if *moves && replicas.iter().all(known) {
        Cell::State("on its way", Tone::Plain)
    } else if *replicas == it.to {
        Cell::State("there", Tone::Good)
    } else if *replicas == it.from {
        Cell::State("to do", Tone::Plain)
    } else {
        Cell::State("changed since", Tone::Warn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_stands_where_its_partition_does() {
        let it = v1::PlannedMove {
            topic: "orders".to_owned(),
            from: vec![1, 2],
            to: vec![1, 3],
            ..v1::PlannedMove::default()
        };
        let standing = |replicas: &[u32], moves| {
            let now = Standing { replicas: replicas.to_vec(), moves };
            let cell = standing_cell(&it, Some(&now));
            let Cell::State(word, _) = cell else { panic!("no state: {cell:?}") };
            word
        };
        assert_eq!(standing(&[1, 2], false), "to do");
        assert_eq!(standing(&[1, 2], true), "on its way");
        assert_eq!(standing(&[1, 3], false), "there");
        assert_eq!(standing(&[1, 4], true), "changed since");
        assert!(matches!(standing_cell(&it, None), Cell::State("gone", _)));
    }
}
