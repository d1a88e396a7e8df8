//! The curves of the whole cluster: every broker tells its share, and who does not is named.

use std::time::Duration;

use kq_proto::monitor::v1;
use kq_proto::monitor::v1::monitor_client::MonitorClient;
use tokio::task::JoinSet;
use tonic::Request;

use crate::grpc::Admin;
use crate::ids::BrokerId;
use crate::monitor::{MinutesAsked, join};

/// How long the others may take.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// A week of minutes, of two hundred groups as well.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const MINUTE_MS: i64 = 60_000;

/// Which curves somebody wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CurvesAsked {
    /// So many minutes.
    pub(super) minutes: u32,
    /// Up to this moment; none = now.
    pub(super) until_ms: Option<i64>,
    /// Of these groups as well.
    pub(super) groups: Vec<String>,
}

impl CurvesAsked {
    /// What a window asks for at a moment; none if it wants no curves.
    pub(super) fn of(window: &v1::Window, as_of_ms: Option<i64>) -> Option<Self> {
        // To the minute: a step within one shows the same.
        let until_ms = as_of_ms.map(|at| at.div_euclid(MINUTE_MS) * MINUTE_MS);
        let (minutes, groups) = (window.curve_minutes, window.curve_groups.clone());
        (minutes > 0).then_some(Self { minutes, until_ms, groups })
    }

    fn at(&self, now_ms: i64) -> MinutesAsked {
        let minute = self.until_ms.unwrap_or(now_ms).div_euclid(MINUTE_MS);
        let until = u32::try_from(minute.saturating_add(1)).unwrap_or(0);
        let from = until.saturating_sub(self.minutes);
        MinutesAsked { from, until, groups: self.groups.clone() }
    }
}

impl Admin {
    /// What all brokers kept, as one.
    pub(super) async fn curves(&self, asked: &CurvesAsked) -> v1::Curves {
        let asked = asked.at(self.node.clock.now().0);
        let image = self.node.image();
        let mut without: Vec<u32> = Vec::new();
        let mut shares = vec![self.node.minutes.curves(&asked)];
        let mut asking = JoinSet::new();
        for broker in image.brokers().filter(|it| it.id != self.node.broker_id) {
            without.push(broker.id.0);
            if broker.is_live() {
                asking.spawn(share_of(self.clone(), broker.id, asked.clone()));
            }
        }
        while let Some(answered) = asking.join_next().await {
            let Ok((broker, Some(share))) = answered else { continue };
            without.retain(|id| *id != broker.0);
            shares.push(share);
        }
        v1::Curves { without_brokers: without, ..join(&shares) }
    }
}

async fn share_of(
    admin: Admin,
    broker: BrokerId,
    asked: MinutesAsked,
) -> (BrokerId, Option<v1::Curves>) {
    let Some(channel) = admin.node.controller.peers().channel(broker) else {
        return (broker, None);
    };
    let mut client = MonitorClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let MinutesAsked { from, until, groups } = asked;
    let request = v1::MinutesRequest { from_minute: from, until_minute: until, groups };
    let answer = tokio::time::timeout(ANSWER_WAIT, client.minutes(Request::new(request))).await;
    let share =
        answer.ok().and_then(Result::ok).map(|it| it.into_inner().curves.unwrap_or_default());
    (broker, share)
}
