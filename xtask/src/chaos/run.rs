//! One run: a cluster, its clients, the schedule, the verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};

use super::clients::{Clients, Target, ends, read_all};
use super::history::Partition;
use super::replicas;
use super::schedule::{Bounds, Fault, Step, draw, one_way, power_cuts};
use super::world::{NAME, World};
use crate::cli::{ChaosArgs, Scenario};
use crate::cluster::Keep;
use crate::output::{note, say};
use crate::programs::{Profile, programs};
use crate::{clock, signals};

/// Partitions of the topic; each broker leads some.
const PARTITIONS: i32 = 6;

/// Copies of each, where there are brokers enough.
const REPLICAS: u32 = 3;

/// How often clients and brokers are looked at between two steps.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// L2: all replicas are in sync so long after the last fault.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// Everything sent is acknowledged, and everything read, so long after that.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);

/// A part of the brokers that cannot be reached stops writes for so long at most.
const STALL_MAX: Duration = Duration::from_secs(12);

/// What a run was, for its last line.
#[derive(Debug, Default)]
struct Figures {
    faults: BTreeMap<Fault, u64>,
    acked: u64,
    found: u64,
    reads: u64,
    bytes: u64,
    whole_after: Duration,
    longest_stall: Duration,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Diary {
    figures: Figures,
    done: String,
}

/// Runs it; whether every promise was kept.
pub(crate) fn run(args: &ChaosArgs) -> Result<bool> {
    let interrupted = signals::interrupted()?;
    let seed = args.seed.map_or_else(any_seed, Ok)?;
    let no_power =
        if args.no_power_cuts { Some("not wanted".to_owned()) } else { World::no_power() };
    if let Some(why) = &no_power {
        note(format_args!("no power cuts: {why}"));
    }
    let profile = if args.release { Profile::Release } else { Profile::Debug };
    let programs = programs(profile)?;
    let mut world = World::up(args, no_power.is_none(), &programs)?;
    let bounds = Bounds { brokers: args.brokers, length: args.length(), power: world.has_power() };
    let (course, steps) = match args.scenario {
        None => (format!("seed {seed}, {} min", args.minutes), draw(seed, bounds)),
        Some(Scenario::OneWay) => ("one-way cuts".to_owned(), one_way(args.brokers)),
        Some(Scenario::PowerCuts) => {
            let course = format!("power cuts, seed {seed}, {} min", args.minutes);
            (course, power_cuts(seed, bounds))
        }
    };
    let title = format!("chaos {course}, {} brokers", args.brokers);
    note(format_args!("{title}, {} steps", steps.len()));
    let mut diary = Diary::default();
    let mut ended = go(&mut world, &steps, &interrupted, &mut diary);
    if args.scenario == Some(Scenario::OneWay) && ended.is_ok() {
        ended = verify_progress(&diary.figures);
    }
    match ended {
        Ok(()) => {
            say(format_args!("{title}: {}", diary.figures));
            if 0 < world.forced_stops {
                let forced = world.forced_stops;
                note(format_args!("{forced} brokers did not stop by themselves within 20 s"));
            }
            Ok(true)
        }
        Err(fault) => {
            world.keep = Keep::All;
            let file = World::folder().join("schedule.txt");
            let text = format!("{title}\n{}\n{fault:#}\n", diary.done);
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
            say(format_args!("{title}: FAILED: {fault:#}"));
            say(format_args!(
                "what was done is in {}; the brokers' logs and data are beside it",
                file.display()
            ));
            Ok(false)
        }
    }
}

/// Where most brokers reach one another, writes go on.
fn verify_progress(figures: &Figures) -> Result<()> {
    let stall = figures.longest_stall;
    ensure!(stall <= STALL_MAX, "L1: a partition took no writes for {stall:?}");
    Ok(())
}

fn any_seed() -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "any number will do, and it is told")]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::from(since.subsec_nanos()) % 1_000_000)
}

fn go(
    world: &mut World,
    steps: &[Step],
    interrupted: &AtomicBool,
    diary: &mut Diary,
) -> Result<()> {
    let brokers = u32::try_from(world.cluster.brokers.len())?;
    let copies = REPLICAS.min(brokers);
    let min_isr = format!("min.insync.replicas={}", copies.div_ceil(2));
    let (partitions, copies) = (PARTITIONS.to_string(), copies.to_string());
    // Small segments, so that there are many.
    let config = ["-c", &min_isr, "-c", "segment.bytes=1048576"];
    let create = ["topic", "create", NAME, "-p", &partitions, "-r", &copies];
    world.ctl(&[create.as_slice(), config.as_slice()].concat())?;
    world.wait_whole(WHOLE_WITHIN)?;
    let target =
        Target { bootstrap: world.cluster.bootstrap.clone(), topic: NAME, partitions: PARTITIONS };
    let mut clients = Clients::start(&target);
    strike(world, &clients, steps, interrupted, diary)?;
    ensure!(!signals::is_set(interrupted), "interrupted");
    let mended = clock::now();
    world.mend()?;
    world.wait_whole(WHOLE_WITHIN)?;
    diary.figures.whole_after = mended.elapsed();
    clients.stop_writing(CAUGHT_UP_WITHIN)?;
    world.wait_whole(WHOLE_WITHIN)?;
    let views = world.partitions()?;
    let ends = ends(&target, CAUGHT_UP_WITHIN)?;
    clients.stop_reading(&ends, CAUGHT_UP_WITHIN)?;
    clients.verify()?;
    judge(&clients, &target, &ends, &mut diary.figures)?;
    world.verify_alive()?;
    world.stop()?;
    for (view, end) in views.iter().zip(&ends) {
        let dirs: Result<Vec<_>> = view.replicas.iter().map(|id| world.data_dir(*id)).collect();
        diary.figures.bytes += replicas::compare(&dirs?, NAME, view.partition, *end)?;
    }
    Ok(())
}

/// Does every step at its time; fails as soon as something is seen that must not be.
fn strike(
    world: &mut World,
    clients: &Clients,
    steps: &[Step],
    interrupted: &AtomicBool,
    diary: &mut Diary,
) -> Result<()> {
    let begin = clock::now();
    for step in steps {
        while begin.elapsed() < step.at {
            if signals::is_set(interrupted) {
                return Ok(());
            }
            world.verify_alive()?;
            clients.verify()?;
            clock::pause(LOOK_EVERY);
        }
        let line = format!(
            "{:6.1} s  {:>7} acked  {:?}",
            begin.elapsed().as_secs_f64(),
            clients.acked(),
            step.act
        );
        note(&line);
        let _ = writeln!(diary.done, "{line}");
        world.act(&step.act).with_context(|| format!("{:?}", step.act))?;
        if let Some(fault) = step.fault {
            *diary.figures.faults.entry(fault).or_default() += 1;
        }
    }
    Ok(())
}

/// Holds what is there against what was promised and seen.
fn judge(clients: &Clients, target: &Target, ends: &[u64], figures: &mut Figures) -> Result<()> {
    let found = read_all(target, ends)?;
    let (ledger, seen) = (clients.ledger(), clients.seen());
    let mut faults = String::new();
    for (number, (found, (acked, sent))) in
        (0..).zip(found.iter().zip(ledger.acked.iter().zip(&ledger.sent)))
    {
        let at = usize::try_from(number)?;
        let seen = seen.iter().filter_map(|seen| seen.get(at).map(Vec::as_slice)).collect();
        let partition = Partition { number, found, acked, sent: sent.clone(), seen };
        faults += &partition.check();
        figures.found += found.len() as u64;
        figures.reads += partition.seen.iter().map(|it| it.len() as u64).sum::<u64>();
    }
    figures.acked = clients.acked();
    figures.longest_stall = ledger.longest_stall;
    if !faults.is_empty() {
        bail!("{faults}");
    }
    ensure!(0 < figures.acked, "nothing was acknowledged");
    Ok(())
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total: u64 = self.faults.values().sum();
        let kinds: Vec<String> =
            self.faults.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
        write!(
            f,
            "{total} faults ({}), {} records acknowledged, {} found once and in order, {} reads \
             unchanged, {} MB of logs equal on all replicas, in sync {:.1} s after the last \
             fault, longest stall of a partition {:.1} s: ok",
            kinds.join(", "),
            self.acked,
            self.found,
            self.reads,
            self.bytes / 1_000_000,
            self.whole_after.as_secs_f64(),
            self.longest_stall.as_secs_f64()
        )
    }
}
