//! What was written, acknowledged and read, and what it must add up to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::output;

/// A partition, by the name of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) topic: &'static str,
    pub(crate) index: i32,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.index)
    }
}

/// A record: who wrote it, and the how manieth of his to this partition it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) producer: u32,
    pub(crate) serial: u32,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.producer, self.serial)
    }
}

impl Mark {
    /// A mark in the value of a record, which is filled up to `size` bytes.
    pub(crate) fn value(self, size: usize) -> Vec<u8> {
        let mut value = self.to_string().into_bytes();
        value.push(b' ');
        value.resize(size.max(value.len()), b'.');
        value
    }

    /// The mark in a value.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let text = value.split(|it| *it == b' ').next()?;
        let (producer, serial) = std::str::from_utf8(text).ok()?.split_once('.')?;
        Some(Self { producer: producer.parse().ok()?, serial: serial.parse().ok()? })
    }
}

/// What all clients together know.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// What stands where, as an acknowledgement or a read has told.
    known: BTreeMap<(Slot, i64), Mark>,
    /// How many records of a producer are acknowledged: always all up to the last one.
    acked: BTreeMap<(Slot, u32), u32>,
    /// Topics whose creation was acknowledged.
    topics: Vec<String>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) broken: Vec<String>,
    pub(crate) now: Duration,
    trace: u64,
    is_told: bool,
}

impl History {
    pub(crate) fn new(is_told: bool) -> Self {
        Self { trace: 0xcbf2_9ce4_8422_2325, is_told, ..Self::default() }
    }

    /// Something happened: it is part of the trace that two runs of one seed must agree on.
    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        let line = format!("{:>9.3}s {what}", self.now.as_secs_f64());
        for byte in line.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.is_told {
            output::log(&line);
        }
    }

    /// One more of a kind.
    pub(crate) fn count(&mut self, kind: &'static str, by: u64) {
        *self.counts.entry(kind).or_default() += by;
    }

    pub(crate) fn counted(&self, kind: &str) -> u64 {
        self.counts.get(kind).copied().unwrap_or(0)
    }

    /// A promise is broken.
    pub(crate) fn broke(&mut self, rule: &str, what: fmt::Arguments<'_>) {
        /// More of them say nothing new.
        const TOLD_MAX: usize = 12;
        self.note(format_args!("BROKEN {rule}: {what}"));
        if self.broken.len() < TOLD_MAX {
            self.broken.push(format!("{rule} at {:.3}s: {what}", self.now.as_secs_f64()));
        }
    }

    /// A record stands at an offset, as somebody was told.
    fn stands(&mut self, slot: Slot, offset: i64, mark: Mark, who: &str) {
        match self.known.insert((slot, offset), mark) {
            Some(other) if other != mark => self.broke(
                "D3",
                format_args!("{slot}@{offset} holds {mark} by {who}, and held {other}"),
            ),
            Some(_) | None => {}
        }
    }

    /// A producer was told that its records up to `last` are committed.
    pub(crate) fn acked(&mut self, slot: Slot, first: Mark, last: Mark, base_offset: Option<i64>) {
        self.note(format_args!("{slot} acked {first}..={last} at {base_offset:?}"));
        self.count("acked", u64::from(last.serial - first.serial) + 1);
        for serial in first.serial..=last.serial {
            if let Some(base) = base_offset {
                let offset = base + i64::from(serial - first.serial);
                self.stands(slot, offset, Mark { serial, ..first }, "an acknowledgement");
            }
        }
        self.acked.insert((slot, first.producer), last.serial + 1);
    }

    /// A consumer has read a record.
    pub(crate) fn read(&mut self, slot: Slot, offset: i64, mark: Mark) {
        self.count("read", 1);
        self.stands(slot, offset, mark, "a read");
    }

    /// A topic is there, its maker was told.
    pub(crate) fn made_topic(&mut self, name: String) {
        self.topics.push(name);
    }

    pub(crate) fn topics(&self) -> &[String] {
        &self.topics
    }

    /// A partition as it stands in the end, from its first offset: nothing known is missing or
    /// different, nothing is there twice, and each producer's records are in their order.
    pub(crate) fn judge(&mut self, slot: Slot, log: &[(i64, Mark)]) {
        let stands: BTreeMap<i64, Mark> = log.iter().copied().collect();
        let known: Vec<(i64, Mark)> = self
            .known
            .range((slot, 0)..=(slot, i64::MAX))
            .map(|((_, offset), mark)| (*offset, *mark))
            .collect();
        for (offset, mark) in known {
            let found = stands.get(&offset).copied();
            if found != Some(mark) {
                let found = found.map_or_else(|| "nothing".to_owned(), |it| it.to_string());
                self.broke("D3", format_args!("{slot}@{offset} was {mark} and is {found}"));
            }
        }
        let mut next = BTreeMap::<u32, u32>::new();
        for (offset, mark) in log {
            let expected = next.entry(mark.producer).or_default();
            if mark.serial != *expected {
                let expected = *expected;
                self.broke(
                    "T1",
                    format_args!("{slot}@{offset} holds {mark}, expected serial {expected}"),
                );
            }
            next.insert(mark.producer, mark.serial + 1);
        }
        let acked: Vec<(u32, u32)> = self
            .acked
            .range((slot, 0)..=(slot, u32::MAX))
            .map(|((_, producer), end)| (*producer, *end))
            .collect();
        for (producer, end) in acked {
            let held = next.get(&producer).copied().unwrap_or(0);
            if held < end {
                self.broke(
                    "D1",
                    format_args!("{slot} lost records {held}..{end} of producer {producer}"),
                );
            }
        }
    }

    /// The hash of all that happened.
    pub(crate) fn trace(&self) -> u64 {
        self.trace
    }
}
