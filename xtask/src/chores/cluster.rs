//! `cargo xtask cluster`: clusters of real processes for hands and scripts.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::cli::{ClusterVerb, Format, UpArgs};
use crate::clock::pause;
use crate::cluster::{self, ClusterState, Keep, Plan, Standing};
use crate::output::{draw, note, say};
use crate::programs::{Profile, programs};
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
        ClusterVerb::Kill { id, at } => cluster::existing(&at.name)?.broker(id)?.kill()?,
        ClusterVerb::Pause { id, at } => signal(&at.name, id, Signal::STOP)?,
        ClusterVerb::Resume { id, at } => signal(&at.name, id, Signal::CONT)?,
        ClusterVerb::Restart { id, at } => {
            cluster::restart(&mut cluster::existing(&at.name)?, id)?;
            note(format_args!("broker {id} is ready"));
        }
        ClusterVerb::Logs { id, follow, at } => {
            logs(&cluster::existing(&at.name)?, id, follow)?;
        }
    }
    Ok(true)
}

fn up(args: UpArgs) -> Result<()> {
    let plan = Plan {
        name: args.at.name,
        brokers: args.brokers,
        base_port: args.base_port,
        settings: args.set,
        data_dir: None,
    };
    plan.verify()?;
    let profile = if args.release { Profile::Release } else { Profile::Debug };
    let cluster = cluster::up(&plan, &programs(profile)?)?;
    note(format_args!("cluster {} is up", cluster.name));
    say(&cluster.bootstrap);
    Ok(())
}

fn signal(name: &str, id: u32, signal: Signal) -> Result<()> {
    cluster::existing(name)?.broker(id)?.signal(signal)
}

fn status(cluster: &ClusterState, format: Format) -> Result<()> {
    match format {
        Format::Json => say(serde_json::to_string(&cluster.to_json())?),
        Format::Table => {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::NOTHING);
            table.set_header(["BROKER", "STATE", "PID", "ADDRESS", "DATA"]);
            for broker in &cluster.brokers {
                let pid = broker.process().map_or_else(|| "-".to_owned(), |it| it.pid.to_string());
                table.add_row([
                    broker.id.to_string(),
                    broker.standing().word().to_owned(),
                    pid,
                    broker.address.clone(),
                    broker.data_dir.display().to_string(),
                ]);
            }
            say(table);
        }
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
