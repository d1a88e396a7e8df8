//! One run: a cluster, its clients, the schedule, the verdict.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};

use super::clients::{Clients, Target, committed, ends, read_all};
use super::history::Partition;
use super::leaders::changes;
use super::schedule::{Bounds, Step, draw, power_cuts};
use super::stage::{Diary, Stage};
use super::world::{NAME, World};
use super::{coordinators, cuts, plans, replicas, rolling, strikes};
use crate::cli::{ChaosArgs, Scenario};
use crate::cluster::Keep;
use crate::output::{note, say};
use crate::programs::{Profile, programs};
use crate::{clock, signals};

/// Partitions of the topic; each broker leads some.
const PARTITIONS: i32 = 6;

/// Copies of each, where there are brokers enough.
const REPLICAS: u32 = 3;

/// L2: all replicas are in sync so long after the last fault.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// Everything sent is acknowledged, and everything read, so long after that.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);

/// What happens to the cluster.
#[derive(Debug)]
enum Course {
    Strikes(Vec<Step>),
    OneWay,
    Plans,
    Rolling,
    Groups,
}

/// What a run was, for its last line.
#[derive(Debug, Default)]
struct Figures {
    acked: u64,
    found: u64,
    reads: u64,
    commits: u64,
    epochs: usize,
    changes: usize,
    bytes: u64,
    whole_after: Duration,
    longest_stall: Duration,
}

/// Runs it; whether every promise was kept.
pub(crate) fn run(args: &ChaosArgs) -> Result<bool> {
    let interrupted = signals::interrupted()?;
    let seed = args.seed.map_or_else(any_seed, Ok)?;
    let no_power = why_no_power(args);
    if let Some(why) = &no_power {
        note(format_args!("no power cuts: {why}"));
    }
    let profile = if args.release { Profile::Release } else { Profile::Debug };
    let programs = programs(profile)?;
    let mut world = World::up(args, no_power.is_none(), &programs)?;
    let (title, course) = course(args, seed, world.has_power());
    let title = format!("chaos {title}, {} brokers", args.brokers);
    note(&title);
    let (mut diary, mut figures) = (Diary::default(), Figures::default());
    let ended = go(&mut world, (&course, args), &interrupted, (&mut diary, &mut figures));
    conclude(&mut world, &title, ended, (&diary, &figures))
}

/// Why the power of disks is left alone; a course that cuts none needs no disks of its own.
fn why_no_power(args: &ChaosArgs) -> Option<String> {
    match args.scenario {
        None | Some(Scenario::PowerCuts) if args.no_power_cuts => Some("not wanted".to_owned()),
        None | Some(Scenario::PowerCuts) => World::no_power(),
        Some(scenario) => Some(format!("none in {}", scenario.name())),
    }
}

/// What is to happen, and its name.
fn course(args: &ChaosArgs, seed: u64, power: bool) -> (String, Course) {
    let bounds = Bounds { brokers: args.brokers, length: args.length(), power };
    let minutes = args.minutes;
    match args.scenario {
        None => {
            let steps = draw(seed, bounds);
            (format!("seed {seed}, {minutes} min, {} steps", steps.len()), Course::Strikes(steps))
        }
        Some(Scenario::PowerCuts) => {
            let title = format!("power cuts, seed {seed}, {minutes} min");
            (title, Course::Strikes(power_cuts(seed, bounds)))
        }
        Some(Scenario::OneWay) => {
            (format!("one-way cuts of {} s", args.cut.as_secs()), Course::OneWay)
        }
        Some(Scenario::Plans) => (format!("plans, {minutes} min"), Course::Plans),
        Some(Scenario::Rolling) => (format!("rolling restarts, {minutes} min"), Course::Rolling),
        Some(Scenario::Groups) => (format!("groups, {minutes} min"), Course::Groups),
    }
}

/// Says how it ended; what failed is kept to be looked at.
fn conclude(
    world: &mut World,
    title: &str,
    ended: Result<()>,
    (diary, figures): (&Diary, &Figures),
) -> Result<bool> {
    match ended {
        Ok(()) => {
            say(format_args!("{title}: {}", last_line(diary, figures)));
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

fn any_seed() -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "any number will do, and it is told")]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::from(since.subsec_nanos()) % 1_000_000)
}

fn go(
    world: &mut World,
    (course, args): (&Course, &ChaosArgs),
    interrupted: &AtomicBool,
    (diary, figures): (&mut Diary, &mut Figures),
) -> Result<()> {
    let target = create_topic(world)?;
    let mut clients = Clients::start(&target);
    let began = clock::now();
    let mut stage = Stage { world: &mut *world, clients: &clients, diary, interrupted, began };
    match course {
        Course::Strikes(steps) => strikes::strike(&mut stage, steps),
        Course::OneWay => cuts::cut_in_turn(&mut stage, args),
        Course::Plans => plans::carry_out(&mut stage, args),
        Course::Rolling => rolling::roll(&mut stage, args),
        Course::Groups => coordinators::lose(&mut stage, args),
    }?;
    let mended = clock::now();
    world.mend()?;
    world.wait_whole(WHOLE_WITHIN)?;
    figures.whole_after = mended.elapsed();
    clients.stop_writing(CAUGHT_UP_WITHIN)?;
    world.wait_whole(WHOLE_WITHIN)?;
    let views = world.partitions()?;
    let ends = ends(&target, CAUGHT_UP_WITHIN)?;
    clients.stop_reading(&ends, CAUGHT_UP_WITHIN)?;
    clients.verify()?;
    judge(&clients, &target, &ends, figures)?;
    judge_leaders(world, &clients, &target, figures)?;
    world.verify_alive()?;
    world.stop_all()?;
    for (view, end) in views.iter().zip(&ends) {
        let dirs: Result<Vec<_>> = view.replicas.iter().map(|id| world.data_dir(*id)).collect();
        figures.bytes += replicas::compare(&dirs?, NAME, view.partition, *end)?;
    }
    Ok(())
}

/// The topic of all clients.
fn create_topic(world: &World) -> Result<Target> {
    let brokers = u32::try_from(world.cluster.brokers.len())?;
    let copies = REPLICAS.min(brokers);
    let min_isr = format!("min.insync.replicas={}", copies.div_ceil(2));
    let (partitions, copies) = (PARTITIONS.to_string(), copies.to_string());
    // Small segments, so that there are many.
    let config = ["-c", &min_isr, "-c", "segment.bytes=1048576"];
    let create = ["topic", "create", NAME, "-p", &partitions, "-r", &copies];
    world.ctl(&[create.as_slice(), config.as_slice()].concat())?;
    world.wait_whole(WHOLE_WITHIN)?;
    let bootstrap = world.cluster.bootstrap.clone();
    let brokers = world.cluster.brokers.iter().map(|it| (it.id, it.address.clone())).collect();
    Ok(Target { bootstrap, brokers, topic: NAME, partitions: PARTITIONS })
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
    figures.longest_stall = ledger.longest_stall();
    figures.commits = clients.group().commits;
    for (number, (told, end)) in committed(target, CAUGHT_UP_WITHIN)?.iter().zip(ends).enumerate() {
        if 0 < *end && *told != Some(*end) {
            let _ = writeln!(
                faults,
                "G1: the group has committed {end} in partition {number}; told is {told:?}"
            );
        }
    }
    if !faults.is_empty() {
        bail!("{faults}");
    }
    ensure!(0 < figures.acked, "nothing was acknowledged");
    Ok(())
}

/// Holds who was seen to lead against the history.
fn judge_leaders(
    world: &World,
    clients: &Clients,
    target: &Target,
    figures: &mut Figures,
) -> Result<()> {
    let changes = changes(&world.history()?, NAME);
    let leaders = clients.leaders();
    let faults = leaders.check(target.partitions, &changes);
    ensure!(faults.is_empty(), "{faults}");
    (figures.epochs, figures.changes) = (leaders.epochs(), changes.len());
    Ok(())
}

/// What a good run was, in words.
fn last_line(diary: &Diary, figures: &Figures) -> String {
    let total: u64 = diary.faults.values().sum();
    let kinds: Vec<String> =
        diary.faults.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
    let outcome = &diary.outcome;
    let outcome = if outcome.is_empty() { String::new() } else { format!("{outcome}; ") };
    format!(
        "{outcome}{total} faults ({}), {} records acknowledged, {} found once and in order, {} \
         reads unchanged, {} commits of a group kept, one leader in each of {} epochs seen ({} \
         changes of leaders), {} MB of logs equal on all replicas, in sync {:.1} s after the last fault, longest stall of a partition {:.1} s: ok",
        kinds.join(", "),
        figures.acked,
        figures.found,
        figures.reads,
        figures.commits,
        figures.epochs,
        figures.changes,
        figures.bytes / 1_000_000,
        figures.whole_after.as_secs_f64(),
        figures.longest_stall.as_secs_f64()
    )
}
