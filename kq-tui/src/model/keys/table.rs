//! The lines of the table of keys.

use super::{Action, Binding, Off, Scope};
use crate::model::ctl::Deed;
use crate::model::{Code, Key, Screen};

const SORTED: Scope = Scope::on(&[
    Screen::Overview,
    Screen::Brokers,
    Screen::Topics,
    Screen::Partitions,
    Screen::Groups,
    Screen::Members,
    Screen::Plans,
    Screen::Quorum,
    Screen::Configs,
]);
const MARKED: Scope =
    Scope::on(&[Screen::Brokers, Screen::Topics, Screen::Partitions, Screen::Groups]);
const HISTORY: Scope = Scope::on(&[Screen::Churn, Screen::Events]);

/// A key of all screens that is always on; what is different is chained to it.
const fn bind(
    keys: &'static [Key],
    action: Action,
    label: &'static str,
    help: &'static str,
) -> Binding {
    let scope = Scope::SCREENS;
    Binding { keys, scope, action, label, help, name: "", rank: 0, kq_ctl: "", off: Off::Never }
}

impl Binding {
    const fn on(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    const fn ranked(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    const fn ctl(self, kq_ctl: &'static str) -> Self {
        Self { kq_ctl, ..self }
    }

    const fn off(self, off: Off) -> Self {
        Self { off, ..self }
    }
}

/// Every key that does something.
pub const BINDINGS: &[Binding] = &[
    bind(
        &[Key::char('1')],
        Action::Go(Screen::Overview),
        "overview",
        "How the cluster is, worst first, and where each alarm leads",
    )
    .named("overview")
    .ctl("kq-ctl cluster health"),
    bind(
        &[Key::char('2')],
        Action::Go(Screen::Brokers),
        "brokers",
        "Brokers: state, leaders, bytes, disks",
    )
    .named("brokers")
    .ctl("kq-ctl broker list"),
    bind(
        &[Key::char('3')],
        Action::Go(Screen::Topics),
        "topics",
        "Topics: partitions, health, bytes",
    )
    .named("topics")
    .ctl("kq-ctl topic list"),
    bind(
        &[Key::char('4')],
        Action::Go(Screen::Partitions),
        "partitions",
        "Partitions: leader, ISR, who is out and why",
    )
    .named("partitions")
    .ctl("kq-ctl partition list"),
    bind(
        &[Key::char('5')],
        Action::Go(Screen::Churn),
        "churn",
        "What happened over time: the axis and the events around a moment",
    )
    .named("churn")
    .ctl("kq-ctl events"),
    bind(
        &[Key::char('6')],
        Action::Go(Screen::Groups),
        "groups",
        "Consumer groups: class, lag, when they are through",
    )
    .named("groups")
    .ctl("kq-ctl group list"),
    bind(
        &[Key::char('7')],
        Action::Go(Screen::Plans),
        "plans",
        "Plans: how far, how fast, how long yet",
    )
    .named("plans")
    .ctl("kq-ctl plan list"),
    bind(&[Key::char('8')], Action::Go(Screen::Events), "events", "The committed history")
        .named("events")
        .ctl("kq-ctl events"),
    bind(
        &[Key::char('9')],
        Action::Go(Screen::Quorum),
        "quorum",
        "The metadata quorum: who leads, who votes, who lags",
    )
    .named("quorum")
    .ctl("kq-ctl quorum status"),
    bind(
        &[Key::char('?')],
        Action::Help,
        "keys",
        "All keys of this screen: type to find one, Enter runs it",
    )
    .named("help")
    .ranked(1),
    bind(
        &[Key::char(':')],
        Action::Palette,
        "command",
        "Commands, screens, names and times by typing; Tab completes",
    )
    .ranked(2),
    bind(
        &[Key::char('/')],
        Action::Filter,
        "filter",
        "Shows only some rows, as why=b3 lag>10k !audit; the effect shows while it is typed",
    )
    .named("filter")
    .ranked(3),
    bind(&[Key::plain(Code::Enter)], Action::Open, "open", "Opens what the cursor is on")
        .named("open")
        .ranked(4)
        .off(Off::NoWay),
    bind(
        &[Key::plain(Code::Esc), Key::plain(Code::Backspace)],
        Action::Back,
        "back",
        "Goes back to where it came from; never quits",
    )
    .named("back")
    .ranked(5)
    .off(Off::NoWayBack),
    bind(&[Key::plain(Code::Up), Key::char('k')], Action::Up, "up", "A row up"),
    bind(&[Key::plain(Code::Down), Key::char('j')], Action::Down, "down", "A row down"),
    bind(
        &[Key::plain(Code::PageUp), Key::ctrl('b')],
        Action::PageUp,
        "page up",
        "As many rows up as are seen",
    ),
    bind(
        &[Key::plain(Code::PageDown), Key::ctrl('f')],
        Action::PageDown,
        "page down",
        "As many rows down as are seen",
    ),
    bind(&[Key::plain(Code::Home), Key::char('g')], Action::First, "first", "To the first row"),
    bind(&[Key::plain(Code::End), Key::char('G')], Action::Last, "last", "To the last row"),
    bind(
        &[Key::plain(Code::Left), Key::char('h')],
        Action::ColumnBack,
        "column back",
        "The cursor of the axis a column back",
    )
    .on(Scope::on(&[Screen::Churn])),
    bind(
        &[Key::plain(Code::Right), Key::char('l')],
        Action::ColumnOn,
        "column on",
        "The cursor of the axis a column on",
    )
    .on(Scope::on(&[Screen::Churn]))
    .off(Off::AtNow),
    bind(
        &[Key::plain(Code::Left), Key::char('h')],
        Action::Fold,
        "fold",
        "Hides the partitions of the member",
    )
    .on(Scope::on(&[Screen::Members])),
    bind(
        &[Key::plain(Code::Right), Key::char('l')],
        Action::Unfold,
        "unfold",
        "Shows the partitions of the member",
    )
    .on(Scope::on(&[Screen::Members])),
    bind(
        &[Key::char('z')],
        Action::FoldOrUnfold,
        "fold",
        "Hides or shows the partitions of the member",
    )
    .on(Scope::on(&[Screen::Members]))
    .named("fold")
    .ranked(7),
    bind(&[Key::char('\\')], Action::Unfilter, "all rows", "Shows all rows again").named("all"),
    bind(&[Key::char('s')], Action::Sort, "sort", "Sorts by the next column").on(SORTED).ranked(6),
    bind(&[Key::char('S')], Action::Reverse, "reverse", "Turns the order around")
        .on(SORTED)
        .named("reverse"),
    bind(
        &[Key::char('x')],
        Action::Mark,
        "mark",
        "Marks the row, or no longer; y then names all that are marked",
    )
    .on(MARKED)
    .named("mark")
    .ranked(8)
    .off(Off::NoRow),
    bind(&[Key::char('X')], Action::Unmark, "unmark", "Marks nothing any more")
        .on(MARKED)
        .named("unmark"),
    bind(
        &[Key::char('y')],
        Action::Copy,
        "copy",
        "Copies the line of kq-ctl that tells the same, and shows it",
    )
    .named("copy")
    .ranked(10),
    bind(
        &[Key::char('e')],
        Action::Export,
        "export",
        "Writes what is seen into a file: .txt, .ansi, .json or .svg",
    )
    .named("export"),
    bind(
        &[Key::char(' ')],
        Action::Hold,
        "pause",
        "Holds what is now, or goes on; in the past: plays it, or stands",
    )
    .named("pause")
    .ranked(9),
    bind(&[Key::char('[')], Action::EventBack, "event back", "To the event before")
        .named("event-back")
        .ranked(11),
    bind(&[Key::char(']')], Action::EventOn, "event on", "To the event after")
        .named("event-on")
        .off(Off::AtNow),
    bind(&[Key::char('{')], Action::MinuteBack, "minute back", "A minute back")
        .named("minute-back"),
    bind(&[Key::char('}')], Action::MinuteOn, "minute on", "A minute on")
        .named("minute-on")
        .off(Off::AtNow),
    bind(
        &[Key::char('n')],
        Action::TroubleBack,
        "trouble",
        "To the last trouble before this moment: an outage, a fencing, a shrinking ISR",
    )
    .named("trouble")
    .ranked(12),
    bind(
        &[Key::char('N')],
        Action::TroubleOn,
        "trouble on",
        "To the next trouble after this moment",
    )
    .named("trouble-on")
    .off(Off::AtNow),
    bind(
        &[Key::char('t')],
        Action::GoTo,
        "time",
        "Goes to a moment: -10m, 12:01, 2026-11-21T12:01",
    )
    .ranked(7),
    bind(&[Key::char('L')], Action::Live, "live", "Back to what is now")
        .named("live")
        .ranked(4)
        .off(Off::Live),
    bind(
        &[Key::char('+'), Key::char('=')],
        Action::ZoomIn,
        "zoom in",
        "The axis shows less time, 5 minutes at least",
    )
    .named("zoom-in"),
    bind(
        &[Key::char('-')],
        Action::ZoomOut,
        "zoom out",
        "The axis shows more time, 7 days at most",
    )
    .named("zoom-out"),
    bind(
        &[Key::char('w')],
        Action::OnlyWho,
        "who",
        "Only what happened to the topic or broker of this row, or all again",
    )
    .on(HISTORY)
    .named("who")
    .ranked(8),
    bind(
        &[Key::char('f')],
        Action::OnlyKind,
        "only this kind",
        "Only events of this kind, or all again",
    )
    .on(HISTORY)
    .named("kind")
    .ranked(9),
    bind(
        &[Key::char('c')],
        Action::Configs,
        "configs",
        "What the topic or broker of this row is configured to do, else the cluster",
    )
    .named("configs")
    .ranked(15)
    .ctl("kq-ctl config describe topic NAME"),
    bind(
        &[Key::char('v')],
        Action::Tail,
        "tail",
        "The newest records of the topic or partition of this row, as they come",
    )
    .named("tail")
    .ranked(16)
    .off(Off::NoRecords)
    .ctl("kq-ctl record consume TOPIC -p P"),
    bind(
        &[Key::char('E')],
        Action::Deed(Deed::Elect),
        "elect",
        "Has the preferred replicas lead, of the marked rows or this one",
    )
    .on(Scope::on(&[Screen::Topics, Screen::Partitions]))
    .named("elect")
    .ranked(15)
    .ctl("kq-ctl leader elect TOPIC/P")
    .off(Off::Deed(Deed::Elect)),
    bind(
        &[Key::char('D')],
        Action::Deed(Deed::Drain),
        "drain",
        "Takes everything off a broker and gives it nothing new; of a drained one: ends that",
    )
    .on(Scope::on(&[Screen::Overview, Screen::Brokers]))
    .named("drain")
    .ranked(15)
    .ctl("kq-ctl broker drain ID")
    .off(Off::Deed(Deed::Drain)),
    bind(
        &[Key::char('R')],
        Action::Deed(Deed::Reset),
        "reset offsets",
        "Sets the offsets of a group, on its members' screen of one partition",
    )
    .on(Scope::on(&[Screen::Groups, Screen::Members]))
    .named("reset")
    .ranked(15)
    .ctl("kq-ctl offset reset GROUP --all-topics --to TARGET")
    .off(Off::Deed(Deed::Reset)),
    bind(
        &[Key::char('P')],
        Action::Deed(Deed::Plan),
        "rebalance",
        "Spreads replicas evenly by a plan: those of the topics or partitions, or all",
    )
    .on(Scope::on(&[Screen::Overview, Screen::Brokers, Screen::Topics, Screen::Partitions]))
    .named("rebalance")
    .ctl("kq-ctl cluster rebalance")
    .off(Off::Deed(Deed::Plan)),
    bind(
        &[Key::char('P')],
        Action::Deed(Deed::Steer),
        "steer",
        "Throttles, pauses, resumes or cancels the plan",
    )
    .on(Scope::on(&[Screen::Plans]))
    .named("steer")
    .ranked(6)
    .ctl("kq-ctl plan throttle ID RATE")
    .off(Off::Deed(Deed::Steer)),
    bind(
        &[Key::char('m')],
        Action::Mouse,
        "mouse",
        "The mouse on or off; while it is off the terminal selects text",
    )
    .named("mouse"),
    bind(&[Key::char('u')], Action::Zone, "utc", "Times as UTC, or local")
        .named("utc")
        .off(Off::OneZone),
    bind(&[Key::char('q')], Action::Quit, "quit", "Ends").named("quit").ranked(14),
    bind(&[Key::ctrl('c')], Action::Interrupt, "quit", "Ends at once, from anywhere")
        .on(Scope::ALL),
    bind(&[Key::ctrl('z')], Action::Suspend, "suspend", "Gives the terminal back until fg")
        .on(Scope::ALL)
        .named("suspend"),
    bind(&[Key::ctrl('l')], Action::Repaint, "repaint", "Draws everything anew")
        .on(Scope::ALL)
        .named("repaint"),
    bind(
        &[Key::plain(Code::Enter)],
        Action::Accept,
        "run",
        "Takes what was typed, or runs what the cursor is on",
    )
    .on(Scope::OVERLAYS)
    .ranked(1)
    .off(Off::Read),
    bind(&[Key::plain(Code::Esc)], Action::Cancel, "back", "Goes back and changes nothing")
        .on(Scope::OVERLAYS)
        .ranked(2),
    bind(&[Key::plain(Code::Up), Key::ctrl('p')], Action::ChoiceUp, "up", "An entry or line up")
        .on(Scope::READ),
    bind(
        &[Key::plain(Code::Down), Key::ctrl('n')],
        Action::ChoiceDown,
        "down",
        "An entry or line down",
    )
    .on(Scope::READ),
    bind(&[Key::plain(Code::PageUp)], Action::PageUp, "page up", "A page up").on(Scope::TASK),
    bind(&[Key::plain(Code::PageDown)], Action::PageDown, "page down", "A page down")
        .on(Scope::TASK),
    bind(&[Key::plain(Code::Tab)], Action::Complete, "complete", "Completes what was typed")
        .on(Scope::PALETTE)
        .ranked(3),
    bind(
        &[Key::plain(Code::Backspace)],
        Action::DeleteBack,
        "delete",
        "Deletes the character before the cursor",
    )
    .on(Scope::OVERLAYS),
    bind(
        &[Key::plain(Code::Delete)],
        Action::DeleteOn,
        "delete on",
        "Deletes the character at the cursor",
    )
    .on(Scope::OVERLAYS),
    bind(
        &[Key::ctrl('w')],
        Action::DeleteWord,
        "delete word",
        "Deletes the word before the cursor",
    )
    .on(Scope::OVERLAYS),
    bind(&[Key::ctrl('u')], Action::Clear, "clear", "Deletes all that was typed")
        .on(Scope::OVERLAYS),
    bind(
        &[Key::plain(Code::Left)],
        Action::CursorLeft,
        "left",
        "The cursor a character to the left",
    )
    .on(Scope::OVERLAYS),
    bind(
        &[Key::plain(Code::Right)],
        Action::CursorRight,
        "right",
        "The cursor a character to the right",
    )
    .on(Scope::OVERLAYS),
    bind(
        &[Key::plain(Code::Home), Key::ctrl('a')],
        Action::CursorHome,
        "begin",
        "The cursor to the begin",
    )
    .on(Scope::OVERLAYS),
    bind(
        &[Key::plain(Code::End), Key::ctrl('e')],
        Action::CursorEnd,
        "end",
        "The cursor to the end",
    )
    .on(Scope::OVERLAYS),
    bind(&[], Action::Type, "type", "Types it").on(Scope::OVERLAYS),
];
