//! Random lives of a log on the simulated disk, held against a plain list.

use proptest::prelude::*;

use super::*;
use crate::sim::SimDisk;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u8>),
    NewEpoch,
    Sync,
    Checkpoint,
    Reopen,
    Kill,
    PowerCut(u64),
    Truncate(prop::sample::Index),
    DeleteBefore(prop::sample::Index),
    Retain,
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop::collection::vec(any::<u8>(), 1..5).prop_map(Step::Append),
        2 => Just(Step::NewEpoch),
        4 => Just(Step::Sync),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerCut),
        1 => any::<prop::sample::Index>().prop_map(Step::Truncate),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteBefore),
        1 => Just(Step::Retain),
        1 => Just(Step::Release),
    ];
    prop::collection::vec(step, 1..60)
}

/// What the log must hold.
struct Model {
    disk: SimDisk,
    log: Option<Log>,
    /// Per record: value, time, and whether a batch begins with it.
    records: Vec<(String, i64, bool)>,
    start: u64,
    synced: u64,
    epoch: u32,
}

impl Model {
    fn config() -> LogConfig {
        LogConfig { retention_bytes: Some(700), retention_ms: None, ..small_segments() }
    }

    fn files(&self) -> Arc<OpenFiles> {
        OpenFiles::new(Arc::new(self.disk.clone()), 3)
    }

    fn new() -> Self {
        let disk = SimDisk::new(1);
        let mut model =
            Self { disk, log: None, records: Vec::new(), start: 0, synced: 0, epoch: 1 };
        let root = PathBuf::from("/d");
        crate::vfs::create_dir_durable(&model.disk, &root).unwrap();
        let id = LogIdentity([1; 16]);
        let log = Log::create(model.files(), root.join("t-0"), id, Self::config(), NOW).unwrap();
        model.log = Some(log);
        model.apply(&Step::Sync);
        model
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn end(&self) -> u64 {
        self.records.len() as u64
    }

    fn boundary(&self, at: u64) -> u64 {
        let begins = |at: &u64| {
            usize::try_from(*at).ok().and_then(|at| self.records.get(at)).is_none_or(|it| it.2)
        };
        (0..=at).rev().find(begins).unwrap()
    }

    fn reopen(&mut self) {
        let dir = PathBuf::from("/d/t-0");
        let (log, _) = Log::open(self.files(), dir, Self::config(), NOW).unwrap();
        self.log = Some(log);
    }

    fn apply(&mut self, step: &Step) {
        let end = self.end();
        match step {
            Step::Append(values) => self.append(values),
            Step::NewEpoch => self.epoch += 1,
            Step::Sync => {
                if let Some(work) = self.log().begin_sync() {
                    let outcome = work.run();
                    self.log().finish_sync(outcome).unwrap();
                    self.log().note_synced();
                }
                self.synced = end;
            }
            Step::Checkpoint => self.log().checkpoint().unwrap(),
            Step::Reopen => {
                self.log.take().unwrap().close().unwrap();
                self.synced = end;
                self.reopen();
            }
            Step::Kill => {
                self.log = None;
                self.disk.kill_process();
                self.reopen();
                assert_eq!(self.log().log_end().offset().0, end, "a kill loses nothing");
            }
            Step::PowerCut(seed) => self.power_cut(*seed),
            Step::Truncate(index) => {
                let to =
                    self.start + index.index(usize::try_from(end - self.start).unwrap() + 1) as u64;
                let at = self.boundary(to).max(self.start);
                self.log().truncate_to(Offset(to)).unwrap();
                self.records.truncate(usize::try_from(at).unwrap());
                self.synced = self.synced.min(at);
                self.epoch += 1;
            }
            Step::DeleteBefore(index) => {
                let to =
                    self.start + index.index(usize::try_from(end - self.start).unwrap() + 1) as u64;
                self.log().delete_records_before(Offset(to)).unwrap();
                self.start = to;
            }
            Step::Retain => {
                let synced = Offset(self.synced);
                self.log().apply_retention(NOW, synced).unwrap();
                self.start = self.log().log_start().offset().0;
            }
            Step::Release => self.log().release(),
        }
    }

    fn append(&mut self, values: &[u8]) {
        let mut builder = BatchBuilder::new(Compression::None);
        for (nth, value) in values.iter().enumerate() {
            let time = NOW.0 - i64::from(*value);
            let text = format!("value {value}");
            builder = builder.record(TimestampMs(time), Some(b"k"), Some(text.as_bytes()));
            self.records.push((text, time, nth == 0));
        }
        let epoch = LeaderEpoch(self.epoch);
        let appended = self.log().append(builder.build().unwrap(), epoch, NOW).unwrap();
        assert_eq!(appended.last_offset.0 + 1, self.end());
    }

    fn power_cut(&mut self, seed: u64) {
        self.log = None;
        self.disk.power_cut(seed);
        self.reopen();
        let end = self.log().log_end().offset().0;
        assert!(end >= self.synced && end <= self.end().max(self.start), "{end}");
        self.records.truncate(usize::try_from(end).unwrap());
        while self.end() < end {
            // Records that were deleted before they were synced.
            self.records.push((String::new(), 0, true));
        }
        self.epoch += 1;
    }

    fn check(&mut self) {
        let (start, end) = (self.start, self.end());
        let log = self.log();
        assert_eq!(log.log_start().offset().0, start);
        assert_eq!(log.log_end().offset().0, end);
        let values = read_all(log, start, 200);
        let from = usize::try_from(start).unwrap();
        let want: Vec<&str> = self.records[from..].iter().map(|record| record.0.as_str()).collect();
        assert_eq!(values, want);
        let log = self.log.as_mut().unwrap();
        let max = log
            .max_timestamp(Offset(end))
            .unwrap()
            .map(|found| (found.timestamp.0, found.offset.0));
        let times = || (start..).zip(self.records[from..].iter().map(|record| record.1));
        let want = times().map(|(_, time)| time).max();
        let want = want.and_then(|max| times().find(|(_, time)| *time == max));
        assert_eq!(max, want.map(|(offset, time)| (time, offset)));
        for time in [NOW.0 - 250, NOW.0 - 100, NOW.0 - 5] {
            let found = log.find_by_time(TimestampMs(time), Offset(end)).unwrap();
            let want = times().find(|(_, at)| *at >= time).map(|(offset, _)| offset);
            assert_eq!(found.map(|found| found.offset.0), want);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_a_log_agrees_with_a_list(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.apply(step);
            model.check();
        }
    }
}
