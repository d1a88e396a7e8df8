//! Every line of kq-ctl that is ever shown, for names of every kind, as a page that the tests of kq-ctl
//! give to a shell and read back.

use std::fmt::Write as _;

use expect_test::expect_file;
use kq_proto::admin::v1 as admin;

use super::{of_task, of_view};
use crate::model::filter::{Field, Kind, fields};
use crate::model::task::Aim;
use crate::model::world::{World, whole};
use crate::model::{RowKey, Screen, State, Subject};

/// Names that mean something to a shell, or to whoever reads flags.
const NAMES: &[&str] = &[
    "orders",
    "-orders",
    "--all",
    "-",
    "two  words",
    " edge ",
    "it's \"so\"",
    "größe 漢 🦀",
    "$(echo no) `echo no` $HOME ${IFS}",
    "a;b&c|d>e<f",
    "*?[a]",
    "~root",
    "#no",
    "=ls",
    "{a,b}",
    "!!",
    "back\\slash\\n",
    "a\u{1b}[31mb'\n\u{202e}c",
];

/// Where rows can be marked.
const MARKED: [Screen; 4] = [Screen::Brokers, Screen::Topics, Screen::Partitions, Screen::Groups];

/// What is typed to say how something is done, where a line has to.
const RESETS: &[&str] = &["earliest", "latest --live", "@-2h", "-1000", "+1000", "end-5", "42"];
const COURSES: &[&str] = &["pause", "resume", "cancel", "throttle 50MiB/s", "throttle off"];

/// A cluster in which a topic, a group and a plan have that name, as a screen shows it.
fn world(name: &str, screen: Screen) -> World {
    let mut world = World::empty();
    let mut frame = whole();
    frame.topics[0].name = name.to_owned();
    frame.groups[0].group = name.to_owned();
    if let Some(group) = &mut frame.group {
        group.group = name.to_owned();
        group.partitions.iter_mut().for_each(|it| it.topic = name.to_owned());
    }
    if let Some(plans) = &mut frame.plans {
        plans.plans[0].id = name.to_owned();
    }
    world.frame(frame);
    world.show(screen);
    let place = &mut world.state.place;
    place.group = place.group.is_some().then(|| name.to_owned());
    if screen.is_asked_for() {
        world.show_asked(screen, name);
    }
    world.state.settle();
    world
}

/// Lines of kq-ctl, each once, marked where they are about the name.
struct Page {
    lines: Vec<String>,
    /// Lines that are the same for any name, too.
    has_all: bool,
}

impl Page {
    fn add(&mut self, what: &str, is_about: bool, line: &str) {
        if !is_about && !self.has_all {
            return;
        }
        let mark = if is_about { '=' } else { '-' };
        // A line is a line: nothing in a name breaks it.
        assert!(!line.contains(|it: char| it.is_control()), "{line:?}");
        let line = format!("{mark} {what}: {line}");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    fn view(&mut self, name: &str, state: &State) {
        let (rows, place) = (state.chosen(), &state.place);
        let of_row = |it: &RowKey| {
            let names = [it.topic(), it.group(), it.plan()];
            names.contains(&Some(name)) || *it == RowKey::Alarm(format!("group {name}"))
        };
        let subject = place.subject.as_ref().and_then(Subject::topic);
        // Of the past of brokers and alarms there are events alone.
        let is_past = state.moment_asked().is_some();
        let has_own = !is_past || !matches!(place.screen, Screen::Overview | Screen::Brokers);
        let is_about = rows.iter().any(of_row)
            || subject == Some(name)
            || place.group.as_deref() == Some(name);
        let is_about = is_about && has_own;
        self.add(place.screen.name(), is_about, &of_view(state));
    }

    /// With the cursor on each row, with all rows marked, and with none there.
    fn screen(&mut self, name: &str, mut world: World) {
        let count = world.state.table.rows.len();
        world.press("g");
        for _ in 0..count {
            self.view(name, &world.state);
            world.press("j");
        }
        let names = world.state.table.rows.iter().filter_map(|it| world.state.key_of(it));
        let marks: Vec<RowKey> = names.collect();
        if MARKED.contains(&world.state.place.screen) {
            world.state.table.marks.extend(marks);
            self.view(name, &world.state);
            world.state.table.marks.clear();
        }
        world.press("/nothing-is-called-so\n");
        self.view(name, &world.state);
    }
}

fn views(name: &str, page: &mut Page) {
    for screen in Screen::ALL {
        page.screen(name, world(name, screen));
        let mut past = world(name, screen);
        past.past(204_000);
        page.screen(name, past);
    }
    let subjects = [
        Subject::Cluster,
        Subject::Broker(3),
        Subject::Topic(name.to_owned()),
        Subject::Partition(name.to_owned(), 1),
    ];
    for subject in subjects {
        for screen in [Screen::Configs, Screen::Tail] {
            let mut world = world(name, screen);
            world.state.place.subject = Some(subject.clone());
            // The newest records of a cluster or a broker are on no screen.
            if screen == Screen::Configs || subject.topic().is_some() {
                page.view(name, &world.state);
            }
        }
    }
}

fn tasks(name: &str, page: &mut Page) {
    let mut world = world(name, Screen::Partitions);
    let place = |index| (name.to_owned(), index);
    let plan = admin::PlanStatus { id: name.to_owned(), ..Default::default() };
    let mut aims = vec![
        (Aim::Elect(vec![place(0), place(2), ("audit".to_owned(), 0)]), true, &[""][..]),
        (Aim::Drain(3), false, &[""]),
        (Aim::Undrain(3), false, &[""]),
        (Aim::Balance([].into()), false, &[""]),
        (Aim::Balance([(name.to_owned(), vec![0, 2])].into()), true, &[""]),
        (Aim::Balance([(name.to_owned(), Vec::new())].into()), true, &[""]),
        (Aim::Steer(Box::new(plan)), true, COURSES),
    ];
    for scope in [Vec::new(), vec![place(0), place(2)]] {
        aims.push((Aim::Reset { group: name.to_owned(), scope }, true, RESETS));
    }
    for (aim, is_about, ways) in aims {
        for how in ways {
            page.add("action", is_about, &of_task(&world.state, &aim, how));
        }
    }
    if let Some(broker) = world.state.facts.brokers.get_mut(&3) {
        broker.told.cordon = Some(admin::Cordon { decommission: true, ..Default::default() });
    }
    page.add("action", false, &of_task(&world.state, &Aim::Undrain(3), ""));
}

/// What of a filter becomes flags.
fn filters(name: &str, page: &mut Page) {
    if name.contains(['"', '\\']) || name.chars().any(char::is_control) {
        return;
    }
    let typed = format!("\"{name}\"");
    let on = |screen, filter: &str| {
        let mut world = world(name, screen);
        world.press(&format!("/{filter}\n"));
        world
    };
    // A star would be a pattern, which kq-ctl takes elsewhere.
    let is_exact = !name.contains('*');
    for more in ["state=urp why=b3 leader=2", "state=moving on=1"] {
        let state = on(Screen::Partitions, &format!("topic={typed} {more} no-such-row")).state;
        page.add("filter", is_exact, &of_view(&state));
    }
    let mut world = on(Screen::Events, &format!("topic={typed} broker=b3"));
    page.add("filter", is_exact, &of_view(&world.state));
    world.past(204_000);
    page.add("filter", is_exact, &of_view(&world.state));
}

#[test]
fn every_line_of_kq_ctl_is_on_the_page_that_kq_ctl_reads() {
    let mut text = String::from(
        "Lines of kq-ctl as kq-tui shows them, for names of every kind. UPDATE_EXPECT=1 cargo test -p kq-tui\n\
         rewrites them; the tests of kq-ctl read them. A line that is about the name begins with =\n",
    );
    for name in NAMES {
        let mut page = Page { lines: Vec::new(), has_all: *name == NAMES[0] };
        views(name, &mut page);
        tasks(name, &mut page);
        filters(name, &mut page);
        let _ = write!(text, "\n# {}\n{}\n", serde_json::json!(name), page.lines.join("\n"));
    }
    let mut page = Page { lines: Vec::new(), has_all: true };
    let kinds = fields(Screen::Events).iter().find(|it| it.field == Field::Kind);
    let Some(Kind::Words(kinds)) = kinds.map(|it| it.kind) else { panic!("kinds of events") };
    for kind in kinds {
        let mut world = world("orders", Screen::Events);
        world.press(&format!("/kind={kind}\n"));
        page.add("filter", false, &of_view(&world.state));
    }
    let _ = write!(text, "\n# \"orders\"\n{}\n", page.lines.join("\n"));
    expect_file!["../../../tests/lines.txt"].assert_eq(&text);
}
