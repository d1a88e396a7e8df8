//! A session that is gone through twice.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::*;
use crate::model::{
    Answer, Code, Effect, FeedEvent, Key, Mouse, MouseDeed, Outcome, Refusal, Signal,
};
use crate::shell::app::{App, Work};

/// Shows the last event, and how many there were.
#[derive(Default)]
struct Last(usize, String);

impl App for Last {
    fn update(&mut self, event: Event) -> Vec<Effect> {
        self.0 += 1;
        self.1 = format!("{event:?}");
        Vec::new()
    }

    fn draw(&mut self, buffer: &mut Buffer) -> Vec<Effect> {
        let words = format!("{} {}", self.0, self.1);
        let width = usize::from(buffer.area.width);
        buffer.set_stringn(0, 0, words, width, Style::new());
        Vec::new()
    }

    fn ages(&self) -> bool {
        false
    }

    fn export(&self, _: String, _: &Buffer) -> Work {
        Box::new(|| Outcome::Well(String::new()))
    }
}

fn events() -> Vec<Event> {
    let frame = kq_proto::monitor::v1::WatchResponse { now_ms: 7, ..Default::default() };
    let window = kq_proto::monitor::v1::Window { number: 3, topics: true, ..Default::default() };
    let told = [
        FeedEvent::Opening { to: "a".to_owned() },
        FeedEvent::Open { to: "a".to_owned() },
        FeedEvent::Looked(Box::new(window)),
        FeedEvent::Frame(Box::new(frame)),
        FeedEvent::Lost { why: "b".to_owned() },
        FeedEvent::Ended { why: "c".to_owned() },
    ];
    let mut events = vec![
        Event::Resize { columns: 300, rows: 2 },
        Event::Tick { uptime_ms: 9 },
        Event::Key(Key::char('ü')),
        Event::Key(Key::ctrl('z')),
        Event::Key(Key { code: Code::PageDown, ctrl: false, alt: true }),
        Event::Mouse(Mouse { deed: MouseDeed::WheelDown, column: 3, row: 4 }),
        Event::Paste("x".to_owned()),
        Event::Signal(Signal::Continued),
        Event::Done(4, Outcome::Failed("no".to_owned())),
        Event::Answer(5, Box::new(Answer::Over)),
        Event::Answer(6, Box::new(Answer::Refused(Refusal::unasked("no")))),
    ];
    events.extend(told.map(Event::Feed));
    events
}

#[test]
fn a_trace_goes_to_the_same_screens_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.trace");
    let mut trace = Trace::create(&path).unwrap();
    let mut app = Last::default();
    for event in events() {
        trace.event(&event);
        app.update(event);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 300, 2));
        app.draw(&mut buffer);
        trace.drawn(&buffer);
    }
    let items = read(&path).unwrap();
    let again: Vec<Event> =
        items.iter().cloned().filter_map(Item::into_event).filter_map(Result::ok).collect();
    assert_eq!(again, events());
    let count = events().len();
    let same = Replayed { events: count, drawings: count, differs_at: None };
    assert_eq!(replay(items.clone(), &mut Last::default()), same);
    let other = replay(items, &mut Last(1, String::new()));
    assert_eq!(other.differs_at, Some(1));
    let bytes = std::fs::read(&path).unwrap();
    for length in 12..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(read(&path).unwrap().len() < 2 * count);
    }
}
