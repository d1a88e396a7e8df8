//! What the keys of screens do.

use kq_proto::admin::v1::Event;
use kq_proto::monitor::v1;

use crate::model::filter::{Field, Filter, quoted};
use crate::model::keys::Action;
use crate::model::pages::Edge;
use crate::model::past::Wish;
use crate::model::rows::{broker_of, kind_of, topic_of};
use crate::model::words::broker;
use crate::model::{
    Column, Effect, FeedAsk, Mode, Purpose, Row, RowKey, Screen, Sort, State, Zoom, ctl,
};

const MINUTE_MS: i64 = 60_000;
/// At first the past plays so many times as fast as it was.
const FIRST_SPEED: u32 = 10;

impl State {
    /// Does it, on the screen.
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Go(screen) => self.go_to_screen(screen),
            Action::Open => return self.open_row(),
            Action::Back => self.go_back(),
            Action::Filter => self.open_line(Purpose::Filter),
            Action::Unfilter => self.unfilter(),
            Action::Palette => self.open_palette(),
            Action::Help => self.open_help(),
            Action::Sort => self.sort_by_next(),
            Action::Reverse => {
                let sort = self.table.sort;
                self.sort_by(Sort { descending: !sort.descending, ..sort });
            }
            Action::OnlyWho => self.only_who(),
            Action::OnlyKind => self.only_kind(),
            Action::Configs => self.open_configs(),
            Action::Tail => self.open_tail(),
            Action::ZoomIn => self.zoom_to(self.zoom.closer(), "the axis shows no less"),
            Action::ZoomOut => self.zoom_to(self.zoom.wider(), "the axis shows no more"),
            Action::GoTo => self.open_line(Purpose::Moment),
            Action::Export => self.open_line(Purpose::Export),
            Action::Zone => {
                self.utc = !self.utc;
                self.say(if self.utc { "times are UTC" } else { "times are local" });
            }
            other if self.act_on_rows(other) => {}
            other => return self.act_outside(other),
        }
        Vec::new()
    }

    /// Those that move the cursor or do something to rows.
    fn act_on_rows(&mut self, action: Action) -> bool {
        let room = self.room();
        match action {
            Action::Up => self.move_by(|at| at.saturating_sub(1)),
            Action::Down => self.move_by(|at| at.saturating_add(1)),
            Action::PageUp => self.move_by(|at| at.saturating_sub(room)),
            Action::PageDown => self.move_by(|at| at.saturating_add(room)),
            Action::First => self.move_to_edge(Edge::Oldest),
            Action::Last => self.move_to_edge(Edge::Newest),
            Action::Fold => self.fold(Some(true)),
            Action::Unfold => self.fold(Some(false)),
            Action::FoldOrUnfold => self.fold(None),
            Action::Mark => self.mark(),
            Action::Unmark => {
                self.table.marks.clear();
                self.say("nothing is marked");
            }
            _ => return false,
        }
        true
    }

    /// Those that want something of the feed or the shell.
    fn act_outside(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Copy => {
                let line = ctl::of_view(self);
                self.say(line.clone());
                vec![Effect::Copy(line)]
            }
            Action::Hold => self.hold(),
            Action::EventBack => self.travel(Wish::Step(v1::Step::EventBack)),
            Action::EventOn => self.travel(Wish::Step(v1::Step::EventOn)),
            Action::TroubleBack => self.travel(Wish::Step(v1::Step::TroubleBack)),
            Action::TroubleOn => self.travel(Wish::Step(v1::Step::TroubleOn)),
            Action::MinuteBack => self.shift(-MINUTE_MS),
            Action::MinuteOn => self.shift(MINUTE_MS),
            Action::ColumnBack => self.shift(-self.zoom.column_ms(self.axis_columns())),
            Action::ColumnOn => self.shift(self.zoom.column_ms(self.axis_columns())),
            Action::Live => self.go_live(),
            Action::Mouse => {
                self.mouse = !self.mouse;
                let words =
                    if self.mouse { "mouse on" } else { "mouse off: the terminal selects text" };
                self.say(words);
                vec![Effect::Mouse(self.mouse)]
            }
            Action::Deed(deed) => self.open_task(deed),
            Action::Repaint => vec![Effect::Repaint],
            Action::Suspend => vec![Effect::Suspend],
            Action::Quit => match self.unfinished() {
                Some(why) => {
                    self.complain(why);
                    Vec::new()
                }
                None => vec![Effect::Quit(0)],
            },
            Action::Interrupt => vec![Effect::Quit(130)],
            _ => Vec::new(),
        }
    }

    pub(super) fn move_by(&mut self, to: impl Fn(usize) -> usize) {
        self.move_to(self.table.at.map_or(0, to));
    }

    /// Puts the cursor on a row, or on the last one.
    pub(in crate::model) fn move_to(&mut self, at: usize) {
        let Some(last) = self.table.rows.len().checked_sub(1) else {
            self.say("no rows");
            return;
        };
        let before = self.table.at;
        self.table.at = Some(at.min(last));
        if self.place.screen == Screen::Tail {
            // On the newest record the cursor goes with those that come.
            self.tail.follows = self.table.at == Some(last);
        }
        self.table.selected = self.table.current().and_then(|row| self.key_of(row));
        self.table.stand_in = None;
        let room = self.room();
        self.table.follow(room);
        if before == self.table.at {
            self.say(self.end_words(at.min(last)));
        }
        self.turn_page();
    }

    /// The wheel moves the cursor, of the list above the screen if there is one.
    pub(super) fn wheel(&mut self, to: impl Fn(usize) -> usize) {
        if self.overlay.is_none() {
            self.move_by(to);
        } else if let Some(list) = self.list_mut() {
            list.at = to(list.at).min(list.choices.len().saturating_sub(1));
        }
    }

    fn fold(&mut self, folds: Option<bool>) {
        let key = match self.table.current() {
            Some(Row::Owned(_)) => self.owner(),
            Some(row) => self.key_of(row),
            None => None,
        };
        let Some(key) = key else {
            self.say("no member is under the cursor");
            return;
        };
        let folded = &mut self.table.folded;
        let is_folded = folded.contains(&key);
        if folds == Some(is_folded) {
            self.say(if is_folded { "it is folded already" } else { "it is unfolded already" });
        } else if is_folded {
            folded.remove(&key);
        } else {
            folded.insert(key.clone());
            self.table.selected = Some(key);
        }
        self.settle();
    }

    /// The member above the partition with the cursor.
    fn owner(&self) -> Option<RowKey> {
        let above = self.table.rows.get(..self.table.at?)?;
        let head = above.iter().rev().find(|it| matches!(it, Row::Member(_) | Row::Nobody))?;
        self.key_of(head)
    }

    fn unfilter(&mut self) {
        if self.table.filter.is_empty() {
            self.say("all rows are shown already");
            return;
        }
        self.set_filter(Filter::default());
    }

    /// Another filter shows at once; the cursor stays on its row if that is shown.
    pub(super) fn set_filter(&mut self, filter: Filter) {
        self.table.filter = filter;
        self.settle();
    }

    /// Sets a filter that was made here, from names that are quoted.
    fn set_filter_text(&mut self, text: &str) {
        match Filter::parse(self.place.screen, text) {
            Ok(filter) => self.set_filter(filter),
            Err(why) => self.complain(why),
        }
    }

    pub(super) fn sort_by(&mut self, sort: Sort) {
        let screen = self.place.screen;
        if !Column::of(screen).contains(&sort.column) {
            return;
        }
        self.table.sort = sort;
        self.settle();
        self.say(format!("sorted by {}, {}", sort.column.header(screen), sort.order(screen)));
    }

    fn sort_by_next(&mut self) {
        let columns = Column::of(self.place.screen);
        let now = columns.iter().position(|it| *it == self.table.sort.column).unwrap_or(0);
        if let Some(column) = columns.get(now + 1).or_else(|| columns.first()) {
            self.sort_by(Sort::by(*column));
        }
    }

    fn mark(&mut self) {
        let key = self.table.current().and_then(|row| self.key_of(row));
        let Some(key) = key else {
            self.say("no row is under the cursor");
            return;
        };
        if !self.table.marks.remove(&key) {
            self.table.marks.insert(key);
        }
        self.move_by(|at| at.saturating_add(1));
        self.say(self.choice().words().unwrap_or_else(|| "nothing is marked".to_owned()));
    }

    fn zoom_to(&mut self, zoom: Option<Zoom>, end: &str) {
        let Some(zoom) = zoom else {
            self.say(end);
            return;
        };
        self.zoom = zoom;
        let span = u64::try_from(zoom.span_ms()).unwrap_or(0);
        self.say(format!("the axis shows {}", crate::text::span_text(span)));
    }

    /// Only what happened to the topic or broker of the row with the cursor, or all again.
    fn only_who(&mut self) {
        let filter = &self.table.filter;
        if !filter.exact(Field::Topic).is_empty() || !filter.brokers(Field::Broker).is_empty() {
            self.set_filter(Filter::default());
            return;
        }
        let who = self.event().and_then(|it| match (topic_of(it), broker_of(it)) {
            (Some(topic), _) => Some(format!("topic={}", quoted(topic))),
            (None, id) => id.map(|id| format!("broker={}", broker(id))),
        });
        match who {
            Some(text) => self.set_filter_text(&text),
            None => self.say("no topic or broker is under the cursor"),
        }
    }

    /// Only events of the kind of the row with the cursor, or all again.
    fn only_kind(&mut self) {
        if !self.table.filter.exact(Field::Kind).is_empty() {
            self.set_filter(Filter::default());
            return;
        }
        match self.event().map(kind_of) {
            Some(kind) => self.set_filter_text(&format!("kind={kind}")),
            None => self.say("no event is under the cursor"),
        }
    }

    /// The event with the cursor.
    pub(super) fn event(&self) -> Option<&Event> {
        let Row::Event(at) = self.table.current()? else { return None };
        self.facts.events.as_ref()?.rows.get(*at)?.event.as_ref()
    }

    /// Space: a recording plays or stands, the past plays or stands, what is now is held or goes on.
    fn hold(&mut self) -> Vec<Effect> {
        match self.mode() {
            Mode::Replay { speed, .. } => {
                self.replay_speed = u32::from(speed == 0);
                return vec![self.replay()];
            }
            Mode::Past { .. } => {
                self.past.played_at_ms = self.uptime_ms;
                self.past.speed = if self.past.speed.is_some() { None } else { Some(FIRST_SPEED) };
            }
            Mode::Seeking { .. } => self.say("that moment is still on its way"),
            Mode::Paused { .. } => self.release(),
            Mode::Live { at_ms: None } | Mode::Lost { .. } => self.say("there is nothing to hold"),
            Mode::Live { .. } => {
                self.held = Some(Box::new(self.facts.clone()));
                self.troubles.begin(self.now_ms(), self.facts.axis.as_ref());
            }
        }
        Vec::new()
    }

    /// A recording goes on as fast as it is to.
    pub(super) fn replay(&self) -> Effect {
        Effect::Ask(FeedAsk::Speed(self.replay_speed.saturating_mul(100)))
    }

    fn shift(&mut self, by_ms: i64) -> Vec<Effect> {
        let from_ms = self.moment_asked().unwrap_or_else(|| self.now_ms());
        let to_ms = from_ms.saturating_add(by_ms);
        if by_ms > 0 && to_ms >= self.now_ms() && !self.is_recording() {
            return self.go_live();
        }
        self.travel(Wish::At(to_ms))
    }
}
