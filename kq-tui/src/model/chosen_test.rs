//! The cursor, marks and clicks while rows change below them.

use expect_test::{Expect, expect};
use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;
use ratatui::layout::Rect;

use super::world::{NOW_MS, World, group};
use super::*;

fn check(text: &str, want: Expect) {
    want.assert_eq(text);
}

fn groups(of: Vec<admin::GroupSummary>, gone: &[&str]) -> v1::WatchResponse {
    v1::WatchResponse {
        now_ms: NOW_MS,
        groups: of,
        groups_gone: gone.iter().map(|it| (*it).to_owned()).collect(),
        ..Default::default()
    }
}

#[test]
fn the_cursor_stays_on_its_first_row_though_no_key_was_pressed() {
    let mut world = World::made_up();
    world.show(Screen::Groups);
    let worst = group("zeta", admin::LagClass::Lagging, 9_999_999_999);
    world.frame(groups(vec![worst], &[]));
    world.wait(3_000);
    check(
        &world.rows(),
        expect![[r#"
             Group("zeta")
            >Group("billing")
             Group("dash")
        "#]],
    );
}

#[test]
fn where_a_row_was_the_cursor_stays_on_what_stands_there_and_goes_back() {
    let mut world = World::made_up();
    world.show(Screen::Groups);
    world.press("g");
    world.frame(groups(Vec::new(), &["billing"]));
    world.wait(3_000);
    let worst = group("zeta", admin::LagClass::Lagging, 9_999_999_999);
    world.frame(groups(vec![worst], &[]));
    world.wait(3_000);
    check(
        &world.rows(),
        expect![[r#"
             Group("zeta")
            >Group("dash")
        "#]],
    );
    world.frame(groups(vec![group("billing", admin::LagClass::Lagging, 9)], &[]));
    world.wait(3_000);
    check(
        &world.rows(),
        expect![[r#"
             Group("zeta")
            >Group("billing")
             Group("dash")
        "#]],
    );
}

#[test]
fn what_is_marked_and_not_shown_is_counted_and_not_acted_on() {
    let mut world = World::made_up();
    world.show(Screen::Partitions);
    world.press("gxxx");
    assert_eq!(world.said(), "3 marked");
    world.press("/why=b3\n");
    let choice = world.state.choice();
    assert_eq!(choice.words().as_deref(), Some("3 marked, 2 not shown"));
    assert_eq!(choice.keys, [RowKey::Partition("orders".into(), 1)]);
    assert!(words::title(&world.state).contains(&"3 marked, 2 not shown".to_owned()));
    world.press("\\");
    assert_eq!(world.state.choice().hidden, 0);
    world.frame(v1::WatchResponse { now_ms: NOW_MS, topics_gone: vec![7], ..Default::default() });
    world.wait(3_000);
    let choice = world.state.choice();
    assert_eq!((choice.keys.len(), choice.words().as_deref()), (1, Some("3 marked, 2 not shown")));
    world.press("X");
    assert_eq!(world.state.choice().words(), None);
}

#[test]
fn where_every_mark_is_hidden_nothing_is_chosen() {
    let mut world = World::made_up();
    world.show(Screen::Partitions);
    world.press("gx/topic=audit\n");
    assert!(world.state.table.current().is_some(), "the cursor is on another row");
    let choice = world.state.choice();
    assert_eq!((choice.keys, choice.marked, choice.hidden), (Vec::new(), 1, 1));
}

#[test]
fn a_click_finds_the_row_that_was_drawn_there() {
    let mut world = World::made_up();
    world.show(Screen::Groups);
    world.press("m");
    let mut hits = HitMap::default();
    for at in 0..2_u8 {
        hits.put(Rect::new(0, u16::from(at), 80, 1), Hit::Row(at.into()));
    }
    world.state.drawn(hits);
    world.wait(3_000);
    // Before it is drawn anew, another row comes first.
    let worst = group("zeta", admin::LagClass::Lagging, 9_999_999_999);
    world.frame(groups(vec![worst], &[]));
    world.wait(3_000);
    let click = |world: &mut World, row| {
        world.event(Event::Mouse(Mouse { deed: MouseDeed::Click, column: 3, row }));
    };
    click(&mut world, 1);
    check(
        &world.rows(),
        expect![[r#"
             Group("zeta")
             Group("billing")
            >Group("dash")
        "#]],
    );
    world.wait(3_000);
    world.frame(groups(Vec::new(), &["billing"]));
    world.wait(3_000);
    click(&mut world, 0);
    assert_eq!((world.said(), world.state.place.screen), ("that row is gone", Screen::Groups));
    click(&mut world, 1);
    assert_eq!(world.state.place.group.as_deref(), Some("dash"), "it had the cursor");
}
