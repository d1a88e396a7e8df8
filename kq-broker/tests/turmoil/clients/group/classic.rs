//! A member of the classic protocol: it joins, assigns if it leads, reads from where the group was,
//! commits, and gives everything back before it joins anew.

use std::time::Duration;

use kq_proto::kafka::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
use kq_proto::kafka::messages::leave_group::MemberIdentity;
use kq_proto::kafka::messages::sync_group::SyncGroupRequestAssignment;
use kq_proto::kafka::messages::{
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
};
use kq_proto::kafka::{ErrorCode, Request, Str};

use super::commits::{SENDINGS_MAX, commit, fetch};
use super::desk::{Desk, is_elsewhere};
use super::embedded;
use super::lives::Member;
use super::reading::Share;
use super::{ANSWER_MAX, JOIN_MAX, REBALANCE_MS, SESSION_MS};
use crate::groups::Identity;
use crate::history::Slot;

const PROTOCOL: &str = "range";

/// What came of a request: else the code of its answer, or none where no answer came.
type Answered<T> = Result<T, Option<ErrorCode>>;

/// A process of a member.
struct Process<'a> {
    me: &'a Member<'a>,
    desk: Desk<'a>,
    who: Identity,
    share: Share,
}

/// Takes part, with a member id or without, until another process has taken this one's place.
pub(super) async fn run(me: &Member<'_>, member: String) {
    let who = me.identity(member, -1);
    let desk = Desk::new(me.ground, me.club);
    let mut process = Process { me, desk, who, share: Share::default() };
    loop {
        let ended = Box::pin(process.take_turn()).await;
        me.ground.book.borrow_mut().doubts(me.club.name(), me.number);
        match ended {
            Err(Some(ErrorCode::FencedInstanceId)) => return,
            Err(Some(ErrorCode::UnknownMemberId)) => process.who.member.clear(),
            Ok(()) | Err(_) => {}
        }
        me.ground.pause(150).await;
    }
}

impl Process<'_> {
    /// One generation, from the join to what ends it.
    async fn take_turn(&mut self) -> Answered<()> {
        self.share = Share::default();
        let joined = self.join().await?;
        let slots = self.sync(&joined).await?;
        let offsets = fetch(&mut self.desk, &slots, None).await?;
        self.share.begin((self.me.ground, self.me.club), slots, &offsets);
        self.work().await
    }

    /// Asks for something that is answered by a code.
    async fn ask<R: Request>(
        &mut self,
        (version, wait): (i16, Duration),
        request: &R,
        code: impl Fn(&R::Response) -> ErrorCode,
    ) -> Answered<R::Response> {
        if !self.desk.find().await {
            return Err(None);
        }
        let answer = self.desk.ask(version, request, wait).await.ok_or(None)?;
        let code = code(&answer);
        self.desk.heed(code);
        if code == ErrorCode::None || code == ErrorCode::MemberIdRequired {
            return Ok(answer);
        }
        Err(Some(code))
    }

    async fn join(&mut self) -> Answered<JoinGroupResponse> {
        const VERSION: i16 = 9;
        let protocol = JoinGroupRequestProtocol {
            name: Str::from_static(PROTOCOL),
            metadata: embedded::subscription(),
        };
        let request = JoinGroupRequest {
            group_id: Str::from_static(self.who.group),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            member_id: Str::from(&self.who.member),
            group_instance_id: self.who.instance.as_ref().map(Str::from),
            protocol_type: Str::from_static("consumer"),
            protocols: vec![protocol],
            ..JoinGroupRequest::default()
        };
        let joined = self.ask((VERSION, JOIN_MAX), &request, |it| it.error_code).await?;
        joined.member_id.as_str().clone_into(&mut self.who.member);
        if joined.error_code != ErrorCode::None {
            return Err(Some(joined.error_code));
        }
        self.who.generation = joined.generation_id;
        Ok(joined)
    }

    /// Hands out the shares if this one leads, and gets its own.
    async fn sync(&mut self, joined: &JoinGroupResponse) -> Answered<Vec<Slot>> {
        const VERSION: i16 = 5;
        let leads = joined.leader == joined.member_id && !joined.skip_assignment;
        let members = joined.members.iter().map(|it| it.member_id.as_str().to_owned());
        let members: Vec<String> = members.filter(|_| leads).collect();
        let assignments = embedded::deal(&members).into_iter();
        let assignments = assignments.map(|(member, assignment)| SyncGroupRequestAssignment {
            member_id: Str::from(member),
            assignment,
        });
        let request = SyncGroupRequest {
            group_id: Str::from_static(self.who.group),
            generation_id: self.who.generation,
            member_id: Str::from(&self.who.member),
            group_instance_id: self.who.instance.as_ref().map(Str::from),
            protocol_type: Some(Str::from_static("consumer")),
            protocol_name: Some(Str::from_static(PROTOCOL)),
            assignments: assignments.collect(),
        };
        let synced = self.ask((VERSION, JOIN_MAX), &request, |it| it.error_code).await?;
        let mut history = self.me.ground.history.borrow_mut();
        let Some(share) = embedded::share(synced.assignment) else {
            history.broke("wire", format_args!("{} is told no share", self.who.member));
            return Err(None);
        };
        let (member, generation) = (&self.who.member, self.who.generation);
        history.note(format_args!("{member} owns {share:?} in generation {generation}"));
        self.me.ground.book.borrow_mut().synced(&self.who, &share, &mut history);
        Ok(share)
    }

    /// Reads on, and commits or shows that it lives, until the group goes on without this generation.
    async fn work(&mut self) -> Answered<()> {
        let (ground, club) = (self.me.ground, self.me.club);
        loop {
            self.share.read(ground, club).await;
            ground.believe(self.me.number, &self.who, &self.share, true);
            let positions = self.share.positions();
            let beats = positions.is_empty() || ground.draw(3) == 0;
            let answered = if beats {
                self.beat().await
            } else {
                commit(&mut self.desk, &self.who, &positions, SENDINGS_MAX).await
            };
            match answered {
                Some(ErrorCode::RebalanceInProgress) if beats && !positions.is_empty() => {
                    // What is given back is committed before.
                    commit(&mut self.desk, &self.who, &positions, 1).await;
                    return Err(answered);
                }
                Some(code) if code != ErrorCode::None && !is_elsewhere(code) => {
                    return Err(answered);
                }
                Some(_) | None => {}
            }
            ground.pause(400).await;
        }
    }

    async fn beat(&mut self) -> Option<ErrorCode> {
        const VERSION: i16 = 4;
        let request = HeartbeatRequest {
            group_id: Str::from_static(self.who.group),
            generation_id: self.who.generation,
            member_id: Str::from(&self.who.member),
            group_instance_id: self.who.instance.as_ref().map(Str::from),
        };
        let beaten = self.ask((VERSION, ANSWER_MAX), &request, |it| it.error_code).await;
        beaten.map_or_else(|code| code, |it| Some(it.error_code))
    }
}

/// Says good-bye in the name of a process.
pub(super) async fn leave(desk: &mut Desk<'_>, who: &Identity) {
    const VERSION: i16 = 5;
    let member = MemberIdentity {
        member_id: Str::from(&who.member),
        group_instance_id: who.instance.as_ref().map(Str::from),
        ..MemberIdentity::default()
    };
    let request = LeaveGroupRequest {
        group_id: Str::from_static(who.group),
        members: vec![member],
        ..LeaveGroupRequest::default()
    };
    if desk.find().await
        && let Some(left) = desk.ask(VERSION, &request, ANSWER_MAX).await
    {
        desk.heed(left.error_code);
    }
}
