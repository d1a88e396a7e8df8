//! `cargo xtask cluster`: clusters of real processes for hands and scripts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::cli::{ClusterVerb, Format, UpArgs, Way, Which};
use crate::clock::pause;
use crate::cluster::{self, BrokerState, ClusterState, Keep, Plan, RACKS_DEFAULT, Roles, Standing};
use crate::output::{draw, note, say};
use crate::programs::{Profile, programs};
use crate::relay::{Order, Span};
use crate::signals;

/// How often a followed log is looked at again.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn run(verb: ClusterVerb) -> Result<bool> {
    match verb {
        ClusterVerb::Up(args) => up(args)?,
        ClusterVerb::Down { at, keep_data } => {
            let keep = if keep_data { Keep::All } else { Keep::Nothing };
            cluster::down(&cluster::existing(&at.name)?, keep)?;
            note(format_args!("cluster {} is down", at.name));
        }
        ClusterVerb::Status { at, output } => {
            status(&cluster::existing(&at.name)?, output)?;
        }
        ClusterVerb::Add { rack, at } => add(&at.name, rack.as_deref())?,
        ClusterVerb::Kill(which) => each(&which, BrokerState::kill)?,
        ClusterVerb::Pause(which) => each(&which, |broker| broker.signal(Signal::STOP))?,
        ClusterVerb::Resume(which) => each(&which, |broker| broker.signal(Signal::CONT))?,
        ClusterVerb::Restart(which) => {
            cluster::restart(&mut cluster::existing(&which.at.name)?, &which.ids)?;
            let ids: Vec<String> = which.ids.iter().map(u32::to_string).collect();
            note(format_args!("broker {} is ready", ids.join(", ")));
        }
        ClusterVerb::PartitionOff { id, one_way, from, at } => {
            partition_off(&at.name, id, one_way, from)?;
        }
        ClusterVerb::Slow { id, delay, rate, at } => slow(&at.name, id, delay, rate)?,
        ClusterVerb::Heal { id, at } => heal(&at.name, id)?,
        ClusterVerb::Logs { id, follow, at } => {
            logs(&cluster::existing(&at.name)?, id, follow)?;
        }
    }
    Ok(true)
}

fn up(args: UpArgs) -> Result<()> {
    let before = ClusterState::find(&args.at.name)?;
    let had = before.as_ref().map_or(1, |it| it.brokers.len());
    let brokers = args.brokers.map_or_else(|| u32::try_from(had), Ok)?;
    ensure!(
        had <= usize::try_from(brokers)?,
        "the stopped cluster {name} has {had} brokers; `cargo xtask cluster down --name {name}` \
         removes it",
        name = args.at.name
    );
    let racks = match before {
        _ if !args.racks.is_empty() => args.racks,
        Some(before) if !before.racks.is_empty() => before.racks_taken(),
        _ if brokers == 1 => Vec::new(),
        _ => RACKS_DEFAULT.iter().map(|it| (*it).to_owned()).collect(),
    };
    let plan = Plan {
        name: args.at.name,
        brokers,
        base_port: args.base_port,
        racks,
        relayed: true,
        settings: args.set,
        data_dirs: BTreeMap::new(),
    };
    plan.verify()?;
    let profile = if args.release { Profile::Release } else { Profile::Debug };
    let cluster = cluster::up(&plan, &programs(profile)?)?;
    note(format_args!("cluster {} is up", cluster.name));
    say(&cluster.bootstrap);
    Ok(())
}

fn add(name: &str, rack: Option<&str>) -> Result<()> {
    let mut cluster = cluster::existing(name)?;
    let id = cluster::add(&mut cluster, rack)?;
    note(format_args!("broker {id} is ready"));
    say(&cluster.broker(id)?.address);
    Ok(())
}

fn each(which: &Which, act: impl Fn(&BrokerState) -> Result<()>) -> Result<()> {
    let cluster = cluster::existing(&which.at.name)?;
    which.ids.iter().try_for_each(|id| act(cluster.broker(*id)?))
}

fn partition_off(name: &str, id: u32, one_way: Option<Way>, from: Option<u32>) -> Result<()> {
    let cluster = cluster::existing(name)?;
    cluster.broker(id)?;
    for (way, span) in
        [(Way::Out, Span { from: Some(id), to: from }), (Way::In, Span { from, to: Some(id) })]
    {
        if one_way.is_none_or(|only| only == way) {
            cluster.network(Order::Cut(span))?;
        }
    }
    Ok(())
}

fn slow(name: &str, id: u32, delay: Duration, bytes_per_second: Option<u64>) -> Result<()> {
    let cluster = cluster::existing(name)?;
    cluster.broker(id)?;
    let delay_ms = u64::try_from(delay.as_millis())?;
    for span in [Span::out_of(id), Span::into(id)] {
        cluster.network(Order::Slow { span, delay_ms, bytes_per_second })?;
    }
    Ok(())
}

fn heal(name: &str, id: Option<u32>) -> Result<()> {
    let cluster = cluster::existing(name)?;
    let Some(id) = id else {
        return cluster.network(Order::Heal(Span::ALL)).map(|_| ());
    };
    cluster.broker(id)?;
    for span in [Span::out_of(id), Span::into(id)] {
        cluster.network(Order::Heal(span))?;
    }
    Ok(())
}

fn status(cluster: &ClusterState, format: Format) -> Result<()> {
    let roles = Roles::of(cluster);
    if format == Format::Json {
        say(serde_json::to_string(&cluster.to_json(&roles))?);
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let head = ["BROKER", "STATE", "QUORUM", "LEADS", "RACK", "NETWORK", "PID", "ADDRESS", "DATA"];
    table.set_header(head);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for broker in &cluster.brokers {
        table.add_row([
            broker.id.to_string(),
            broker.standing().word().to_owned(),
            or_none(roles.in_quorum(broker.id).map(str::to_owned)),
            or_none(roles.leads(broker.id).map(|it| it.to_string())),
            or_none(broker.rack.clone()),
            roles.network(broker.id).to_owned(),
            or_none(broker.process().map(|it| it.pid.to_string())),
            broker.address.clone(),
            broker.data_dir.display().to_string(),
        ]);
    }
    say(table);
    if cluster.relay.as_ref().is_some_and(|relay| !relay.is_alive()) {
        note("the relay between the brokers is gone: none reaches another");
    }
    Ok(())
}

/// Prints a broker's log; with `follow` goes on until the broker ends or Ctrl-C.
fn logs(cluster: &ClusterState, id: u32, follow: bool) -> Result<()> {
    let broker = cluster.broker(id)?;
    let path = broker.log_file();
    let mut file =
        fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let interrupted = signals::interrupted()?;
    loop {
        let ended = broker.standing() == Standing::Stopped;
        let mut text = String::new();
        let at = file.stream_position()?;
        if file.read_to_string(&mut text).is_err() {
            file.seek(SeekFrom::Start(at))?;
        }
        draw(&text);
        if !follow || ended || signals::is_set(&interrupted) {
            return Ok(());
        }
        pause(FOLLOW_EVERY);
    }
}
