//! Counters between brokers: what is sampled comes out the same on the other side.

use kq_proto::monitor::v1;

use super::session_test::{at, topic_id};
use super::{Behind, Counts, PartitionFigures, TopicFigures};
use crate::ids::{BrokerId, PartitionId};

const ONE: BrokerId = BrokerId(1);

fn figures(end: u64) -> PartitionFigures {
    let behind = Behind { broker: BrokerId(2), records: end / 2, caught_up_at_ms: 77 };
    PartitionFigures {
        start: 1,
        high_watermark: end - 1,
        end,
        size_bytes: end * 10,
        behind: (end > 100).then(|| [behind].into()),
    }
}

fn sample(counts: &mut Counts, at_ms: i64, rows: &[(PartitionId, u64)]) {
    let topics =
        [1, 2].map(|id| (topic_id(id), TopicFigures { bytes_in: 9, ..Default::default() }));
    counts.sample((ONE, at_ms), rows.iter().map(|(id, end)| (*id, figures(*end))), topics);
    counts.put_broker(v1::BrokerCounters { broker: 1, at_ms, ..Default::default() });
}

fn told(sample: &v1::SampleResponse) -> usize {
    sample.partitions.iter().map(|it| it.partitions.len()).sum()
}

#[test]
fn changes_bring_another_broker_to_the_same_counters() {
    let (mut here, mut there) = (Counts::default(), Counts::default());
    let mut last: Option<Counts> = None;
    let steps: [&[(PartitionId, u64)]; 4] = [
        &[(at(1, 0), 5), (at(1, 1), 500), (at(2, 0), 7)],
        &[(at(1, 0), 6), (at(1, 1), 500), (at(2, 0), 7)],
        &[(at(1, 0), 6), (at(1, 1), 501), (at(2, 0), 70), (at(2, 1), 1)],
        &[(at(1, 0), 6), (at(1, 1), 501), (at(2, 0), 70), (at(2, 1), 1)],
    ];
    for ((step, rows), changed) in (1_i64..).zip(steps).zip([3, 1, 3, 0]) {
        sample(&mut here, step * 1_000, rows);
        let sample = here.changes_since(last.as_ref(), ONE);
        assert_eq!(told(&sample), changed, "in step {step}");
        there.merge(ONE, last.is_none(), sample);
        assert_eq!(there, here, "after step {step}");
        last = Some(here.clone());
    }
}

#[test]
fn what_was_lost_on_the_way_is_made_up_for() {
    let mut here = Counts::default();
    sample(&mut here, 1_000, &[(at(1, 0), 5), (at(2, 0), 5)]);
    let first = here.clone();
    sample(&mut here, 2_000, &[(at(1, 0), 6), (at(2, 0), 5)]);
    sample(&mut here, 3_000, &[(at(1, 0), 7), (at(2, 0), 5)]);
    let sample = here.changes_since(Some(&first), ONE);
    assert_eq!((told(&sample), sample.partitions[0].end_offsets[0]), (1, 7), "merged in one");
}

#[test]
fn a_new_stream_takes_the_place_of_the_old_one() {
    let mut there = Counts::default();
    let mut here = Counts::default();
    sample(&mut here, 1_000, &[(at(1, 0), 5), (at(2, 0), 5)]);
    there.merge(ONE, true, here.changes_since(None, ONE));
    let mut reborn = Counts::default();
    sample(&mut reborn, 9_000, &[(at(2, 0), 5)]);
    there.merge(ONE, true, reborn.changes_since(None, ONE));
    assert_eq!(there, reborn);
    there.forget_topic(topic_id(2));
    assert_eq!((there.partitions.len(), there.topics.len()), (0, 1));
    there.forget_broker(ONE);
    assert_eq!(there, Counts::default());
}

#[test]
fn lists_that_do_not_fit_together_are_no_danger() {
    let mut there = Counts::default();
    let nonsense = v1::PartitionCounters {
        partitions: vec![1, 2, 3],
        end_offsets: vec![1],
        ..v1::PartitionCounters::default()
    };
    let elsewhere = v1::PartitionCounters { topic: 9, ..nonsense.clone() };
    let sample = v1::SampleResponse {
        broker: Some(v1::BrokerCounters { broker: 8, ..v1::BrokerCounters::default() }),
        topic_ids: vec![bytes::Bytes::from_static(&[7; 16]), bytes::Bytes::from_static(&[7; 3])],
        topics: vec![v1::TopicCounters { topic: 1, ..v1::TopicCounters::default() }],
        partitions: vec![nonsense, elsewhere],
    };
    there.merge(ONE, true, sample);
    assert_eq!(there, Counts::default());
}
