//! Scripts of requests on the left, the coordinator's answers indented below them.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::{
    Caller, CommitOffsets, DeleteOffsets, GroupConfig, GroupError, Heartbeat, Input, JoinGroup,
    LeaveGroup, LeavingMember, MemberId, Now, OffsetToCommit, Output, Protocol, Reply, ReplyTo,
    Shard, SyncGroup, TopicPartition, WriteId,
};

/// Runs a script on a shard with one group `g` and an initial rebalance delay of 3 s.
#[track_caller]
fn check(script: &str, want: Expect) {
    let mut shard = Shard::new(GroupConfig::default());
    want.assert_eq(&run(&mut shard, script));
}

fn run(shard: &mut Shard, script: &str) -> String {
    let mut got = String::new();
    run_each(shard, script, &mut |line, _, outputs| {
        writeln!(got, "{line}").unwrap();
        for output in outputs {
            writeln!(got, "    {}", show(output)).unwrap();
        }
    });
    got
}

/// Runs a script and shows each line with its time and what came of it.
fn run_each(shard: &mut Shard, script: &str, each: &mut dyn FnMut(&str, Now, &[Output])) {
    let mut now = Now::default();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut out = Vec::new();
        if let ["at", time] = words[..] {
            now.uptime = Duration::from_secs(number(time.trim_end_matches('s')));
            now.wall_ms = i64::try_from(now.uptime.as_millis()).unwrap();
        } else {
            shard.step(now, parse(&words), &mut out);
        }
        each(line, now, &out);
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap()
}

fn reply(word: &str) -> ReplyTo {
    ReplyTo(number(word.trim_start_matches('r')))
}

fn member(word: &str) -> MemberId {
    MemberId::from(if word == "-" { "" } else { word })
}

fn caller(member_word: &str, generation: &str) -> Caller {
    let generation = generation.parse().unwrap();
    Caller { group: "g".into(), member: member(member_word), instance: None, generation }
}

fn partition(word: &str) -> TopicPartition {
    let (topic, index) = word.split_once('/').unwrap();
    TopicPartition { topic: topic.into(), partition: index.parse().unwrap() }
}

fn parse(words: &[&str]) -> Input {
    match *words {
        ["join", to, who, protocols, ref options @ ..] => {
            Input::Join(join(to, who, protocols, options))
        }
        ["sync", to, who, generation, ref shares @ ..] => {
            let share = |it: &&str| {
                let (who, share) = it.split_once('=').unwrap();
                (member(who), Bytes::copy_from_slice(share.as_bytes()))
            };
            Input::Sync(SyncGroup {
                caller: caller(who, generation),
                protocol_type: None,
                protocol: None,
                assignments: shares.iter().map(share).collect(),
                reply: reply(to),
            })
        }
        ["beat", to, who, generation] => {
            Input::Heartbeat(Heartbeat { caller: caller(who, generation), reply: reply(to) })
        }
        ["leave", to, who] => {
            let members = vec![LeavingMember { member: member(who), instance: None }];
            Input::Leave(LeaveGroup { group: "g".into(), members, reply: reply(to) })
        }
        ["commit", to, who, generation, what, offset] => Input::Commit(CommitOffsets {
            caller: caller(who, generation),
            offsets: vec![OffsetToCommit {
                partition: partition(what),
                offset: offset.parse().unwrap(),
                leader_epoch: None,
                metadata: "".into(),
            }],
            reply: reply(to),
        }),
        ["forget", to, what] => Input::DeleteOffsets(DeleteOffsets {
            group: "g".into(),
            partitions: vec![partition(what)],
            reply: reply(to),
        }),
        ["delete", to] => Input::DeleteGroup { group: "g".into(), reply: reply(to) },
        ["written", write] => written(write, Ok(())),
        ["failed", write] => written(write, Err(GroupError::NotAvailable)),
        ["tick"] => Input::Tick,
        _ => panic!("unknown line: {words:?}"),
    }
}

fn written(write: &str, result: Result<(), GroupError>) -> Input {
    Input::Written { write: WriteId(number(write.trim_start_matches('w'))), result }
}

fn join(to: &str, who: &str, protocols: &str, options: &[&str]) -> JoinGroup {
    let topics = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t");
    let protocol = |name: &str| Protocol { name: name.into(), metadata: topics.clone() };
    let instance = options.iter().find_map(|it| it.strip_prefix("static="));
    JoinGroup {
        group: "g".into(),
        member: (who != "new").then(|| member(who)),
        instance: instance.map(Into::into),
        fresh_member: MemberId::from(to.replace('r', "m").as_str()),
        needs_known_member: options.contains(&"needs-id"),
        can_skip_assignment: true,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_mins(1),
        protocol_type: "consumer".into(),
        protocols: protocols.split(',').map(protocol).collect(),
        reply: reply(to),
    }
}

fn show(output: &Output) -> String {
    match output {
        Output::Write { write, records } => {
            format!("write w{}: {} records", write.0, records.len())
        }
        Output::Reply(to, reply) => format!("r{} {}", to.0, show_reply(reply)),
    }
}

fn show_reply(reply: &Reply) -> String {
    let result = |it: &Result<(), GroupError>| {
        it.as_ref().map_or_else(ToString::to_string, |()| "ok".into())
    };
    match reply {
        Reply::Joined(it) => {
            let members: Vec<_> = it.members.iter().map(|it| it.member.as_str()).collect();
            let skip = if it.skip_assignment { " skip" } else { "" };
            format!(
                "joined generation {} as {} by {} led by {} {members:?}{skip}",
                it.generation, it.member, it.protocol, it.leader
            )
        }
        Reply::JoinRefused { error, member } => {
            let member = member.as_ref().map_or("-", MemberId::as_str);
            format!("join of {member} refused: {error}")
        }
        Reply::Synced(Ok(it)) => format!("synced {}", String::from_utf8_lossy(&it.assignment)),
        Reply::Synced(Err(error)) => format!("sync refused: {error}"),
        Reply::Heartbeat(it) => format!("heartbeat {}", result(it)),
        Reply::Left(members) => {
            let members: Vec<_> = members.iter().map(|(_, it)| result(it)).collect();
            format!("left {members:?}")
        }
        Reply::Offsets(offsets) => {
            let offsets: Vec<_> = offsets.iter().map(|(_, it)| result(it)).collect();
            format!("offsets {offsets:?}")
        }
        Reply::OffsetsRefused(error) => format!("offsets refused: {error}"),
        Reply::GroupDeleted(it) => format!("deleted {}", result(it)),
    }
}

/// Two members in generation 1, stable.
const TWO_STABLE: &str = "
    join r1 new range
    join r2 new range
    at 3s
    tick
    at 6s
    tick
    sync r3 m1 1 m1=A m2=B
    sync r4 m2 1
    written w0
";

/// Runs `script` after `TWO_STABLE`, and shows only what comes of it.
#[track_caller]
fn check_two(script: &str, want: Expect) {
    let mut shard = Shard::new(GroupConfig::default());
    run(&mut shard, TWO_STABLE);
    want.assert_eq(&run(&mut shard, script));
}

#[test]
fn members_gather_then_the_leader_assigns() {
    check(
        TWO_STABLE,
        expect![[r#"
        join r1 new range
        join r2 new range
        at 3s
        tick
        at 6s
        tick
            r1 joined generation 1 as m1 by range led by m1 ["m1", "m2"]
            r2 joined generation 1 as m2 by range led by m1 []
        sync r3 m1 1 m1=A m2=B
            write w0: 1 records
        sync r4 m2 1
        written w0
            r3 synced A
            r4 synced B
    "#]],
    );
}

#[test]
fn a_dynamic_member_comes_back_with_its_id() {
    check(
        "join r1 new range needs-id\n join r2 m1 range\n at 3s\n tick",
        expect![[r#"
        join r1 new range needs-id
            r1 join of m1 refused: join again with the member id that this answer carries
        join r2 m1 range
        at 3s
        tick
            r2 joined generation 1 as m1 by range led by m1 ["m1"]
    "#]],
    );
}

#[test]
fn an_assignment_that_cannot_be_written_is_not_handed_out() {
    check(
        "join r1 new range\n at 3s\n tick\n sync r2 m1 1 m1=A\n failed w0\n beat r3 m1 1",
        expect![[r#"
            join r1 new range
            at 3s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1"]
            sync r2 m1 1 m1=A
                write w0: 1 records
            failed w0
                r2 sync refused: the group's records cannot be written now; try again
            beat r3 m1 1
                r3 heartbeat the group is rebalancing; join again
        "#]],
    );
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    check_two(
        "
        at 7s
        join r5 new range
        beat r6 m1 1
        join r7 m1 range
        join r8 m2 range
        sync r9 m2 2
        commit r10 m2 1 t/0 5
        ",
        expect![[r#"
            at 7s
            join r5 new range
            beat r6 m1 1
                r6 heartbeat the group is rebalancing; join again
            join r7 m1 range
            join r8 m2 range
                r7 joined generation 2 as m1 by range led by m1 ["m1", "m2", "m5"]
                r8 joined generation 2 as m2 by range led by m1 []
                r5 joined generation 2 as m5 by range led by m1 []
            sync r9 m2 2
            commit r10 m2 1 t/0 5
                r10 offsets refused: generation 1 is not the current one; join again
        "#]],
    );
}

#[test]
fn a_silent_member_is_put_out_after_its_session() {
    check_two(
        "at 15s\n beat r5 m1 1\n at 16s\n tick\n beat r6 m1 1\n join r7 m1 range",
        expect![[r#"
            at 15s
            beat r5 m1 1
                r5 heartbeat ok
            at 16s
            tick
            beat r6 m1 1
                r6 heartbeat the group is rebalancing; join again
            join r7 m1 range
                r7 joined generation 2 as m1 by range led by m1 ["m1"]
        "#]],
    );
}

#[test]
fn a_leaving_member_is_replaced_by_the_rest() {
    check_two(
        "leave r5 m1\n leave r6 m1\n beat r7 m2 1\n join r8 m2 range",
        expect![[r#"
        leave r5 m1
            r5 left ["ok"]
        leave r6 m1
            r6 left ["not a member of this group; join again without a member id"]
        beat r7 m2 1
            r7 heartbeat the group is rebalancing; join again
        join r8 m2 range
            r8 joined generation 2 as m2 by range led by m2 ["m2"]
    "#]],
    );
}

#[test]
fn the_last_one_to_leave_empties_the_group() {
    check_two(
        "leave r5 m1\n leave r6 m2\n delete r7\n written w1\n written w2\n delete r8",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            delete r7
                write w2: 1 records
            written w1
            written w2
                r7 deleted ok
            delete r8
                r8 deleted there is no such group
        "#]],
    );
}

#[test]
fn a_static_member_returns_without_a_rebalance() {
    check(
        "
        join r1 new range static=a
        join r2 new range static=b
        at 3s
        tick
        at 6s
        tick
        sync r3 m1 1 m1=A m2=B
        sync r4 m2 1
        written w0
        join r5 new range static=a
        sync r6 m5 1
        beat r7 m2 1
        beat r8 m1 1
        ",
        expect![[r#"
            join r1 new range static=a
            join r2 new range static=b
            at 3s
            tick
            at 6s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1", "m2"]
                r2 joined generation 1 as m2 by range led by m1 []
            sync r3 m1 1 m1=A m2=B
                write w0: 1 records
            sync r4 m2 1
            written w0
                r3 synced A
                r4 synced B
            join r5 new range static=a
                r5 joined generation 1 as m5 by range led by m5 ["m2", "m5"] skip
                write w1: 1 records
            sync r6 m5 1
                r6 synced A
            beat r7 m2 1
                r7 heartbeat ok
            beat r8 m1 1
                r8 heartbeat not a member of this group; join again without a member id
        "#]],
    );
}

#[test]
fn a_stranger_to_the_protocol_is_refused() {
    check_two(
        "join r5 new sticky",
        expect![[r#"
        join r5 new sticky
            r5 join of - refused: no protocol in common with the group's members
    "#]],
    );
}

#[test]
fn offsets_are_acknowledged_when_written() {
    check_two(
        "commit r5 m1 1 t/0 5\n commit r6 - -1 t/0 9\n commit r7 m1 7 t/0 9\n written w1\n commit r8 m1 1 t/1 6\n failed w2",
        expect![[r#"
            commit r5 m1 1 t/0 5
                write w1: 1 records
            commit r6 - -1 t/0 9
                r6 offsets refused: not a member of this group; join again without a member id
            commit r7 m1 7 t/0 9
                r7 offsets refused: generation 7 is not the current one; join again
            written w1
                r5 offsets ["ok"]
            commit r8 m1 1 t/1 6
                write w2: 1 records
            failed w2
                r8 offsets ["the group's records cannot be written now; try again"]
        "#]],
    );
}

#[test]
fn an_outsider_commits_while_nobody_is_in() {
    check(
        "commit r1 - -1 t/0 5\n written w0\n forget r2 t/0\n written w1\n tick\n delete r3",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            forget r2 t/0
                write w1: 1 records
            written w1
                r2 offsets ["ok"]
            tick
            delete r3
                r3 deleted there is no such group
        "#]],
    );
}

#[test]
fn offsets_of_a_subscribed_topic_stay() {
    check_two(
        "forget r5 t/0\n forget r6 other/0",
        expect![[r#"
        forget r5 t/0
            r5 offsets ["the group is subscribed to the topic; its offsets cannot be deleted"]
        forget r6 other/0
            write w1: 1 records
    "#]],
    );
}

#[test]
fn offsets_expire_a_week_after_the_group_emptied() {
    check(
        "commit r1 - -1 t/0 5\n written w0\n at 604799s\n tick\n at 604800s\n tick\n written w1\n tick\n delete r2",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            at 604799s
            tick
            at 604800s
            tick
                write w1: 1 records
            written w1
            tick
            delete r2
                r2 deleted there is no such group
        "#]],
    );
}

#[test]
fn a_restored_shard_equals_the_one_that_wrote() {
    let mut shard = Shard::new(GroupConfig::default());
    let mut restored = Shard::new(GroupConfig::default());
    let script = format!("{TWO_STABLE}\ncommit r5 m1 1 t/0 5\nwritten w1");
    run_each(&mut shard, &script, &mut |_, now, outputs| {
        for output in outputs {
            let Output::Write { records, .. } = output else { continue };
            for record in records {
                restored.load(&record.key, record.value.as_ref(), now).unwrap();
            }
        }
    });
    restored.finish_loading();
    let group = "g".into();
    assert_eq!(restored.describe(&group), shard.describe(&group));
    assert_eq!(restored.offset(&group, &partition("t/0")).unwrap().offset, 5);
}
