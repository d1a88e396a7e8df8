//! One event taken in: the only way that anything changes.

#![expect(clippy::wildcard_enum_match_arm, reason = "actions are dealt out over several places")]
mod act;
mod feed;
mod look;
mod open;
mod task;
mod time;
mod typed;

use super::{
    Code, Context, Effect, Event, Hit, Key, Mouse, MouseDeed, Outcome, Screen, Sort, State, keys,
};

/// Letters so soon after Esc are the rest of a sequence that was cut, in milliseconds.
const AFTER_ESC_MS: u64 = 30;
/// Rows that one turn of the wheel scrolls.
const WHEEL_ROWS: usize = 3;

/// Takes an event in and tells what is to be done outside. A `Tick` comes before each key, so that
/// the time of keys is known.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = match event {
        Event::Key(key) => press(state, key),
        Event::Mouse(mouse) => point(state, mouse),
        Event::Paste(text) => {
            state.paste(&text);
            Vec::new()
        }
        Event::Resize { columns, rows } => {
            state.size = (columns, rows);
            if state.place.screen == Screen::Record {
                // Its lines are as long as the screen is wide.
                state.settle();
            }
            state.find_cursor();
            Vec::new()
        }
        Event::Feed(event) => state.take_feed(event),
        Event::Tick { uptime_ms } => state.tick(uptime_ms),
        Event::Signal(super::Signal::Continued) => {
            let mouse = state.mouse.then_some(Effect::Mouse(true));
            mouse.into_iter().chain([Effect::Repaint]).collect()
        }
        Event::Done(_, Outcome::Well(words)) => {
            state.say(words);
            Vec::new()
        }
        Event::Done(_, Outcome::Failed(why)) => {
            state.complain(why);
            Vec::new()
        }
        Event::Answer(id, answer) => state.take_answer(id, *answer),
    };
    state.show_ended();
    effects.extend(state.ask());
    effects.extend(state.look());
    effects
}

fn press(state: &mut State, key: Key) -> Vec<Effect> {
    let is_rest = key.text().is_some()
        && state.esc_at_ms.is_some_and(|at| state.uptime_ms.saturating_sub(at) < AFTER_ESC_MS);
    if is_rest {
        return Vec::new();
    }
    state.key_at_ms = Some(state.uptime_ms);
    state.esc_at_ms = (key.code == Code::Esc).then_some(state.uptime_ms);
    let Some(binding) = keys::find(state.context(), key) else { return Vec::new() };
    state.said = None;
    if binding.action != keys::Action::Quit {
        state.warned_of = None;
    }
    if let Some(why) = binding.off.why(state) {
        state.complain(why);
        return Vec::new();
    }
    match state.context() {
        Context::Screen(_) => state.act(binding.action),
        Context::Help | Context::Palette | Context::Line | Context::Task => {
            state.type_key(binding.action, key)
        }
    }
}

/// A click does what the key does that stands there; it never runs anything by itself.
fn point(state: &mut State, mouse: Mouse) -> Vec<Effect> {
    if !state.mouse {
        return Vec::new();
    }
    state.key_at_ms = Some(state.uptime_ms);
    let hit = match mouse.deed {
        MouseDeed::WheelUp => {
            state.wheel(|at| at.saturating_sub(WHEEL_ROWS));
            return Vec::new();
        }
        MouseDeed::WheelDown => {
            state.wheel(|at| at.saturating_add(WHEEL_ROWS));
            return Vec::new();
        }
        MouseDeed::Click => state.hits.at(mouse.column, mouse.row),
    };
    match hit {
        None => Vec::new(),
        Some(Hit::Key(key)) => press(state, key),
        Some(_) if state.overlay.is_some() => Vec::new(),
        Some(Hit::Row(at)) => state.click_row(at),
        Some(Hit::Column(column)) => {
            let sort = state.table.sort;
            state.sort_by(if sort.column == column {
                Sort { descending: !sort.descending, ..sort }
            } else {
                Sort::by(column)
            });
            Vec::new()
        }
        Some(Hit::Screen(screen)) => state.act(keys::Action::Go(screen)),
    }
}
