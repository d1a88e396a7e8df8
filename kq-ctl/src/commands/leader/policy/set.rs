//! `kq-ctl leader policy set TOPIC.. --prefer rack=a --unclean manual`

use std::collections::BTreeMap;

use kq_proto::admin::v1;
use kq_proto::admin::v1::leader_place::Place;

use super::{Targets, changed};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_POLICY_CHANGE, Schema};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Unclean {
    /// The partition waits; an operator who wants otherwise changes this first
    Never,
    /// The partition waits until an operator elects a leader
    Manual,
    /// The replica that lacks least leads as soon as it is back
    Balanced,
    /// The live replica that lacks least leads at once: records may be lost
    Auto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    /// Where leaders should be, the best place first, as rack=a,b or broker=1,2; may be given again
    #[arg(long, value_name = "PLACE,..", value_parser = places)]
    prefer: Vec<Places>,
    /// Where they should be only when nobody else can lead
    #[arg(long, value_name = "PLACE,..", value_parser = places)]
    avoid: Vec<Places>,
    /// What happens when nobody in sync is left
    #[arg(long, value_enum, value_name = "POLICY")]
    unclean: Option<Unclean>,
    /// Whether leaders go back to where they are preferred by themselves
    #[arg(long, value_enum, value_name = "SWITCH")]
    auto_balance: Option<Switch>,
    /// How many leaders a minute that may move
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(1..=100_000_u32))]
    max_per_minute: Option<u32>,
    /// The leader of one partition before all else, as 0=2; 0= takes the pin away
    #[arg(long, value_name = "P=ID", value_parser = pin)]
    pin: Vec<(u32, Option<u32>)>,
    /// Say no more: prefer, avoid, unclean, auto-balance, max-per-minute
    #[arg(long, value_name = "WHAT,..", value_delimiter = ',', value_parser = unset)]
    unset: Vec<String>,
    #[command(flatten)]
    change: cli::Change,
}

/// Racks and brokers, the best one first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places(Vec<v1::LeaderPlace>);

/// Reads `rack=a,b,broker=1`: what names no kind is of the kind before it.
fn places(text: &str) -> Result<Places, String> {
    let accepted = || "write rack=NAME,.. or broker=ID,..".to_owned();
    let mut last = "";
    let mut all = Vec::new();
    for item in text.split(',') {
        let (kind, name) = item.split_once('=').unwrap_or((last, item));
        let place = match kind {
            "rack" if !name.is_empty() => Place::Rack(name.to_owned()),
            "broker" => Place::Broker(name.parse().map_err(|_| accepted())?),
            _ => return Err(accepted()),
        };
        last = kind;
        all.push(v1::LeaderPlace { place: Some(place) });
    }
    Ok(Places(all))
}

fn pin(text: &str) -> Result<(u32, Option<u32>), String> {
    let accepted = || "write PARTITION=BROKER, as 0=2, or 0= to take the pin away".to_owned();
    let (partition, broker) = text.split_once('=').ok_or_else(accepted)?;
    let partition = partition.parse().map_err(|_| accepted())?;
    match broker {
        "" => Ok((partition, None)),
        broker => Ok((partition, Some(broker.parse().map_err(|_| accepted())?))),
    }
}

fn unset(text: &str) -> Result<String, String> {
    match text {
        "prefer" | "avoid" | "unclean" => Ok(text.to_owned()),
        "auto-balance" => Ok("auto_balance".to_owned()),
        "max-per-minute" => Ok("moves_per_minute".to_owned()),
        _ => Err("one of: prefer, avoid, unclean, auto-balance, max-per-minute".to_owned()),
    }
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_POLICY_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let change = said(args);
    let unpin: Vec<u32> =
        args.pin.iter().filter(|(_, broker)| broker.is_none()).map(|(at, _)| *at).collect();
    if change == v1::LeaderPolicy::default() && args.unset.is_empty() && unpin.is_empty() {
        return Err(Failure::usage("nothing to say is named").hint(
            "--prefer rack=a, --avoid broker=3, --unclean manual, --auto-balance on, --pin 0=2",
        ));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let targets = args.targets.find(cluster.as_ref()).await?;
    if args.unclean == Some(Unclean::Auto) && !args.change.dry_run {
        let what = "let replicas lead by themselves that may lack acknowledged records".to_owned();
        session.consent(&args.change.consent, &Danger { what, word: None }).await?;
    }
    let request = v1::SetLeaderPolicyRequest {
        targets: Some(targets),
        change: Some(change),
        unset: args.unset.clone(),
        unpin,
        intent: Some(args.change.intent()),
    };
    let answer = cluster.set_leader_policy(request).await?;
    Ok(changed(&answer.policies, answer.errors, (&args.change, "changed")))
}

fn said(args: &Args) -> v1::LeaderPolicy {
    let list = |said: &[Places]| {
        let places: Vec<_> = said.iter().flat_map(|it| it.0.iter().cloned()).collect();
        (!places.is_empty()).then_some(v1::LeaderPlaces { places })
    };
    let unclean = match args.unclean {
        None => v1::UncleanPolicy::Unspecified,
        Some(Unclean::Never) => v1::UncleanPolicy::Never,
        Some(Unclean::Manual) => v1::UncleanPolicy::Manual,
        Some(Unclean::Balanced) => v1::UncleanPolicy::Balanced,
        Some(Unclean::Auto) => v1::UncleanPolicy::Auto,
    };
    let pins: BTreeMap<u32, u32> =
        args.pin.iter().filter_map(|(at, broker)| Some((*at, (*broker)?))).collect();
    v1::LeaderPolicy {
        prefer: list(&args.prefer),
        avoid: list(&args.avoid),
        unclean: unclean.into(),
        auto_balance: args.auto_balance.map(|it| it == Switch::On),
        moves_per_minute: args.max_per_minute,
        pins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_kind_need_name_it_once() {
        let rack = |name: &str| v1::LeaderPlace { place: Some(Place::Rack(name.to_owned())) };
        let broker = |id| v1::LeaderPlace { place: Some(Place::Broker(id)) };
        let told = places("rack=a,b,broker=2,1").map(|it| it.0);
        assert_eq!(told, Ok(vec![rack("a"), rack("b"), broker(2), broker(1)]));
        for wrong in ["a", "rack=", "broker=x", "rak=a", "rack=a,,b", "broker=1,b"] {
            assert!(places(wrong).is_err(), "{wrong}");
        }
    }
}
