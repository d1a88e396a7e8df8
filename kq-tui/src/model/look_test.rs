//! Configurations and records, as they are asked for and left.

#![expect(clippy::wildcard_enum_match_arm, reason = "other calls and effects are of other screens")]

use expect_test::{Expect, expect};
use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::call::{Answer, Call, Refusal};
use super::world::{NOW_MS, World, topic};
use super::*;

fn check(text: &str, want: Expect) {
    want.assert_eq(text);
}

/// Calls and ends of calls, in words.
fn asked(effects: &[Effect]) -> String {
    let word = |it: &Effect| match it {
        Effect::Call { id, call } => match &**call {
            Call::DescribeConfigs(it) => {
                let of = it.resources.iter().map(|it| format!("{:?} {}", it.r#type(), it.name));
                format!("#{id} configs of {}", of.collect::<Vec<_>>().join(" "))
            }
            Call::ListOffsets(it) => {
                let of = it.queries.iter().map(|it| format!("{} {:?}", it.topic, it.partitions));
                format!("#{id} ends of {}", of.collect::<Vec<_>>().join(" "))
            }
            Call::Fetch(it) => {
                let of = it.partitions.iter().map(|it| {
                    let Some(admin::offset_spec::Spec::Offset(offset)) = it.from.unwrap().spec
                    else {
                        panic!("from nowhere: {it:?}")
                    };
                    format!("{}/{}@{offset}", it.topic, it.partition)
                });
                format!("#{id} records of {}", of.collect::<Vec<_>>().join(" "))
            }
            other => format!("#{id} {other:?}"),
        },
        Effect::HangUp(id) => format!("hang up #{id}"),
        other => format!("{other:?}"),
    };
    effects.iter().map(word).collect::<Vec<_>>().join("; ")
}

fn answer(world: &mut World, id: u64, it: Answer) -> String {
    world.wait(300);
    asked(&world.event(Event::Answer(id, Box::new(it))))
}

fn ends(of: &[(u32, u64)]) -> Answer {
    let at = |partition, offset| admin::PartitionOffset {
        topic: "orders".to_owned(),
        partition,
        offset: Some(offset),
        ..Default::default()
    };
    let offsets = of.iter().flat_map(|(index, end)| [at(*index, *end), at(*index, 0)]);
    Answer::ListOffsets(admin::ListOffsetsResponse {
        offsets: offsets.collect(),
        errors: Vec::new(),
    })
}

fn records(of: &[(u64, &str)]) -> Answer {
    let record = |(offset, value): &(u64, &str)| admin::Record {
        topic: "orders".to_owned(),
        partition: 1,
        offset: *offset,
        timestamp_ms: NOW_MS,
        value: Some((*value).to_owned().into()),
        ..Default::default()
    };
    let next_offset = of.last().map_or(0, |(offset, _)| offset + 1);
    let at_end = admin::FetchProgress {
        topic: "orders".to_owned(),
        partition: 1,
        next_offset,
        high_watermark: next_offset,
        finished: false,
    };
    Answer::Fetch(admin::FetchResponse {
        records: of.iter().map(record).collect(),
        progress: vec![at_end],
        errors: Vec::new(),
    })
}

fn configs(of: &[(&str, &str)]) -> Answer {
    let entry = |(key, value): &(&str, &str)| admin::ConfigEntry {
        key: (*key).to_owned(),
        value: Some((*value).to_owned()),
        default_value: Some("1".to_owned()),
        source: if *value == "1" {
            admin::ConfigSource::Default.into()
        } else {
            admin::ConfigSource::DynamicTopic.into()
        },
        ..Default::default()
    };
    Answer::DescribeConfigs(admin::DescribeConfigsResponse {
        resources: vec![admin::ResourceConfigs {
            resource: None,
            entries: of.iter().map(entry).collect(),
        }],
        errors: Vec::new(),
    })
}

/// On the newest records of orders/1, with two of them.
fn tailing() -> World {
    let mut world = World::made_up();
    world.press("4");
    let on_it = |world: &World| {
        let row = world.state.table.current().and_then(|row| world.state.key_of(row));
        row == Some(RowKey::Partition("orders".into(), 1))
    };
    world.press("g");
    while !on_it(&world) {
        world.press("j");
    }
    assert_eq!(asked(&world.press("v")), "#1 ends of orders [1] orders [1]");
    assert_eq!(answer(&mut world, 1, ends(&[(1, 30)])), "#2 records of orders/1@10");
    assert_eq!(answer(&mut world, 2, records(&[(28, "a"), (29, "b")])), "");
    world
}

#[test]
fn a_configuration_is_asked_for_shown_and_asked_for_again() {
    let mut world = World::made_up();
    world.press("3g");
    assert_eq!(asked(&world.press("jc")), "#1 configs of Topic orders");
    let told = [("retention.ms", "9"), ("cleanup.policy", "1"), ("min.insync.replicas", "2")];
    assert_eq!(answer(&mut world, 1, configs(&told)), "");
    // What is set comes first.
    check(
        &world.rows(),
        expect![[r#"
            >Config("min.insync.replicas")
             Config("retention.ms")
             Config("cleanup.policy")
        "#]],
    );
    world.press("j");
    assert_eq!(ctl::of_view(&world.state), "kq-ctl config describe topic orders retention.ms");
    assert_eq!(asked(&world.wait(5_000)), "");
    assert_eq!(asked(&world.wait(5_000)), "#2 configs of Topic orders");
    answer(&mut world, 2, configs(&[("retention.ms", "1"), ("compression.type", "1")]));
    check(
        &world.rows(),
        expect![[r#"
             Config("compression.type")
            >Config("retention.ms")
        "#]],
    );
    assert_eq!(asked(&world.press("c")), "#3 configs of Cluster ");
    assert_eq!(ctl::of_view(&world.state), "kq-ctl config describe cluster");
    assert_eq!(asked(&world.press("\u{1b}")), "hang up #3; #4 configs of Topic orders");
    assert_eq!(asked(&world.press("\u{1b}")), "hang up #4");
    assert_eq!(answer(&mut world, 4, configs(&[("late", "1")])), "");
    assert!(world.state.configs.named("late").is_none(), "nobody waits for it");
}

#[test]
fn nothing_of_another_one_is_shown_while_the_answer_is_awaited() {
    let mut world = World::made_up();
    world.press("2gc");
    answer(&mut world, 1, configs(&[("broker.id", "1"), ("listeners", "2")]));
    assert_eq!(world.state.table.rows.len(), 2);
    world.press(":configs b2\n");
    assert_eq!(world.rows(), "");
    answer(&mut world, 2, configs(&[("broker.id", "2"), ("a.first", "2")]));
    assert_eq!(world.state.table.at, Some(0), "the cursor is on no key of the other one");
    let mut world = tailing();
    world.press("\u{1b}3gjv");
    assert_eq!(world.rows(), "");
}

#[test]
fn what_is_refused_is_said_and_asked_for_again() {
    let mut world = World::made_up();
    world.press("2g");
    assert_eq!(asked(&world.press("c")), "#1 configs of Broker 1");
    let refusal = Refusal::unasked("lost b1\u{1b}[31m");
    answer(&mut world, 1, Answer::Refused(refusal));
    assert_eq!(words::absence(&world.state).as_deref(), Some("lost b1\\u{1b}[31m"));
    assert_eq!(asked(&world.wait(1_000)), "");
    assert_eq!(asked(&world.wait(2_000)), "#2 configs of Broker 1");
}

#[test]
fn the_cursor_goes_with_the_newest_record_until_it_is_moved() {
    let mut world = tailing();
    check(
        &world.rows(),
        expect![[r#"
             Record(0)
            >Record(1)
        "#]],
    );
    answer(&mut world, 2, records(&[(30, "c")]));
    world.press("k");
    answer(&mut world, 2, records(&[(31, "d")]));
    check(
        &world.rows(),
        expect![[r#"
             Record(0)
            >Record(1)
             Record(2)
             Record(3)
        "#]],
    );
    assert_eq!(ctl::of_view(&world.state), "kq-ctl record get orders/1@29");
    world.press("G");
    answer(&mut world, 2, records(&[(32, "e")]));
    assert_eq!(world.state.table.at, Some(4));
    assert_eq!(ctl::of_view(&world.state), "kq-ctl record consume -p 1 orders");
}

#[test]
fn a_held_tail_stands_and_goes_on_with_what_came() {
    let mut world = tailing();
    world.press(" ");
    answer(&mut world, 2, records(&[(30, "c"), (31, "d")]));
    assert_eq!(world.state.table.rows.len(), 2);
    assert!(
        words::standing(&world.state).0.contains("2 of them wait"),
        "{:?}",
        words::standing(&world.state)
    );
    world.press(" ");
    assert_eq!((world.state.table.rows.len(), world.state.table.at), (4, Some(3)));
}

#[test]
fn records_are_filtered_and_opened_whole() {
    let mut world = tailing();
    answer(&mut world, 2, records(&[(30, "an error: x"), (31, "fine")]));
    world.press("/value=*error* offset>29\n");
    check(
        &world.rows(),
        expect![[r#"
        >Record(2)
    "#]],
    );
    assert_eq!(asked(&world.press("\n")), "", "records go on coming");
    assert_eq!(world.state.place.subject, Some(Subject::Record("orders".into(), 1, 30)));
    assert_eq!(ctl::of_view(&world.state), "kq-ctl record get orders/1@30");
    world.press("/error\n");
    assert_eq!(world.state.table.rows.len(), 1);
    answer(&mut world, 2, records(&[(32, "another error")]));
    assert_eq!(asked(&world.press("\u{1b}")), "");
    assert_eq!(world.state.table.rows.len(), 2);
    assert_eq!(asked(&world.press("\u{1b}")), "hang up #2");
}

#[test]
fn the_way_back_never_shows_another_record() {
    let mut world = tailing();
    world.press("gkk\n");
    assert_eq!(words::title(&world.state)[0], "kq prod-eu > orders/1@28 > record");
    world.press("vG\n");
    assert_eq!(words::title(&world.state)[0], "kq prod-eu > orders/1@29 > record");
    assert!(!world.state.table.rows.is_empty());
    world.press("\u{1b}\u{1b}");
    assert_eq!(words::title(&world.state)[0], "kq prod-eu > orders/1@28 > record");
    assert_eq!(world.rows(), "");
    assert!(words::absence(&world.state).unwrap().contains("not kept here"));
    assert_eq!(ctl::of_view(&world.state), "kq-ctl record get orders/1@28");
}

#[test]
fn what_broke_off_goes_on_where_it_was() {
    let mut world = tailing();
    assert_eq!(answer(&mut world, 2, Answer::Over), "");
    let (words, is_wrong) = words::standing(&world.state);
    assert!(is_wrong && words.contains("broken off"), "{words}");
    assert_eq!(asked(&world.wait(400)), "");
    assert_eq!(asked(&world.wait(100)), "#3 records of orders/1@30");
    assert_eq!(answer(&mut world, 3, Answer::Over), "");
    assert_eq!(asked(&world.wait(2_000)), "", "it was in vain");
    assert_eq!(asked(&world.wait(1_000)), "#4 records of orders/1@30");
    assert_eq!(answer(&mut world, 4, records(&[(30, "c")])), "");
    assert!(!words::standing(&world.state).1);
}

#[test]
fn a_topic_that_gets_partitions_is_read_in_all_of_them() {
    let mut world = World::made_up();
    world.press("3gj");
    assert_eq!(asked(&world.press("v")), "#1 ends of orders [] orders []");
    let first = ends(&[(0, 5), (1, 5), (2, 5)]);
    assert_eq!(answer(&mut world, 1, first), "#2 records of orders/0@0 orders/1@0 orders/2@0");
    let grown = topic(7, "orders", &[1, 1, 2, 2], &[0b111, 0b111, 0b111, 0b111]);
    let frame = v1::WatchResponse { now_ms: NOW_MS, topics: vec![grown], ..Default::default() };
    assert_eq!(asked(&world.frame(frame)), "hang up #2; #3 ends of orders [] orders []");
    assert_eq!(asked(&world.wait(1_000)), "", "it is asked once");
}

#[test]
fn of_the_past_nothing_is_asked_and_it_is_said() {
    for key in ["c", "v"] {
        let mut world = World::made_up();
        world.press("3g");
        world.past(60_000);
        assert_eq!(asked(&world.press(key)), "", "{key}");
        assert_eq!(world.rows(), "");
        let words = words::absence(&world.state).unwrap();
        assert!(words.contains("not kept of the past"), "{words}");
        world.state.settings.source = Source::Recording;
        assert_eq!(asked(&world.press("G")), "");
        let words = words::absence(&world.state).unwrap();
        assert!(words.contains("not in a recording"), "{words}");
    }
    let mut world = tailing();
    world.past(60_000);
    assert_eq!(world.rows(), "");
    assert_eq!(world.state.tail.phase, tail::Phase::Idle);
}

#[test]
fn the_palette_knows_both_by_name() {
    let mut world = World::made_up();
    world.press("3g");
    assert_eq!(asked(&world.press(":tail orders/2\n")), "#1 ends of orders [2] orders [2]");
    assert_eq!(asked(&world.press(":configs b3\n")), "hang up #1; #2 configs of Broker 3");
    assert_eq!(asked(&world.press(":configs\n")), "hang up #2; #3 configs of Cluster ");
    world.press("6g:tail\n");
    assert!(world.said().contains("records are a topic's"), "{}", world.said());
}
