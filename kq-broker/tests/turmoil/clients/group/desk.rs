//! A client's place at its group's coordinator, whoever that is.

use std::time::Duration;

use kq_proto::kafka::messages::FindCoordinatorRequest;
use kq_proto::kafka::{ErrorCode, Request, Str};

use super::{ANSWER_MAX, Club};
use crate::clients::Ground;
use crate::wire::Line;

/// A connection to the coordinator, looked for anew whenever it has failed.
pub(super) struct Desk<'a> {
    pub(super) ground: &'a Ground,
    pub(super) club: Club,
    open: Option<(Line, String)>,
}

impl<'a> Desk<'a> {
    pub(super) const fn new(ground: &'a Ground, club: Club) -> Self {
        Self { ground, club, open: None }
    }

    /// Finds the coordinator, if there is no connection to it. False if that came to nothing.
    pub(super) async fn find(&mut self) -> bool {
        if self.open.is_none() {
            self.open = Box::pin(self.look()).await;
        }
        if self.open.is_none() {
            self.ground.pause(250).await;
        }
        self.open.is_some()
    }

    async fn look(&self) -> Option<(Line, String)> {
        const VERSION: i16 = 4;
        let request = FindCoordinatorRequest {
            key_type: 0,
            coordinator_keys: vec![Str::from_static(self.club.name())],
            ..FindCoordinatorRequest::default()
        };
        let mut line = Line::open(self.ground.any_broker()).await.ok()?;
        let asked = line.ask(VERSION, &request, ANSWER_MAX).await;
        let answer = asked.inspect_err(|lost| self.ground.hear(lost)).ok()?;
        let found = answer.coordinators.into_iter().next()?;
        if found.error_code != ErrorCode::None {
            self.judge(found.error_code);
            return None;
        }
        let host = found.host.as_str().to_owned();
        Some((Line::open(&host).await.ok()?, host))
    }

    /// Who was found.
    pub(super) fn host(&self) -> Option<&str> {
        self.open.as_ref().map(|(_, host)| host.as_str())
    }

    /// Asks whoever was found; none if no answer came.
    pub(super) async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Option<R::Response> {
        let (mut line, host) = self.open.take()?;
        let asked = line.ask(version, request, wait).await;
        let answer = asked.inspect_err(|lost| self.ground.hear(lost)).ok()?;
        self.open = Some((line, host));
        Some(answer)
    }

    /// Takes note of a code: after some of them the coordinator is looked for anew.
    pub(super) fn heed(&mut self, code: ErrorCode) {
        if is_elsewhere(code) {
            self.open = None;
        }
        self.judge(code);
    }

    /// A code that no client of a group knows what to do with is a fault of the broker's.
    fn judge(&self, code: ErrorCode) {
        let is_known = is_elsewhere(code)
            || matches!(
                code,
                ErrorCode::None
                    | ErrorCode::MemberIdRequired
                    | ErrorCode::UnknownMemberId
                    | ErrorCode::IllegalGeneration
                    | ErrorCode::RebalanceInProgress
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::FencedMemberEpoch
                    | ErrorCode::StaleMemberEpoch
                    | ErrorCode::UnreleasedInstanceId
            );
        if !is_known {
            let what = format_args!("group {}: {code:?}", self.club.name());
            self.ground.history.borrow_mut().broke("wire", what);
        }
    }
}

/// Whether another broker coordinates the group, or none can at the moment.
pub(super) fn is_elsewhere(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
    )
}
