//! What lies above a screen and takes the keys: the list of keys, the list of commands, a line.

use super::filter::Filter;
use super::keys::{self, Action, BINDINGS, Binding, Context};
use super::line::Line;
use super::moment::{self, Typed};
use super::task::Task;
use super::words::{broker, filter_of_topic};
use super::{Column, Place, RowKey, Screen, State, Subject};
use crate::text::safe;

/// Names of one kind that the palette offers.
const NAMES_MAX: usize = 20;

/// What lies above a screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// The keys of the screen.
    Help(List),
    /// Commands, screens, names and times.
    Palette(List),
    /// A line that is typed.
    Line(Prompt),
    /// Something that is done to the cluster.
    Task(Box<Task>),
}

/// A list that what is typed narrows.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// What is typed.
    pub line: Line,
    /// What fits it.
    pub choices: Vec<Choice>,
    /// The one with the cursor.
    pub at: usize,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Keys, or what is typed for it; safe to show.
    pub name: String,
    /// What it does; safe to show.
    pub help: String,
    /// Why it does nothing now.
    pub off: Option<String>,
    pub(super) command: Command,
    /// As Tab completes it.
    pub(super) typed: String,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Act(Action),
    /// To a screen with a filter, and a row.
    Jump(Place, String, Option<RowKey>),
    Go(Typed),
    Sort(Column),
    Speed(u32),
}

/// What a line is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which rows are shown.
    Filter,
    /// A moment.
    Moment,
    /// The path of a file.
    Export,
}

impl Purpose {
    /// What stands before the line.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Moment => "go to",
            Self::Export => "export to",
        }
    }
}

/// A line that is typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// What is typed.
    pub line: Line,
    /// What is wrong with it, and what is accepted.
    pub error: Option<String>,
    /// The filter as it was.
    pub(super) before: Filter,
}

impl State {
    pub(super) fn open_help(&mut self) {
        let mut list = List { line: Line::default(), choices: Vec::new(), at: 0 };
        self.narrow_help(&mut list);
        self.overlay = Some(Overlay::Help(list));
    }

    pub(super) fn open_palette(&mut self) {
        let mut list = List { line: Line::default(), choices: Vec::new(), at: 0 };
        self.narrow_palette(&mut list);
        self.overlay = Some(Overlay::Palette(list));
    }

    /// Keys of the screen that have what is typed in their keys, word or sentence.
    pub(super) fn narrow_help(&self, list: &mut List) {
        let typed = list.line.text().to_lowercase();
        let here = BINDINGS.iter().filter(|it| it.scope.has(Context::Screen(self.place.screen)));
        let fits = |it: &&Binding| {
            let own = it.keys.iter().any(|key| key.to_string() == list.line.text());
            let words = format!("{} {}", it.label, it.help).to_lowercase();
            typed.is_empty() || own || words.contains(&typed)
        };
        list.choices = here.filter(fits).map(|it| self.choice_of(it, it.keys_text())).collect();
        list.at = list.at.min(list.choices.len().saturating_sub(1));
    }

    fn choice_of(&self, it: &Binding, name: String) -> Choice {
        Choice {
            name,
            help: it.help.to_owned(),
            off: it.off.why(self),
            command: Command::Act(it.action),
            typed: it.name.to_owned(),
        }
    }

    /// What fits what is typed: moments, commands, columns, then names.
    pub(super) fn narrow_palette(&self, list: &mut List) {
        let typed = list.line.text().trim().to_owned();
        let mut choices = Vec::new();
        choices.extend(self.moment_choice(&typed));
        choices.extend(speed_choice(&typed));
        let context = Context::Screen(self.place.screen);
        let here = BINDINGS.iter().filter(|it| !it.name.is_empty() && it.scope.has(context));
        let named = here.filter(|it| it.name.contains(&typed));
        choices.extend(named.map(|it| self.choice_of(it, it.name.to_owned())));
        // What begins with it comes first.
        choices.sort_by_key(|it: &Choice| !it.typed.starts_with(&typed));
        choices.extend(self.column_choices(&typed));
        if !typed.is_empty() {
            choices.extend(self.name_choices(&typed));
            choices.extend(self.look_choices(&typed));
        }
        list.choices = choices;
        list.at = list.at.min(list.choices.len().saturating_sub(1));
    }

    fn moment_choice(&self, typed: &str) -> Option<Choice> {
        if typed.is_empty() || typed == "live" {
            return None;
        }
        let moment = self.read_moment(typed).ok()?;
        let Typed::At(at_ms) = moment else { return None };
        let when = moment::day_clock(at_ms, self.zone());
        Some(choice(typed, format!("Goes to {when}"), Command::Go(moment)))
    }

    fn column_choices(&self, typed: &str) -> Vec<Choice> {
        let screen = self.place.screen;
        let offer = |column: &Column| {
            let header = column.header(screen);
            let name = format!("sort {}", header.to_lowercase());
            let fits = !typed.is_empty() && name.contains(&typed.to_lowercase());
            let help = format!("Sorts by {header}");
            fits.then(|| choice(&name, help, Command::Sort(*column)))
        };
        Column::of(screen).iter().filter_map(offer).collect()
    }

    fn name_choices(&self, typed: &str) -> Vec<Choice> {
        let word = typed.to_lowercase();
        let has = |kind: &str, name: &str| {
            name.to_lowercase().contains(&word)
                || format!("{kind} {name}").to_lowercase().starts_with(&word)
        };
        let facts = &self.facts;
        let mut choices = Vec::new();
        let brokers = facts.brokers.keys().filter(|id| has("broker", &broker(**id)));
        choices.extend(brokers.take(NAMES_MAX).map(|id| {
            let to =
                Command::Jump(Place::of(Screen::Brokers), String::new(), Some(RowKey::Broker(*id)));
            choice(&format!("broker {}", broker(*id)), "This broker".to_owned(), to)
        }));
        let topics = facts.topics.iter().filter(|it| has("topic", &it.name));
        choices.extend(topics.take(NAMES_MAX).map(|it| {
            let place = Place::of(Screen::Partitions);
            let to = Command::Jump(place, filter_of_topic(&it.name), None);
            choice(&format!("topic {}", it.name), "Its partitions".to_owned(), to)
        }));
        choices.extend(self.partition_choices(typed));
        let groups = facts.groups.keys().filter(|it| has("group", it));
        choices.extend(groups.take(NAMES_MAX).map(|it| {
            let place = Place { group: Some(it.clone()), ..Place::of(Screen::Members) };
            let to = Command::Jump(place, String::new(), None);
            choice(&format!("group {it}"), "Its members".to_owned(), to)
        }));
        choices
    }

    /// `orders/3`, or `orders-3` as screens write it; a topic of such a name is another choice.
    fn partition_choices(&self, typed: &str) -> Vec<Choice> {
        let typed = typed.strip_prefix("partition ").map_or(typed, str::trim_start);
        let Some((of, index)) = typed.rsplit_once(['/', '-']) else { return Vec::new() };
        let Ok(index) = index.parse::<u32>() else { return Vec::new() };
        let topics = &self.facts.topics;
        // Any part of the name tells the topic; its whole name comes first.
        let others = self.topics_with(of).filter(|it| it != of);
        let names = std::iter::once(of.to_owned()).chain(others);
        let known = names.filter(|it| topics.partition_named(it, index).is_some());
        let offer = |topic: String| {
            let row = RowKey::Partition(topic.as_str().into(), index);
            let place = Place::of(Screen::Partitions);
            let to = Command::Jump(place, filter_of_topic(&topic), Some(row));
            choice(&format!("partition {topic}-{index}"), "This partition".to_owned(), to)
        };
        known.map(offer).collect()
    }

    /// `configs orders`, `configs b1`, `tail orders`, `tail orders/3`: as much as it takes to tell that
    /// this is meant.
    fn look_choices(&self, typed: &str) -> Vec<Choice> {
        let offer = |screen: Screen, subject: Subject, help: &str| {
            let name = format!("{} {}", screen.name(), subject.words());
            let place = Place::about(screen, subject);
            choice(&name, help.to_owned(), Command::Jump(place, String::new(), None))
        };
        let mut choices = Vec::new();
        if let Some(name) = typed.strip_prefix("configs ").map(str::trim_start) {
            let help = "What it is configured to do";
            if "cluster".starts_with(name) {
                choices.push(offer(Screen::Configs, Subject::Cluster, "What all brokers go by"));
            }
            let brokers = self.facts.brokers.keys().filter(|id| broker(**id).starts_with(name));
            let brokers = brokers.take(NAMES_MAX).map(|id| Subject::Broker(*id));
            choices.extend(brokers.map(|it| offer(Screen::Configs, it, help)));
            let topics = self.topics_with(name).map(Subject::Topic);
            choices.extend(topics.map(|it| offer(Screen::Configs, it, help)));
        }
        if let Some(name) = typed.strip_prefix("tail ").map(str::trim_start) {
            let index =
                name.rsplit_once('/').and_then(|(of, index)| Some((of, index.parse().ok()?)));
            let one =
                index.filter(|(of, index)| self.facts.topics.partition_named(of, *index).is_some());
            let one = one.map(|(of, index)| Subject::Partition(of.to_owned(), index));
            let subjects = one.into_iter().chain(self.topics_with(name).map(Subject::Topic));
            choices.extend(subjects.map(|it| offer(Screen::Tail, it, "Its newest records")));
        }
        choices
    }

    fn topics_with(&self, word: &str) -> impl Iterator<Item = String> {
        let word = word.to_lowercase();
        let has = move |name: &&str| name.to_lowercase().contains(&word);
        let names = self.facts.topics.iter().map(|it| &*it.name).filter(has);
        names.take(NAMES_MAX).map(str::to_owned)
    }

    pub(super) fn open_line(&mut self, purpose: Purpose) {
        let before = self.table.filter.clone();
        let text = match purpose {
            Purpose::Filter if before.is_empty() => String::new(),
            Purpose::Filter => format!("{} ", before.text()),
            Purpose::Moment => String::new(),
            Purpose::Export => self.export_path(),
        };
        let prompt = Prompt { purpose, line: Line::new(&text), error: None, before };
        self.overlay = Some(Overlay::Line(prompt));
    }

    fn export_path(&self) -> String {
        let at_ms = self.facts.moment_ms().unwrap_or(0);
        let stamp = moment::rfc3339(at_ms).replace(':', "").chars().take(17).collect::<String>();
        format!("kq-{}-{stamp}Z.txt", self.place.screen.name())
    }
}

fn choice(name: &str, help: String, command: Command) -> Choice {
    Choice { name: safe(name).into_owned(), help, off: None, command, typed: name.to_owned() }
}

/// `speed 60`, for what plays.
fn speed_choice(typed: &str) -> Option<Choice> {
    let rest = typed.strip_prefix("speed")?.trim();
    let speed: u32 = rest.parse().ok().filter(|it| (1..=3_600).contains(it))?;
    let help = format!("Plays {speed} times as fast as it was");
    Some(choice(&format!("speed {speed}"), help, Command::Speed(speed)))
}

/// The binding that does something on a screen.
pub(super) fn binding_of(screen: Screen, action: Action) -> Option<&'static Binding> {
    let context = Context::Screen(screen);
    keys::BINDINGS.iter().find(|it| it.action == action && it.scope.has(context))
}
