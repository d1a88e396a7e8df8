//! `[` and `]` on the screens of history: the moment moves by one event, and the cursor with it.

use std::collections::BTreeSet;

use kq_tui::model::RowKey;

use super::watch::Watch;

#[test]
fn the_cursor_goes_to_the_event_that_was_stepped_to() {
    for screen in ['5', '8'] {
        let mut watch = Watch::start(20);
        watch.press(screen);
        watch.pass(1_000);
        let mut seen = BTreeSet::new();
        for key in "[[[[[[k[[]]]".chars() {
            watch.press(key);
            watch.pass(100);
            let state = &watch.monitor.state;
            let event = state.past.event.unwrap();
            let current = state.table().current().and_then(|row| state.key_of(row));
            let is_moved_away = key == 'k';
            assert_eq!(current == Some(RowKey::Event(event)), !is_moved_away, "{screen}{key}");
            seen.insert(event);
        }
        assert!(seen.len() > 6, "{seen:?}");
    }
}
