//! What something is done to: the rows that are marked, else the one with the cursor.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::sheet::{Sheet, Weight};
use crate::model::ctl::Deed;
use crate::model::words::broker;
use crate::model::{RowKey, Screen, State};
use crate::text::{grouped, plural, safe};

/// At most so many partitions are elected, or topics balanced, at once: whoever means more asks kq-ctl.
pub(super) const ROWS_MAX: usize = 100;
/// Longer names are typed by nobody, and leave no room to see what is typed.
const WORD_CHARS_MAX: usize = 40;

/// What a task is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Aim {
    /// Partitions whose preferred replica is to lead.
    Elect(Vec<(String, u32)>),
    /// A broker that is to keep nothing.
    Drain(u32),
    /// A broker that is to have replicas again.
    Undrain(u32),
    /// Offsets of a group.
    Reset {
        /// The group.
        group: String,
        /// Of these partitions; empty = of all its topics.
        scope: Vec<(String, u32)>,
    },
    /// Replicas that are to be spread evenly: those of these partitions, of these topics where no
    /// index is given, or all.
    Balance(BTreeMap<String, Vec<u32>>),
    /// A plan that runs, as it is.
    Steer(Box<v1::PlanStatus>),
}

impl Aim {
    /// What a deed is about. An error in words if it is about nothing, or about too much.
    pub(super) fn of(state: &State, deed: Deed) -> Result<Self, String> {
        if let Some(why) = Self::wants(state, deed) {
            return Err(why);
        }
        let rows = state.chosen();
        match deed {
            Deed::Elect => elect(state, &rows),
            Deed::Drain => drain(state, &rows),
            Deed::Reset => reset(state, &rows),
            Deed::Plan => balance(&rows),
            Deed::Steer => steer(state, &rows),
        }
    }

    /// Why a deed has nothing to be about: no row, or marks that name none. Marks that nobody sees, or
    /// that mean something else, are never taken for none: without them a deed may be about far more.
    pub(in crate::model) fn wants(state: &State, deed: Deed) -> Option<String> {
        let choice = state.choice();
        let word = deed.words();
        if let Some(words) = choice.all_hidden() {
            return Some(format!("{word}: {words}"));
        }
        let fits = |it: &RowKey| match deed {
            Deed::Elect | Deed::Plan => it.topic().is_some(),
            Deed::Drain => it.broker().is_some(),
            Deed::Reset if state.place.group.is_some() => it.partition().is_some(),
            Deed::Reset => it.group().is_some(),
            Deed::Steer => it.plan().is_some(),
        };
        if choice.marked > 0 {
            let strange = choice.keys.iter().any(|it| !fits(it));
            return strange.then(|| format!("{word} is not about what is marked: X unmarks"));
        }
        let is_about_all = match deed {
            // Of a member's row it is about the group.
            Deed::Reset => state.place.group.is_some() && !choice.keys.is_empty(),
            Deed::Plan => matches!(state.place.screen, Screen::Overview | Screen::Brokers),
            Deed::Elect | Deed::Drain | Deed::Steer => false,
        };
        let has_row = is_about_all || choice.keys.iter().any(fits);
        (!has_row).then(|| no_row(word))
    }

    /// What stands above it.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Elect(places) => format!("PREFERRED ELECTION of {}", of_places(places)),
            Self::Drain(id) => format!("DRAIN of {}", broker(*id)),
            Self::Undrain(id) => format!("END OF THE DRAIN of {}", broker(*id)),
            Self::Reset { group, scope } if scope.is_empty() => {
                format!("OFFSET RESET of {group}, all its topics")
            }
            Self::Reset { group, scope } => {
                format!("OFFSET RESET of {group}, {}", of_places(scope))
            }
            Self::Balance(scope) if scope.is_empty() => "REBALANCE of the cluster".to_owned(),
            Self::Balance(scope) => {
                let names: Vec<&str> = scope.keys().map(String::as_str).take(3).collect();
                let more = if scope.len() > names.len() { ", .." } else { "" };
                format!("REBALANCE of {}{more}", names.join(", "))
            }
            Self::Steer(plan) => format!("PLAN {}", plan.id),
        }
    }

    /// The word that has to be typed where the context asks for none: what is at stake, by its name or
    /// number, as it stands on the screen. A verb where nobody could type the name.
    pub(super) fn word(&self, count: usize) -> String {
        let name = self.name(count);
        let word = safe(name.trim());
        let is_typed = !word.is_empty() && word.chars().count() <= WORD_CHARS_MAX;
        if is_typed { word.into_owned() } else { self.verb().to_owned() }
    }

    const fn verb(&self) -> &'static str {
        match self {
            Self::Elect(_) => "elect",
            Self::Drain(_) => "drain",
            Self::Undrain(_) => "undrain",
            Self::Reset { .. } => "reset",
            Self::Balance(_) => "rebalance",
            Self::Steer(_) => "steer",
        }
    }

    fn name(&self, count: usize) -> String {
        match self {
            Self::Elect(places) => match places.as_slice() {
                [(topic, index)] => format!("{topic}/{index}"),
                _ => count.to_string(),
            },
            Self::Drain(id) | Self::Undrain(id) => broker(*id),
            Self::Reset { group, .. } => group.clone(),
            Self::Balance(_) => count.to_string(),
            Self::Steer(plan) => plan.id.clone(),
        }
    }

    /// Whether a line has to say how.
    pub(super) const fn wants_how(&self) -> bool {
        matches!(self, Self::Reset { .. } | Self::Steer(_))
    }

    /// What stands before that line.
    pub(super) const fn how_label(&self) -> &'static str {
        match self {
            Self::Reset { .. } => "reset to",
            Self::Elect(_)
            | Self::Drain(_)
            | Self::Undrain(_)
            | Self::Balance(_)
            | Self::Steer(_) => "do",
        }
    }

    /// What that line may say.
    pub(super) fn ways(&self) -> Sheet {
        let ways: &[(&str, &str)] = match self {
            Self::Reset { .. } => &[
                ("earliest", "where the log begins: all is read again"),
                ("latest", "the end: what is unread is skipped"),
                ("@-2h", "the first record of the last two hours"),
                ("@2026-11-21T12:00:00Z", "the first record at or after that time"),
                ("-1000, +1000", "so many offsets back, or on"),
                ("end-1000", "so many before the end"),
                ("42", "this very offset"),
                ("current", "where it is; the end where nothing was committed"),
                ("group:NAME", "where that group is"),
                ("latest --live", "members that are at work are put out, and come back"),
            ],
            Self::Steer(_) => &[
                ("throttle 50MB/s", "so much into each broker; or auto, or off"),
                ("pause", "begins nothing more; what moves goes on"),
                ("resume", "goes on"),
                ("cancel", "what moves goes back; what is done stays"),
            ],
            Self::Elect(_) | Self::Drain(_) | Self::Undrain(_) | Self::Balance(_) => &[],
        };
        let mut sheet = Sheet::default();
        sheet.say(Weight::Head, "what is wanted, as one of:");
        sheet.rows(ways, |(way, words)| Sheet::item(way, words));
        sheet
    }
}

/// `orders/3`, or how many.
fn of_places(places: &[(String, u32)]) -> String {
    match places {
        [(topic, index)] => format!("{topic}/{index}"),
        _ => plural(u64::try_from(places.len()).unwrap_or(u64::MAX), "partition"),
    }
}

fn too_many(count: usize, what: &str, ctl: &str) -> Result<(), String> {
    if count <= ROWS_MAX {
        return Ok(());
    }
    let count = grouped(u64::try_from(count).unwrap_or(u64::MAX));
    Err(format!("{count} {what} are too many at once; accepted: up to {ROWS_MAX}; for more: {ctl}"))
}

pub(super) fn elect(state: &State, rows: &[RowKey]) -> Result<Aim, String> {
    let mut places = Vec::new();
    for row in rows {
        if let RowKey::Partition(topic, index) = row {
            places.push((topic.to_string(), *index));
        } else if let RowKey::Topic(name) = row {
            let count = state.facts.topics.named(name).map_or(0, |it| it.partitions.len());
            too_many(places.len().saturating_add(count), "partitions", "kq-ctl leader elect")?;
            let indexes = 0..u32::try_from(count).unwrap_or(0);
            places.extend(indexes.map(|index| (name.to_string(), index)));
        }
    }
    too_many(places.len(), "partitions", "kq-ctl leader elect")?;
    if places.is_empty() { Err(no_row(Deed::Elect.words())) } else { Ok(Aim::Elect(places)) }
}

fn drain(state: &State, rows: &[RowKey]) -> Result<Aim, String> {
    let ids: Vec<u32> = rows.iter().filter_map(RowKey::broker).collect();
    match ids.as_slice() {
        [] => Err(no_row(Deed::Drain.words())),
        [id] => {
            let told = state.facts.brokers.get(id);
            let is_cordoned = told.is_some_and(|it| it.told.cordon.is_some());
            Ok(if is_cordoned { Aim::Undrain(*id) } else { Aim::Drain(*id) })
        }
        more => {
            Err(format!("{} brokers are marked: they are drained one after another", more.len()))
        }
    }
}

fn reset(state: &State, rows: &[RowKey]) -> Result<Aim, String> {
    let owned = rows.iter().filter_map(RowKey::partition);
    let scope: Vec<(String, u32)> = owned.map(|(topic, index)| (topic.to_owned(), index)).collect();
    let mut groups = rows.iter().filter_map(RowKey::group);
    let group = match (groups.next(), groups.count()) {
        (Some(name), 0) => name.to_owned(),
        (Some(_), more) => {
            return Err(format!(
                "{} groups are marked: offsets are reset group by group",
                more.saturating_add(1)
            ));
        }
        (None, _) => state.place.group.clone().unwrap_or_default(),
    };
    if group.is_empty() {
        return Err(no_row(Deed::Reset.words()));
    }
    Ok(Aim::Reset { group, scope })
}

fn balance(rows: &[RowKey]) -> Result<Aim, String> {
    let mut scope = BTreeMap::<String, Vec<u32>>::new();
    for row in rows {
        if let RowKey::Partition(topic, index) = row {
            scope.entry(topic.to_string()).or_default().push(*index);
        } else if let RowKey::Topic(name) = row {
            scope.insert(name.to_string(), Vec::new());
        }
    }
    too_many(rows.len(), "rows", "kq-ctl cluster rebalance")?;
    Ok(Aim::Balance(scope))
}

fn steer(state: &State, rows: &[RowKey]) -> Result<Aim, String> {
    let ids: Vec<&str> = rows.iter().filter_map(RowKey::plan).collect();
    let id = match ids.as_slice() {
        [] => return Err(no_row(Deed::Steer.words())),
        [id] => *id,
        more => {
            return Err(format!("{} plans are marked: they are steered one by one", more.len()));
        }
    };
    let plan = state.facts.plans.iter().find(|it| it.id == id);
    let plan = plan.ok_or_else(|| no_row(Deed::Steer.words()))?;
    match plan.state.as_str() {
        "done" | "cancelled" => {
            let (id, word) = (safe(&plan.id), safe(&plan.state));
            Err(format!("plan {id} is {word}: there is nothing to steer"))
        }
        _ => Ok(Aim::Steer(Box::new(plan.clone()))),
    }
}

fn no_row(what: &str) -> String {
    format!("{what} wants a row to be about, and none is under the cursor")
}
