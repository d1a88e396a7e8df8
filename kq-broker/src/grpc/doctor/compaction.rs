//! D024: logs that are due for compaction and are left, on each broker that has one.

use kq_proto::admin::v1::{CompactionStall, Finding, Severity, StalledCompaction};

use super::{Exam, finding};

/// Findings told at most for one broker: a cleaner that is off leaves every log.
const PER_BROKER_MAX: usize = 20;

pub(super) fn stalled(exam: &Exam) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in exam.shapes.figures.answers() {
        let rows = told.stalled_compactions.iter().take(PER_BROKER_MAX);
        found.extend(rows.map(|row| stalled_row(told.broker, row, told.now_ms)));
    }
    found
}

fn stalled_row(broker: u32, row: &StalledCompaction, now_ms: i64) -> Finding {
    let StalledCompaction { topic, partition, why, .. } = row;
    let stall = CompactionStall::try_from(row.stall).unwrap_or_default();
    let (severity, what) = match stall {
        CompactionStall::Uncleanable => (Severity::Error, "its log cannot be compacted"),
        CompactionStall::NoRoom => (Severity::Warn, "compaction has no room to write"),
        CompactionStall::Off => (Severity::Warn, "nobody compacts it"),
        CompactionStall::Waits | CompactionStall::Unspecified => {
            (Severity::Warn, "compaction does not keep up")
        }
    };
    let fix = match stall {
        CompactionStall::NoRoom => format!("kq-ctl broker describe {broker}"),
        CompactionStall::Off => {
            format!("set log.cleaner.enable=true on broker {broker} and restart it")
        }
        CompactionStall::Uncleanable => format!("kq-ctl partition describe {topic}/{partition}"),
        CompactionStall::Waits | CompactionStall::Unspecified => {
            format!("raise log.cleaner.io.max.bytes.per.second on broker {broker}")
        }
    };
    let minutes = (now_ms - row.since_at_ms).max(0) / 60_000;
    let mut evidence = format!("broker {broker}: due for {minutes} min");
    if row.dirty_bytes > 0 {
        evidence = format!("{evidence}, {} MiB dirty", row.dirty_bytes >> 20);
    }
    if !why.is_empty() {
        evidence = format!("{evidence}: {why}");
    }
    finding(("D024", severity), format!("{topic}/{partition}"), (what, evidence), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stall: CompactionStall, why: &str) -> StalledCompaction {
        StalledCompaction {
            topic: "prices".to_owned(),
            partition: 3,
            stall: stall.into(),
            why: why.to_owned(),
            since_at_ms: 60_000,
            dirty_bytes: 5 << 20,
        }
    }

    #[test]
    fn a_stalled_log_is_told_with_its_reason_and_a_way_out() {
        let damaged =
            stalled_row(2, &row(CompactionStall::Uncleanable, "crc is wrong"), 31 * 60_000);
        assert_eq!((damaged.check.as_str(), damaged.subject.as_str()), ("D024", "prices/3"));
        assert_eq!(damaged.severity(), Severity::Error);
        assert_eq!(damaged.evidence, "broker 2: due for 30 min, 5 MiB dirty: crc is wrong");
        let off = stalled_row(2, &row(CompactionStall::Off, ""), 0);
        assert_eq!(off.severity(), Severity::Warn);
        assert_eq!(off.evidence, "broker 2: due for 0 min, 5 MiB dirty");
        for stall in [
            CompactionStall::Uncleanable,
            CompactionStall::NoRoom,
            CompactionStall::Off,
            CompactionStall::Waits,
        ] {
            assert!(!stalled_row(2, &row(stall, ""), 0).fix.is_empty());
        }
    }
}
