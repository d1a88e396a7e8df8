//! Where Enter leads, and the way back.

use std::sync::Arc;

use kq_proto::admin::v1::Event;

use crate::model::filter::Filter;
use crate::model::keys::Action;
use crate::model::pages::Paging;
use crate::model::past::Wish;
use crate::model::rows::{broker_of, row_of, topic_of};
use crate::model::state::Visit;
use crate::model::words::{filter_of_broker, filter_of_topic};
use crate::model::{Effect, HitMap, Place, Row, RowKey, Screen, State, Table};

/// So many places are remembered.
const BACK_MAX: usize = 32;

impl State {
    /// To a screen as it was left.
    pub(super) fn go_to_screen(&mut self, screen: Screen) {
        let place = Place::of(screen);
        if self.place == place {
            self.say(format!("this is {} already", screen.name()));
            return;
        }
        self.remember();
        self.enter(place);
        self.settle();
    }

    /// To a screen about something that was named.
    pub fn go_to(&mut self, place: Place) {
        self.jump(place, "", None);
    }

    /// To a screen, with a filter and the cursor on a row.
    pub(super) fn jump(&mut self, place: Place, filter: &str, row: Option<RowKey>) {
        self.remember();
        let screen = place.screen;
        self.enter(place);
        self.table.paging = Paging::default();
        match Filter::parse(screen, filter) {
            Ok(filter) => self.table.filter = filter,
            Err(why) => self.complain(why),
        }
        if row.is_some() {
            self.table.paging.is_held = true;
        }
        (self.table.selected, self.table.stand_in, self.table.at) = (row, None, None);
        self.table.first = 0;
        self.settle();
    }

    pub(super) fn go_back(&mut self) {
        let Some(visit) = self.back.pop() else {
            self.say("there is nothing to go back to; q ends");
            return;
        };
        self.enter(visit.place);
        self.table.filter = visit.filter;
        self.table.sort = visit.sort;
        (self.table.selected, self.table.stand_in) = (visit.selected, None);
        self.table.first = visit.first;
        self.table.paging = visit.paging;
        self.settle();
    }

    fn remember(&mut self) {
        if self.back.len() == BACK_MAX {
            self.back.remove(0);
        }
        self.back.push(Visit {
            place: self.place.clone(),
            filter: self.table.filter.clone(),
            sort: self.table.sort,
            selected: self.table.selected.clone(),
            first: self.table.first,
            paging: self.table.paging.clone(),
        });
    }

    /// Changes the place, and keeps the table that is left for the next time. Another group's
    /// members have a table of their own.
    fn enter(&mut self, place: Place) {
        let screen = place.screen;
        let left = std::mem::replace(&mut self.table, Table::new(screen));
        self.tables.insert(self.place.screen, Table { rows: Vec::new(), ..left });
        let is_same = match screen {
            Screen::Members => place.group == self.last_group,
            Screen::Configs | Screen::Tail | Screen::Record => {
                place.subject.as_ref() == self.subjects.get(&screen)
            }
            _ => true,
        };
        if let Some(table) = self.tables.remove(&screen).filter(|_| is_same) {
            self.table = table;
        }
        if screen == Screen::Members {
            self.last_group.clone_from(&place.group);
        }
        if let Some(subject) = &place.subject {
            self.subjects.insert(screen, subject.clone());
        }
        self.place = place;
        self.begin_look();
        // How the screen is laid out is not known before it was drawn.
        self.hits = HitMap::default();
    }

    /// Takes the cursor to a row as it was drawn, wherever it is by now; where the cursor is already,
    /// opens it.
    pub(super) fn click_row(&mut self, drawn_at: usize) -> Vec<Effect> {
        let key = self.hits.row(drawn_at).cloned();
        let row = key.and_then(|key| row_of(self, &key));
        let at = row.and_then(|row| self.table.rows.iter().position(|it| *it == row));
        match at {
            None => self.say("that row is gone"),
            Some(at) if self.table.at == Some(at) => return self.act(Action::Open),
            Some(at) => self.move_to(at),
        }
        Vec::new()
    }

    /// Opens what the cursor is on.
    pub(super) fn open_row(&mut self) -> Vec<Effect> {
        let Some(row) = self.table.current().cloned() else {
            self.say("no row is under the cursor");
            return Vec::new();
        };
        let name_of = |number: u32| {
            let topic = self.facts.topics.get(number);
            topic.map(|it| filter_of_topic(&it.name)).unwrap_or_default()
        };
        match row {
            Row::Alarm(at) => {
                if let Some(it) = self.verdict.alarms.get(at).cloned() {
                    self.jump(it.place, &it.filter, it.row);
                }
            }
            Row::Broker(id) => {
                let filter = filter_of_broker(&self.facts, id);
                self.jump(Place::of(Screen::Partitions), &filter, None);
            }
            Row::Topic(number) => {
                let filter = name_of(number);
                self.jump(Place::of(Screen::Partitions), &filter, None);
            }
            Row::Partition(id) => {
                let filter = name_of(id.topic);
                self.jump(Place::of(Screen::Events), &filter, None);
            }
            Row::Group(name) => {
                let place = Place { group: Some(name.to_string()), ..Place::of(Screen::Members) };
                self.jump(place, "", None);
            }
            Row::Member(_) | Row::Nobody => return self.act(Action::FoldOrUnfold),
            Row::Owned(at) => self.open_owned(at),
            Row::Plan(at) => self.open_plan(at),
            Row::Voter(id) => {
                self.jump(Place::of(Screen::Brokers), "", Some(RowKey::Broker(id)));
            }
            Row::Event(at) => return self.open_event(at),
            Row::Record(sequence) => self.open_record(sequence),
            Row::Config(_) => self.say("what there is to say of it stands below"),
            Row::Line(_) => self.say("this is the record itself; Esc goes back to the others"),
        }
        Vec::new()
    }

    fn open_plan(&mut self, at: usize) {
        let state = self.facts.plans.get(at).map(|it| it.state.as_str());
        match state {
            Some(state @ ("done" | "cancelled")) => {
                self.say(format!("this plan is {state}: nothing of it moves any more"));
            }
            _ => self.jump(Place::of(Screen::Partitions), "state=moving", None),
        }
    }

    fn open_owned(&mut self, at: usize) {
        let owned = self.open_group().and_then(|it| it.partitions.get(at));
        let Some((topic, index)) = owned.map(|it| (it.topic.clone(), it.partition)) else { return };
        let row = RowKey::Partition(Arc::from(topic.as_str()), index);
        self.jump(Place::of(Screen::Partitions), &filter_of_topic(&topic), Some(row));
    }

    /// A row with a count opens what it stands for; one event opens what it happened to, as it was
    /// then.
    fn open_event(&mut self, at: usize) -> Vec<Effect> {
        let row = self.facts.events.as_ref().and_then(|it| it.rows.get(at));
        let told = row.and_then(|row| Some((row.count, row.event.clone()?)));
        let Some((count, event)) = told else { return Vec::new() };
        if count > 1 && self.place.run.is_none() {
            let place = Place { run: Some(event.sequence), ..Place::of(Screen::Events) };
            self.jump(place, "", None);
            return Vec::new();
        }
        self.jump_to_subject(&event);
        self.travel(Wish::At(event.at_ms))
    }

    fn jump_to_subject(&mut self, event: &Event) {
        if let Some(topic) = topic_of(event) {
            let index = event.subject.rsplit_once('/').and_then(|(_, index)| index.parse().ok());
            let row = index.map(|index| RowKey::Partition(topic.into(), index));
            self.jump(Place::of(Screen::Partitions), &filter_of_topic(topic), row);
        } else if let Some(id) = broker_of(event) {
            self.jump(Place::of(Screen::Brokers), "", Some(RowKey::Broker(id)));
        }
    }
}
