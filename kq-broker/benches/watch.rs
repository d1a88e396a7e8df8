//! What watching a cluster costs a broker: the first frame, one after some partitions changed, and a
//! second of counters of which some have changed; in time and in bytes before compression.
//!
//! `cargo bench -p kq-broker --bench watch`

use std::sync::Arc;
use std::time::Instant;

use kq_broker::catalogue::StaticConfig;
use kq_broker::ids::{BrokerId, PartitionEpoch, PartitionId, PartitionIndex, TopicId};
use kq_broker::metadata::{
    BrokerRegistration, Change, MetadataImage, MetadataRecord, PartitionChange, PartitionImage,
    TimestampMs,
};
use kq_broker::monitor::{
    Counts, Look, Moment, PartitionFigures, Session, Standing, TopicFigures, Window,
};
use kq_proto::monitor::v1;
use prost::Message as _;
use uuid::Uuid;

type Failure = Box<dyn std::error::Error>;

/// Partitions of one topic.
const OF_TOPIC: u32 = 100;
/// Partitions that change.
const CHANGED: u32 = 100;
const ME: BrokerId = BrokerId(1);

fn place(at: u32) -> PartitionId {
    let topic = TopicId(Uuid::from_u128(u128::from(at / OF_TOPIC) << 64 | 7));
    PartitionId { topic, index: PartitionIndex(at % OF_TOPIC) }
}

/// The partition with all replicas in sync, or one out of it.
fn partition(at: u32, in_sync: u32, epoch: u32) -> MetadataRecord {
    let replicas: Vec<BrokerId> = (0..3).map(|nth| BrokerId((at + nth) % 3 + 1)).collect();
    let isr = replicas.iter().copied().take(in_sync as usize).collect();
    let now = PartitionImage {
        leader: replicas.first().copied(),
        isr,
        replicas,
        partition_epoch: PartitionEpoch(epoch),
        ..PartitionImage::default()
    };
    let PartitionId { topic, index } = place(at);
    MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
}

fn commit(image: &MetadataImage, records: Vec<MetadataRecord>) -> Result<MetadataImage, Failure> {
    let time = TimestampMs(1_800_000_000_000);
    let change = Change { time, reason: "a bench".to_owned(), records };
    Ok(image.apply(image.applied() + 1, &change)?)
}

fn cluster(partitions: u32) -> Result<MetadataImage, Failure> {
    let brokers = (1..=3).map(|id| BrokerRegistration::at(BrokerId(id), "localhost", 9_092));
    let records = brokers.map(MetadataRecord::BrokerRegistered).collect();
    let mut image = commit(&MetadataImage::default(), records)?;
    for first in (0..partitions).step_by(OF_TOPIC as usize) {
        let (topic, name) = (place(first).topic, format!("topic-{}", first / OF_TOPIC));
        let mut records = vec![MetadataRecord::TopicCreated { topic, name }];
        records.extend((first..first + OF_TOPIC).map(|at| partition(at, 3, 0)));
        image = commit(&image, records)?;
    }
    Ok(image)
}

/// A look at all partitions, of which some have more records in each round.
fn sample(counts: &mut Counts, partitions: u32, round: u32) {
    let every = partitions / CHANGED;
    let figures = |at: u32| {
        let more = if at.is_multiple_of(every) { u64::from(round) * 977 } else { 0 };
        let end = 1_000_000 + more;
        PartitionFigures {
            start: 10,
            high_watermark: end,
            end,
            size_bytes: end * 300,
            behind: None,
        }
    };
    let led = (0..partitions).map(|at| (place(at), figures(at)));
    let topics = (0..partitions).step_by(OF_TOPIC as usize).map(|first| {
        let bytes_in = u64::from(round) * 1_000;
        (place(first).topic, TopicFigures { bytes_in, ..TopicFigures::default() })
    });
    let at_ms = 1_800_000_000_000 + i64::from(round) * 1_000;
    counts.sample((ME, at_ms), led, topics);
    let broker = v1::BrokerCounters { broker: ME.0, at_ms, ..v1::BrokerCounters::default() };
    counts.put_broker(broker);
}

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Failure> {
    for partitions in [10_000, 100_000] {
        let image = Arc::new(cluster(partitions)?);
        let scope = v1::PartitionScope { all: true, keys: Vec::new() };
        let window = v1::Window { topics: true, partitions: Some(scope), ..v1::Window::default() };
        let mut session = Session::new(ME, StaticConfig::default(), Window::new(window, None)?);
        let mut frame = |image: &Arc<MetadataImage>, counts: Option<&Arc<Counts>>| {
            let (moment, standing) = (Moment::now(Arc::clone(image)), Standing::default());
            let look = Look {
                now_ms: 0,
                moment: &moment,
                standing: &standing,
                counts,
                groups: None,
                group: None,
                plans: None,
                quorum: None,
                history: None,
                curves: None,
            };
            let (took, frame) = timed(|| session.frame(&look));
            (took, frame.map_or(0, |it| it.encoded_len()))
        };
        let whole = frame(&image, None);
        let shrunk = (0..CHANGED).map(|nth| partition(nth * (partitions / CHANGED), 2, 1));
        let shrunk = Arc::new(commit(&image, shrunk.collect())?);
        let changed = frame(&shrunk, None);

        let (mut here, mut there) = (Counts::default(), Counts::default());
        sample(&mut here, partitions, 0);
        there.merge(ME, true, here.changes_since(None, ME));
        let all = frame(&shrunk, Some(&Arc::new(there.clone())));
        let before = here.clone();
        let (idle_us, ()) = timed(|| sample(&mut here, partitions, 0));
        let (sampled_us, ()) = timed(|| sample(&mut here, partitions, 1));
        let (told_us, told) = timed(|| here.changes_since(Some(&before), ME));
        let told_bytes = told.encoded_len();
        let (merged_us, ()) = timed(|| there.merge(ME, false, told));
        let counted = frame(&shrunk, Some(&Arc::new(there.clone())));
        println!("{partitions} partitions, {CHANGED} of them change");
        println!("  first frame           {:>9.0} us {:>9} bytes", whole.0, whole.1);
        println!("  frame of the changes  {:>9.0} us {:>9} bytes", changed.0, changed.1);
        println!("  first counters        {:>9.0} us {:>9} bytes", all.0, all.1);
        println!("  sample, all idle      {idle_us:>9.0} us");
        println!("  sample, some changed  {sampled_us:>9.0} us");
        println!("  told to another broker{told_us:>9.0} us {told_bytes:>9} bytes");
        println!("  merged there          {merged_us:>9.0} us");
        println!("  frame of counters     {:>9.0} us {:>9} bytes", counted.0, counted.1);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed().as_secs_f64() * 1e6, done)
}
