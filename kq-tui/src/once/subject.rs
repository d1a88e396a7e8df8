//! What one frame is about: named on the command line, and looked for in what was told.

use crate::args::Args;
use crate::exit::{Exit, Failure};
use crate::model::tail::Phase;
use crate::model::{Place, Screen, State, Subject};

/// Where a screen that has no digit is: what it is about has to be named.
pub(super) fn place(screen: Screen, of: Option<&str>) -> Result<Place, Failure> {
    match (screen, of) {
        (Screen::Members, None) => Err(Failure::usage("--screen members wants a group: --of NAME")),
        (Screen::Members, Some(group)) => {
            Ok(Place { group: Some(group.to_owned()), ..Place::of(screen) })
        }
        (Screen::Tail, None) => {
            Err(Failure::usage("--screen tail wants a topic or partition: --of orders or orders/3"))
        }
        (Screen::Tail, Some(name)) => Ok(Place::about(screen, read(name))),
        (_, None) => Ok(Place::about(screen, Subject::Cluster)),
        (_, Some(name)) => {
            let id = name.strip_prefix('b').and_then(|id| id.parse().ok());
            let topic = || Subject::Topic(name.to_owned());
            Ok(Place::about(screen, id.map_or_else(topic, Subject::Broker)))
        }
    }
}

/// `orders/3` is a partition: no topic's name has a stroke in it.
fn read(name: &str) -> Subject {
    let partition = name
        .rsplit_once('/')
        .and_then(|(topic, index)| Some(Subject::Partition(topic.to_owned(), index.parse().ok()?)));
    partition.unwrap_or_else(|| Subject::Topic(name.to_owned()))
}

/// Whether what a screen asks brokers for itself is told, or will not be: a configuration, or the
/// records that are there already.
pub(super) fn is_read(state: &State) -> bool {
    let screen = state.place.screen;
    let configs = || state.configs.is_told || state.configs.failure.is_some();
    let records = || match &state.tail.phase {
        Phase::Broken(_) => true,
        Phase::Following => state.tail.places.has_backlog(),
        Phase::Idle | Phase::Ends => false,
    };
    (screen != Screen::Configs || configs()) && (screen != Screen::Tail || records())
}

/// A screen of all there is takes no name.
pub(super) fn check(args: &Args) -> Result<(), Failure> {
    let screen = args.screen.unwrap_or(Screen::Overview);
    if args.of.is_none() || screen.digit().is_none() {
        return Ok(());
    }
    let instead = if screen == Screen::Groups { "members" } else { "members or configs" };
    let name = screen.name();
    Err(Failure::usage(format!("--of: --screen {name} is of all there is, and takes no name"))
        .hint(format!("--screen {instead} is about one: kq-tui --once --screen members --of NAME")))
}

/// Why a frame of what was named would say nothing: it is not there, or nobody tells of it. None where
/// it is there, or where it is not known whether it is.
pub(super) fn missing(state: &State) -> Option<Failure> {
    match &state.place.subject {
        Some(Subject::Topic(name)) if state.facts.topics.named(name).is_none() => {
            let why = format!("--of: topic '{name}' does not exist");
            Some(Failure::new(Exit::NotFound, why).hint("kq-tui --once --screen topics shows all"))
        }
        Some(Subject::Partition(name, index))
            if state.facts.topics.partition_named(name, *index).is_none() =>
        {
            let why = format!("--of: partition {name}/{index} does not exist");
            Some(Failure::new(Exit::NotFound, why).hint("kq-tui --once --screen partitions"))
        }
        Some(Subject::Broker(id)) if !state.facts.brokers.contains_key(id) => {
            let why = format!("--of: no broker with id {id} is registered");
            Some(Failure::new(Exit::NotFound, why).hint("kq-tui --once --screen brokers shows all"))
        }
        Some(_) => unread(state),
        None => group(state),
    }
}

/// A configuration or records that could not be asked for.
fn unread(state: &State) -> Option<Failure> {
    if let (Screen::Tail, Phase::Broken(why)) = (state.place.screen, &state.tail.phase) {
        return Some(Failure::new(Exit::Failed, format!("the records were not told: {why}")));
    }
    let is_unread = state.place.screen == Screen::Configs && !state.configs.is_told;
    let why = state.configs.failure.as_ref().filter(|_| is_unread)?;
    Some(Failure::new(Exit::Failed, format!("the configuration was not told: {why}")))
}

fn group(state: &State) -> Option<Failure> {
    let name = state.place.group.as_ref()?;
    let facts = &state.facts;
    let all_are_told = facts.told.groups && facts.groups_missing.is_empty();
    if all_are_told && !facts.groups.contains_key(name) {
        let why = format!("--of: group '{name}' does not exist");
        let hint = "kq-tui --once --screen groups shows all";
        return Some(Failure::new(Exit::NotFound, why).hint(hint));
    }
    let why = &facts.group_named(name)?.error;
    let is_told = why.is_empty();
    (!is_told).then(|| Failure::new(Exit::Failed, format!("group '{name}' was not told: {why}")))
}
