//! What is said about leaders, between the wire and the controller.

use kq_proto::admin::v1;
use kq_proto::admin::v1::leader_place::Place;
use tonic::Status;

use crate::controller::{LeaderRules, Patch, PolicyChange};
use crate::grpc::error::bad_argument;
use crate::grpc::shape::Shapes;
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{Freeze, LeaderPlace, LeaderPolicy, TopicImage, UncleanPolicy};

/// What is said of a topic, or of all, and what is in force.
pub(super) fn told(shapes: &Shapes, topic: Option<&TopicImage>) -> v1::TopicLeaderPolicy {
    let image = &shapes.image;
    let Some(topic) = topic else {
        return v1::TopicLeaderPolicy {
            topic: None,
            in_force: Some(rules(&LeaderRules::of_cluster(image))),
            said: Some(policy(image.leader_policy())),
            freeze: image.freeze().map(|it| freeze(it, true)),
        };
    };
    let own = topic.freeze.as_ref();
    let standing = own.or(image.freeze()).map(|it| freeze(it, own.is_none()));
    v1::TopicLeaderPolicy {
        topic: Some(topic.name.to_string()),
        said: Some(policy(&topic.leader_policy)),
        in_force: Some(rules(&LeaderRules::of(image, topic, &shapes.sources))),
        freeze: standing,
    }
}

fn policy(it: &LeaderPolicy) -> v1::LeaderPolicy {
    v1::LeaderPolicy {
        prefer: it.prefer.as_deref().map(places),
        avoid: it.avoid.as_deref().map(places),
        unclean: it.unclean.map_or(v1::UncleanPolicy::Unspecified, unclean).into(),
        auto_balance: it.auto_balance,
        moves_per_minute: it.moves_per_minute,
        pins: it.pins.iter().map(|(index, broker)| (index.0, broker.0)).collect(),
    }
}

fn rules(it: &LeaderRules) -> v1::LeaderPolicy {
    v1::LeaderPolicy {
        prefer: Some(places(&it.prefer)),
        avoid: Some(places(&it.avoid)),
        unclean: unclean(it.unclean).into(),
        auto_balance: Some(it.auto_balance),
        moves_per_minute: Some(it.moves_per_minute),
        pins: it.pins.iter().map(|(index, broker)| (index.0, broker.0)).collect(),
    }
}

fn freeze(it: &Freeze, of_cluster: bool) -> v1::LeaderFreeze {
    v1::LeaderFreeze {
        reason: it.reason.to_string(),
        since_at_ms: it.since.0,
        until_at_ms: it.until.map(|at| at.0),
        of_cluster,
    }
}

fn places(list: &[LeaderPlace]) -> v1::LeaderPlaces {
    let place = |it: &LeaderPlace| match it {
        LeaderPlace::Broker(id) => Place::Broker(id.0),
        LeaderPlace::Rack(name) => Place::Rack(name.clone()),
    };
    let places = list.iter().map(|it| v1::LeaderPlace { place: Some(place(it)) });
    v1::LeaderPlaces { places: places.collect() }
}

fn unclean(it: UncleanPolicy) -> v1::UncleanPolicy {
    match it {
        UncleanPolicy::Never => v1::UncleanPolicy::Never,
        UncleanPolicy::Manual => v1::UncleanPolicy::Manual,
        UncleanPolicy::Balanced => v1::UncleanPolicy::Balanced,
        UncleanPolicy::Auto => v1::UncleanPolicy::Auto,
    }
}

/// What is asked for: values that are there are set, those that are named are said no more.
pub(super) fn change_of(
    said: v1::LeaderPolicy,
    unset: &[String],
    unpin: &[u32],
) -> Result<PolicyChange, Status> {
    const NAMES: [&str; 5] = ["prefer", "avoid", "unclean", "auto_balance", "moves_per_minute"];
    if let Some(unknown) = unset.iter().find(|it| !NAMES.contains(&it.as_str())) {
        let names = NAMES.join(", ");
        let message = format!("'{unknown}' is nothing that a policy says");
        return Err(bad_argument(message).hint(format!("one of: {names}")).into());
    }
    let wanted = match said.unclean() {
        v1::UncleanPolicy::Unspecified => None,
        v1::UncleanPolicy::Never => Some(UncleanPolicy::Never),
        v1::UncleanPolicy::Manual => Some(UncleanPolicy::Manual),
        v1::UncleanPolicy::Balanced => Some(UncleanPolicy::Balanced),
        v1::UncleanPolicy::Auto => Some(UncleanPolicy::Auto),
    };
    let pins = said.pins.iter().map(|(at, id)| (PartitionIndex(*at), Some(BrokerId(*id))));
    let unpinned = unpin.iter().map(|at| (PartitionIndex(*at), None));
    let is_unset = |name: &str| unset.iter().any(|it| it == name);
    Ok(PolicyChange {
        pins: pins.chain(unpinned).collect(),
        prefer: patch(said.prefer.map(places_of).transpose()?, is_unset("prefer")),
        avoid: patch(said.avoid.map(places_of).transpose()?, is_unset("avoid")),
        unclean: patch(wanted, is_unset("unclean")),
        auto_balance: patch(said.auto_balance, is_unset("auto_balance")),
        moves_per_minute: patch(said.moves_per_minute, is_unset("moves_per_minute")),
    })
}

fn patch<T>(value: Option<T>, is_unset: bool) -> Patch<T> {
    match value {
        Some(value) => Patch::Set(value),
        None if is_unset => Patch::Unset,
        None => Patch::Keep,
    }
}

fn places_of(list: v1::LeaderPlaces) -> Result<Vec<LeaderPlace>, Status> {
    let place = |it: v1::LeaderPlace| match it.place {
        Some(Place::Broker(id)) => Ok(LeaderPlace::Broker(BrokerId(id))),
        Some(Place::Rack(name)) => Ok(LeaderPlace::Rack(name)),
        None => Err(bad_argument("a place names neither a broker nor a rack").into()),
    };
    list.places.into_iter().map(place).collect()
}
