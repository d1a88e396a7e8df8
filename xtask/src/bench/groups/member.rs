//! Members of classic groups, moved in step: all of them ask before the first is answered.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use kq_proto::kafka::messages::heartbeat::HeartbeatRequest;
use kq_proto::kafka::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kq_proto::kafka::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use kq_proto::kafka::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kq_proto::kafka::{ErrorCode, Str};

use super::ready::await_served;
use super::wire::Connection;
use crate::clock;

/// The versions that are spoken.
const JOIN: i16 = 9;
const SYNC: i16 = 5;
const BEAT: i16 = 4;
const LEAVE: i16 = 5;

/// Longer than anything here takes.
const SESSION_MS: i32 = 60_000;

/// The topic that is shared; nobody reads it.
const TOPIC: &str = "bench-groups";

/// One member and its connection.
#[derive(Debug)]
pub(super) struct Member {
    connection: Connection,
    group: Str,
    id: Str,
    generation: i32,
    /// All members, of the one that leads.
    followers: Vec<Str>,
}

impl Member {
    fn send_join(&mut self) -> Result<()> {
        let metadata = subscription();
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: SESSION_MS,
            member_id: self.id.clone(),
            protocol_type: Str::from_static("consumer"),
            protocols: vec![JoinGroupRequestProtocol { name: Str::from_static("range"), metadata }],
            ..JoinGroupRequest::default()
        };
        self.connection.send(JOIN, &request)
    }

    /// The first answer to a stranger is an id to come again with (KIP-394).
    fn take_id(&mut self) -> Result<()> {
        let answer = self.connection.receive::<JoinGroupRequest>(JOIN)?;
        ensure!(answer.error_code == ErrorCode::MemberIdRequired, "{}", answer.error_code);
        self.id = answer.member_id.detached();
        Ok(())
    }

    fn take_joined(&mut self) -> Result<()> {
        let answer = self.connection.receive::<JoinGroupRequest>(JOIN)?;
        ensure!(answer.error_code == ErrorCode::None, "join: {}", answer.error_code);
        self.generation = answer.generation_id;
        self.followers = answer.members.iter().map(|it| it.member_id.detached()).collect();
        Ok(())
    }

    fn send_sync(&mut self, partitions: i32) -> Result<()> {
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some(Str::from_static("consumer")),
            protocol_name: Some(Str::from_static("range")),
            assignments: shares(&self.followers, partitions),
            ..SyncGroupRequest::default()
        };
        self.connection.send(SYNC, &request)
    }

    fn take_share(&mut self) -> Result<()> {
        let answer = self.connection.receive::<SyncGroupRequest>(SYNC)?;
        ensure!(answer.error_code == ErrorCode::None, "sync: {}", answer.error_code);
        ensure!(!answer.assignment.is_empty(), "a member without a share");
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<ErrorCode> {
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            ..HeartbeatRequest::default()
        };
        Ok(self.connection.ask(BEAT, &request)?.error_code)
    }

    /// Says that it lives; nothing else must have happened.
    pub(super) fn beat(&mut self) -> Result<()> {
        let code = self.heartbeat()?;
        ensure!(code == ErrorCode::None, "heartbeat: {code}");
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        let identity = MemberIdentity { member_id: self.id.clone(), ..MemberIdentity::default() };
        let request = LeaveGroupRequest {
            group_id: self.group.clone(),
            members: vec![identity],
            ..LeaveGroupRequest::default()
        };
        let code = self.connection.ask(LEAVE, &request)?.error_code;
        ensure!(code == ErrorCode::None, "leave: {code}");
        Ok(())
    }
}

/// A group and its members.
#[derive(Debug)]
pub(super) struct Group {
    members: Vec<Member>,
}

impl Group {
    /// So many connections; nobody is a member yet.
    pub(super) fn connect(bootstrap: &str, name: &str, members: usize) -> Result<Self> {
        let stranger = || {
            Ok(Member {
                connection: Connection::open(bootstrap)?,
                group: Str::from(name),
                id: Str::EMPTY,
                generation: -1,
                followers: Vec::new(),
            })
        };
        Ok(Self { members: (0..members).map(|_| stranger()).collect::<Result<_>>()? })
    }

    pub(super) fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut()
    }

    /// The last one leaves; how long until all others have joined again and have their shares.
    pub(super) fn lose_one(&mut self, partitions: i32) -> Result<Duration> {
        let start = clock::now();
        self.members.pop().context("nobody is left to leave")?.leave()?;
        for member in &mut self.members {
            let code = member.heartbeat()?;
            ensure!(code == ErrorCode::RebalanceInProgress, "heartbeat: {code}");
            member.send_join()?;
        }
        settle(&mut self.members.iter_mut().collect::<Vec<_>>(), partitions)?;
        Ok(start.elapsed())
    }
}

/// Makes members of all strangers, in all groups at once.
pub(super) fn gather(groups: &mut [Group], partitions: i32) -> Result<()> {
    let names: Vec<Str> =
        groups.iter().filter_map(|it| Some(it.members.first()?.group.clone())).collect();
    let first = groups.first_mut().and_then(|it| it.members.first_mut()).context("no members")?;
    await_served(&mut first.connection, &names)?;
    let mut members: Vec<&mut Member> = groups.iter_mut().flat_map(Group::members).collect();
    members.iter_mut().try_for_each(|it| it.send_join())?;
    members.iter_mut().try_for_each(|it| it.take_id())?;
    members.iter_mut().try_for_each(|it| it.send_join())?;
    settle(&mut members, partitions)
}

/// Of members that have asked to join: until each has its share.
fn settle(members: &mut [&mut Member], partitions: i32) -> Result<()> {
    members.iter_mut().try_for_each(|it| it.take_joined())?;
    members.iter_mut().try_for_each(|it| it.send_sync(partitions))?;
    members.iter_mut().try_for_each(|it| it.take_share())
}

/// Version 0 of a consumer's subscription: one topic, no bytes of its own.
fn subscription() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    put_text(&mut bytes, TOPIC);
    bytes.put_i32(-1);
    bytes.freeze()
}

/// Deals the partitions out in turn.
fn shares(members: &[Str], partitions: i32) -> Vec<SyncGroupRequestAssignment> {
    let dealt = members.iter().enumerate().map(|(at, member)| {
        let mine: Vec<i32> = (0..partitions).skip(at).step_by(members.len()).collect();
        let mut bytes = BytesMut::new();
        bytes.put_i16(0);
        bytes.put_i32(1);
        put_text(&mut bytes, TOPIC);
        bytes.put_i32(i32::try_from(mine.len()).unwrap_or(i32::MAX));
        for partition in mine {
            bytes.put_i32(partition);
        }
        bytes.put_i32(-1);
        SyncGroupRequestAssignment { member_id: member.clone(), assignment: bytes.freeze() }
    });
    dealt.collect()
}

fn put_text(bytes: &mut BytesMut, text: &str) {
    bytes.put_i16(i16::try_from(text.len()).unwrap_or(i16::MAX));
    bytes.put_slice(text.as_bytes());
}
