//! What a run is exposed to: a named scenario says what may happen, the seed draws how much of it.

use std::time::Duration;

use kq_broker::group::{GroupId, Migration};

use crate::rng::Rng;

/// Something that happens to the cluster or to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another broker leads, with some of what was not committed.
    FailOver,
    /// The leader cannot tell what became of its writes, and leads on.
    Unknown,
    /// Too few replicas are in sync, for a while.
    Thin,
    /// A member's process ends without a word; a static one may be started again.
    Crash,
    /// Another process starts under the instance of one that lives.
    Twin,
    /// A member says good-bye.
    Leave,
    /// A member is not heard of for a while.
    Pause,
    /// A topic is made anew, or gone.
    Topic,
    /// An operator deletes a group or some of its offsets.
    Delete,
    /// A member of the consumer protocol asks for other topics.
    Subscribe,
}

impl Fault {
    const ALL: &[Self] = &[
        Self::FailOver,
        Self::Unknown,
        Self::Thin,
        Self::Crash,
        Self::Twin,
        Self::Leave,
        Self::Pause,
        Self::Topic,
        Self::Delete,
        Self::Subscribe,
    ];
}

/// A kind of weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    faults: &'static [Fault],
    bad_network: bool,
    /// Members have instances.
    statics: bool,
    /// Offsets are kept for seconds.
    lapses: bool,
    /// Which protocols groups speak.
    speak: &'static [Speak],
}

/// What the members of a group speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speak {
    Classic,
    Consumer,
    /// Either, each process as it was started: the group changes its protocol while it lives.
    Both,
}

/// All of them; `groups-everything` first, since most runs are of it.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "groups-everything",
        faults: Fault::ALL,
        bad_network: true,
        statics: true,
        lapses: false,
        speak: &[Speak::Classic, Speak::Consumer, Speak::Both],
    },
    Scenario {
        name: "groups-failover",
        faults: &[Fault::FailOver, Fault::Unknown, Fault::Thin, Fault::Pause],
        bad_network: false,
        statics: false,
        lapses: false,
        speak: &[Speak::Classic],
    },
    Scenario {
        name: "groups-network",
        faults: &[Fault::Pause, Fault::Leave, Fault::FailOver],
        bad_network: true,
        statics: false,
        lapses: false,
        speak: &[Speak::Classic],
    },
    Scenario {
        name: "groups-statics",
        faults: &[Fault::Crash, Fault::Twin, Fault::FailOver, Fault::Thin, Fault::Unknown],
        bad_network: false,
        statics: true,
        lapses: false,
        speak: &[Speak::Classic],
    },
    Scenario {
        name: "groups-topics",
        faults: &[Fault::Topic, Fault::Delete, Fault::FailOver, Fault::Thin, Fault::Leave],
        bad_network: false,
        statics: false,
        lapses: false,
        speak: &[Speak::Classic],
    },
    Scenario {
        name: "groups-expiry",
        faults: &[Fault::FailOver, Fault::Thin, Fault::Leave, Fault::Crash, Fault::Delete],
        bad_network: false,
        statics: false,
        lapses: true,
        speak: &[Speak::Classic],
    },
    Scenario {
        name: "groups-epochs",
        faults: &[Fault::FailOver, Fault::Unknown, Fault::Thin, Fault::Pause, Fault::Subscribe],
        bad_network: true,
        statics: false,
        lapses: false,
        speak: &[Speak::Consumer],
    },
    Scenario {
        name: "groups-handover",
        faults: &[Fault::Leave, Fault::Crash, Fault::Subscribe, Fault::Topic, Fault::FailOver],
        bad_network: false,
        statics: false,
        lapses: false,
        speak: &[Speak::Consumer],
    },
    Scenario {
        name: "groups-instances",
        faults: &[Fault::Crash, Fault::Twin, Fault::Leave, Fault::FailOver, Fault::Thin],
        bad_network: false,
        statics: true,
        lapses: false,
        speak: &[Speak::Consumer, Speak::Both],
    },
    Scenario {
        name: "groups-migration",
        faults: &[
            Fault::Crash,
            Fault::Leave,
            Fault::FailOver,
            Fault::Unknown,
            Fault::Thin,
            Fault::Pause,
            Fault::Delete,
        ],
        bad_network: true,
        statics: true,
        lapses: false,
        speak: &[Speak::Both],
    },
];

impl Scenario {
    pub(crate) fn named(name: &str) -> Option<Self> {
        SCENARIOS.iter().copied().find(|it| it.name == name)
    }

    fn consumer_percent(self, rng: &mut Rng) -> u64 {
        match rng.pick(self.speak) {
            None | Some(Speak::Classic) => 0,
            Some(Speak::Consumer) => 100,
            Some(Speak::Both) => rng.within(20, 80),
        }
    }

    /// Half of the runs meet everything; the others share the rest.
    pub(crate) fn usual(seed: u64) -> Self {
        let others = SCENARIOS.len() - 1;
        let at = usize::try_from(seed / 2).unwrap_or(0) % others;
        if seed.is_multiple_of(2) { SCENARIOS[1 + at] } else { SCENARIOS[0] }
    }
}

/// One run's share of everything.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub(crate) faults: Vec<Fault>,
    /// Milliseconds from one fault to the next, on average.
    pub(crate) fault_every: u64,
    pub(crate) delay_max: u64,
    pub(crate) drop_percent: u64,
    pub(crate) duplicate_percent: u64,
    /// Milliseconds until what was appended is committed, at most.
    pub(crate) commit_max: u64,
    /// How long a leader goes on after its time, at most.
    pub(crate) zombie_max: u64,
    pub(crate) static_percent: u64,
    /// How many of the processes of each group speak the consumer protocol.
    consumer_percents: [u64; 2],
    pub(crate) migration: Migration,
    pub(crate) rack_percent: u64,
    /// Brokers of another version lead at times.
    pub(crate) foreign: bool,
    pub(crate) retention: Duration,
    /// Milliseconds from one commit of a member to the next, on average.
    pub(crate) think: u64,
    /// How many of the comparisons with the log look at every group.
    pub(crate) thorough_percent: u64,
}

impl Weather {
    /// How many of the processes of this group speak the consumer protocol.
    pub(crate) fn consumer_percent(&self, group: &GroupId) -> u64 {
        self.consumer_percents[usize::from(group.as_str() == "g2")]
    }

    pub(crate) fn draw(scenario: Scenario, rng: &mut Rng) -> Self {
        let share = rng.within(30, 100);
        let mut faults: Vec<Fault> =
            scenario.faults.iter().copied().filter(|_| rng.percent(share)).collect();
        if faults.is_empty() {
            faults.extend(rng.pick(scenario.faults));
        }
        let bad = |rng: &mut Rng, max| if scenario.bad_network { rng.below(max) } else { 0 };
        let day = Duration::from_hours(24);
        Self {
            faults,
            fault_every: rng.within(300, 4_000),
            delay_max: 5 + bad(rng, 400),
            drop_percent: bad(rng, 10),
            duplicate_percent: bad(rng, 10),
            commit_max: if rng.percent(50) { 20 } else { rng.within(20, 2_000) },
            zombie_max: rng.within(10, 4_000),
            static_percent: if scenario.statics { rng.within(30, 100) } else { 0 },
            consumer_percents: [(); 2].map(|()| scenario.consumer_percent(rng)),
            migration: if rng.percent(70) {
                Migration::Bidirectional
            } else {
                rng.pick(&Migration::ALL).unwrap_or(Migration::Bidirectional)
            },
            rack_percent: if rng.percent(30) { 70 } else { 0 },
            foreign: rng.percent(30),
            retention: if scenario.lapses {
                Duration::from_millis(rng.within(500, 8_000))
            } else {
                day
            },
            think: rng.within(50, 1_500),
            thorough_percent: rng.within(1, 10),
        }
    }
}
