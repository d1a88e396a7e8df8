//! The ways to configurations and records.

use std::sync::Arc;

use crate::model::record::Opened;
use crate::model::rows::{broker_of, topic_of};
use crate::model::{Place, Row, RowKey, Screen, State, Subject};

impl State {
    /// To the configuration of what the cursor is on, else of the cluster.
    pub(super) fn open_configs(&mut self) {
        let subject = match (self.place.screen, &self.place.subject) {
            (Screen::Tail | Screen::Record, Some(subject)) => {
                subject.topic().map(|it| Subject::Topic(it.to_owned()))
            }
            // From one thing's on to the cluster's.
            (Screen::Configs, _) => None,
            _ => self
                .keys_here()
                .iter()
                .find_map(Subject::configured)
                .or_else(|| self.of_event(true)),
        };
        self.show_subject(Screen::Configs, subject.unwrap_or(Subject::Cluster));
    }

    /// To the newest records of what the cursor is on.
    pub(super) fn open_tail(&mut self) {
        if let Some(subject) = self.recorded_here() {
            self.show_subject(Screen::Tail, subject);
        }
    }

    /// What the cursor is on, if it has records.
    pub fn recorded_here(&self) -> Option<Subject> {
        match (self.place.screen, &self.place.subject) {
            (Screen::Tail | Screen::Record, Some(_)) => self.tail.of.clone(),
            (Screen::Configs, Some(Subject::Topic(topic))) => Some(Subject::Topic(topic.clone())),
            _ => {
                self.keys_here().iter().find_map(Subject::recorded).or_else(|| self.of_event(false))
            }
        }
    }

    pub(super) fn open_record(&mut self, sequence: u64) {
        let Some(kept) = self.tail.record(sequence) else {
            self.say("newer records have pushed this one out");
            return;
        };
        let opened = Opened::new(Arc::clone(kept));
        let subject = opened.subject();
        self.record = Some(opened);
        self.jump(Place::about(Screen::Record, subject), "", None);
    }

    fn show_subject(&mut self, screen: Screen, subject: Subject) {
        let place = Place::about(screen, subject);
        if self.place == place {
            self.say(format!("this is {} of it already", screen.name()));
            return;
        }
        self.jump(place, "", None);
    }

    /// The row with the cursor; of an alarm, what it is about.
    fn keys_here(&self) -> Vec<RowKey> {
        let row = match self.table.current() {
            Some(Row::Alarm(at)) => self.verdict.alarms.get(*at).and_then(|it| it.row.clone()),
            Some(row) => self.key_of(row),
            None => None,
        };
        row.into_iter().collect()
    }

    /// What the event with the cursor happened to.
    fn of_event(&self, is_configured: bool) -> Option<Subject> {
        let event = self.event()?;
        if let Some(id) = broker_of(event) {
            return is_configured.then_some(Subject::Broker(id));
        }
        let topic = topic_of(event)?.to_owned();
        let index = event.subject.rsplit_once('/').and_then(|(_, index)| index.parse().ok());
        Some(match index {
            Some(index) if !is_configured => Subject::Partition(topic, index),
            Some(_) | None => Subject::Topic(topic),
        })
    }
}
