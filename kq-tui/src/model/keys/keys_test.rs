//! What is in the table works, and what works is in the table.

use std::collections::BTreeSet;

use expect_test::expect_file;
use kq_proto::admin::v1;

use super::*;
use crate::model::world::World;
use crate::model::{Answer, Code, Effect, Event, Screen, update};

/// Every key that a terminal tells.
fn all_keys() -> Vec<Key> {
    let codes = [
        Code::Enter,
        Code::Esc,
        Code::Backspace,
        Code::Delete,
        Code::Tab,
        Code::BackTab,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::PageUp,
        Code::PageDown,
        Code::Home,
        Code::End,
    ];
    let codes = codes.into_iter().chain((' '..='~').chain(['é', '漢']).map(Code::Char));
    let with = |code| {
        [(false, false), (true, false), (false, true)].map(|(ctrl, alt)| Key { code, ctrl, alt })
    };
    codes.flat_map(with).collect()
}

/// Worlds in which something is to be done: how is asked, the cluster is asked, the plan is shown.
fn tasks() -> Vec<World> {
    let mut how = World::made_up();
    how.show(Screen::Groups);
    how.press("R");
    how.press("ab");
    how.key(Key::plain(Code::Left));
    let mut asked = World::made_up();
    asked.show(Screen::Partitions);
    let effects = asked.press("E");
    let mut shown = World { state: asked.state.clone() };
    let [Effect::Call { id, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let leader = v1::ElectedLeader {
        topic: "orders".to_owned(),
        partition: 1,
        old_leader: Some(1),
        new_leader: Some(2),
        outcome: v1::ElectionOutcome::Elected.into(),
    };
    let answer = v1::ElectLeadersResponse { leaders: vec![leader], errors: Vec::new() };
    shown.event(Event::Answer(*id, Box::new(Answer::ElectLeaders(answer))));
    shown.press("o");
    let mut below = World { state: shown.state.clone() };
    below.key(Key::plain(Code::Down));
    let worlds = vec![how, asked, shown, below];
    assert!(worlds.iter().all(|it| it.state.context() == Context::Task));
    worlds
}

/// Worlds in which a context is there: with rows and without, now and in the past.
fn worlds(context: Context) -> Vec<World> {
    let (screen, opener) = match context {
        Context::Screen(screen) => (screen, None),
        Context::Help => (Screen::Partitions, Some("?")),
        Context::Palette => (Screen::Partitions, Some(":")),
        Context::Line => (Screen::Partitions, Some("/")),
        Context::Task => return tasks(),
    };
    let mut worlds = vec![World::empty(), World::made_up(), World::made_up(), World::made_up()];
    for (at, world) in worlds.iter_mut().enumerate() {
        world.show(screen);
        if at == 2 {
            world.past(30_000);
        }
        if at == 3 {
            world.press("j");
            world.press("j");
        }
        if let Some(opener) = opener {
            world.press(opener);
            if at == 3 {
                world.press("o");
                world.key(Key::plain(Code::Left));
            }
            if at == 1 {
                world.press("o");
                world.key(Key::plain(Code::Down));
            }
        }
        world.wait(0);
        assert_eq!(world.state.context(), context);
    }
    worlds
}

#[test]
fn every_key_that_does_something_is_in_the_table() {
    for context in Context::all() {
        for world in worlds(context) {
            for key in all_keys() {
                let mut after = world.state.clone();
                let effects = update(&mut after, Event::Key(key));
                (after.key_at_ms, after.esc_at_ms) = (world.state.key_at_ms, world.state.esc_at_ms);
                let does = after != world.state || !effects.is_empty();
                assert!(!does || find(context, key).is_some(), "{key} on {context:?}");
            }
        }
    }
}

#[test]
fn every_key_of_the_table_does_something_in_its_scope() {
    for context in Context::all() {
        let mut idle = BTreeSet::new();
        for binding in BINDINGS.iter().filter(|it| it.scope.has(context)) {
            let typed = [Key::char('a')];
            let keys = if binding.keys.is_empty() { &typed[..] } else { binding.keys };
            for key in keys {
                let does = worlds(context).into_iter().any(|world| {
                    let mut after = world.state.clone();
                    let effects = update(&mut after, Event::Key(*key));
                    let said = after.said.is_some();
                    (after.key_at_ms, after.esc_at_ms) =
                        (world.state.key_at_ms, world.state.esc_at_ms);
                    after != world.state || !effects.is_empty() || said
                });
                if !does {
                    idle.insert(key.to_string());
                }
            }
        }
        assert!(idle.is_empty(), "on {context:?}: {idle:?}");
    }
}

#[test]
fn no_key_means_two_things_in_one_place() {
    for context in Context::all() {
        for key in all_keys() {
            let here = BINDINGS.iter().filter(|it| it.scope.has(context) && it.keys.contains(&key));
            let actions: Vec<_> = here.map(|it| it.action).collect();
            assert!(actions.len() <= 1, "{key} on {context:?}: {actions:?}");
        }
    }
}

#[test]
fn deeds_are_off_where_nothing_may_be_changed_and_say_why() {
    for (screen, keys) in [
        (Screen::Partitions, "EP"),
        (Screen::Topics, "EP"),
        (Screen::Brokers, "DP"),
        (Screen::Overview, "DP"),
        (Screen::Groups, "R"),
        (Screen::Members, "R"),
    ] {
        for key in keys.chars() {
            let mut world = World::made_up();
            world.show(screen);
            world.state.settings.read_only = true;
            assert_eq!(world.press(&key.to_string()), []);
            assert!(world.said().contains("prod-eu is read only"), "{}", world.said());
            world.state.settings.read_only_asked = true;
            assert_eq!(world.press(&key.to_string()), []);
            assert!(world.said().contains("--read-only"), "{}", world.said());
            world.state.settings.read_only_asked = false;
            world.state.settings.read_only = false;
            world.past(30_000);
            assert_eq!(world.press(&key.to_string()), []);
            assert!(world.said().contains("this is PAST"), "{}", world.said());
            assert_eq!(world.state.overlay, None);
        }
    }
}

#[test]
fn the_page_of_keys_is_what_the_table_says() {
    expect_file!["../../../../docs/tui.md"].assert_eq(&document());
}
