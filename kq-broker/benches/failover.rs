//! A broker that leads many partitions is fenced: how long the controller takes to decide, how long
//! every broker takes to apply, what it says to the quorum's log, and what a snapshot costs.
//!
//! `cargo bench -p kq-broker --bench failover`

use std::time::Instant;

use kq_broker::controller::{
    Command, Decision, FenceReason, ManualAssignment, NewTopic, Settings, Turn, decide,
};
use kq_broker::ids::{BrokerId, Incarnation};
use kq_broker::metadata::{BrokerRegistration, Change, MetadataDelta, MetadataImage, TimestampMs};
use uuid::Uuid;

type Failure = Box<dyn std::error::Error>;

/// A cluster in which broker 1 leads a third of all partitions.
struct Cluster {
    image: MetadataImage,
    settings: Settings,
    ids: u128,
}

impl Cluster {
    fn decide(&mut self, command: &Command) -> Result<(Decision, Change), Failure> {
        let ids = &mut self.ids;
        let mut draw = || {
            *ids += 1;
            Uuid::from_u128(*ids << 64)
        };
        let time = TimestampMs(1_800_000_000_000);
        let mut turn = Turn { now: time, ids: &mut draw };
        let decision = decide(&self.image, command, &self.settings, &mut turn)?;
        let reason = command.usual_reason().into_owned();
        let change = Change { time, reason, records: decision.records.clone() };
        Ok((decision, change))
    }

    fn submit(&mut self, command: &Command) -> Result<(), Failure> {
        let (_, change) = self.decide(command)?;
        self.image = self.image.apply(self.image.applied() + 1, &change)?;
        Ok(())
    }

    /// Topics of a hundred partitions with three replicas each.
    fn of(partitions: usize) -> Result<Self, Failure> {
        let mut cluster =
            Self { image: MetadataImage::default(), settings: Settings::default(), ids: 1 };
        for id in 1..=3 {
            let mut it = BrokerRegistration::at(BrokerId(id), "localhost", 9_092);
            it.incarnation = Incarnation(Uuid::from_u128(id.into()));
            cluster.submit(&Command::RegisterBroker(it))?;
        }
        for topic in 0..partitions / 100 {
            let assignment = |partition: i32| {
                let first = partition % 3;
                let brokers = (0..3).map(|at| (first + at) % 3 + 1).collect();
                ManualAssignment { partition, brokers }
            };
            let assignments = (0..100).map(assignment).collect();
            let name = format!("topic-{topic}");
            let topics = vec![NewTopic { name, assignments, ..NewTopic::default() }];
            cluster.submit(&Command::CreateTopics { topics, validate_only: false })?;
        }
        Ok(cluster)
    }
}

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Failure> {
    for partitions in [10_000, 30_000, 100_000] {
        let mut cluster = Cluster::of(partitions)?;
        let (broker, why) = (BrokerId(1), FenceReason::SessionExpired);
        let fence = Command::FenceBroker { broker, epoch: None, why };
        let (decided_ms, decided) = timed(|| cluster.decide(&fence));
        let (_, change) = decided?;
        let (encoded_ms, bytes) = timed(|| change.encode());
        let (read_ms, change) = timed(|| Change::decode(&bytes));
        let (change, before) = (change?, cluster.image.clone());
        let (applied_ms, image) = timed(|| before.apply(before.applied() + 1, &change));
        let image = image?;
        let (delta_ms, delta) = timed(|| MetadataDelta::between(&before, &image));
        let (snapshot_ms, snapshot) = timed(|| image.to_snapshot());
        let (restored_ms, restored) = timed(|| MetadataImage::from_snapshot(&snapshot));
        assert!(restored? == image, "a snapshot gives the image it was taken of");
        println!(
            "{{\"partitions\":{partitions},\"records\":{},\"decide_ms\":{decided_ms:.1},\
             \"encode_ms\":{encoded_ms:.1},\"entry_bytes\":{},\"decode_ms\":{read_ms:.1},\
             \"apply_ms\":{applied_ms:.1},\"delta_ms\":{delta_ms:.1},\"topics_changed\":{},\
             \"events\":{},\"snapshot_ms\":{snapshot_ms:.1},\"snapshot_bytes\":{},\
             \"restore_ms\":{restored_ms:.1}}}",
            change.records.len(),
            bytes.len(),
            delta.topics.len(),
            image.events().count(),
            snapshot.len(),
        );
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed().as_secs_f64() * 1_000.0, done)
}
