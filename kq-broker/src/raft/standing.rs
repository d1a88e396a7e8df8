//! How a broker stands with its cluster that starts on an old directory and hears nothing of it: the
//! others talk to members only, and to each at one place, so it has to ask.

use std::time::Duration;

use super::controller::Controller;
use super::proposer::no_controller;
use crate::controller::ControlError;
use crate::ids::{BrokerId, Incarnation};
use crate::metadata::{EventKind, MetadataImage, Subject, TimestampMs};
use crate::peers::address_of;

/// How long finding out may take: who asks will ask again.
const ASK_WAIT: Duration = Duration::from_secs(2);

/// How a broker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known that keeps it out.
    Free,
    /// It was unregistered and is no member of the quorum any more.
    Unregistered {
        /// When and why, as long as the history tells.
        told: Option<(TimestampMs, String)>,
    },
    /// Another process is this broker, and lives.
    Taken {
        /// When that one registered.
        since: TimestampMs,
        /// Where it is reached.
        address: Option<String>,
    },
}

impl Controller {
    /// How another broker stands, by all that was committed when this was asked.
    pub async fn standing(
        &self,
        broker: BrokerId,
        life: Incarnation,
    ) -> Result<Standing, ControlError> {
        if self.leader().is_none() {
            return Err(no_controller("the quorum elects one"));
        }
        let asked = async {
            self.catch_up(ASK_WAIT).await?;
            let members = self.membership().await?;
            let is_member = members.get_node(&u64::from(broker.0)).is_some();
            Ok(judge(&self.image(), (broker, is_member), life))
        };
        let late = |_| Err(no_controller("it does not answer in time"));
        tokio::time::timeout(ASK_WAIT, asked).await.unwrap_or_else(late)
    }
}

/// Who is neither registered nor a member never comes back: its number is given out anew, and what
/// it knows of the quorum may be wrong by now.
fn judge(
    image: &MetadataImage,
    (broker, is_member): (BrokerId, bool),
    life: Incarnation,
) -> Standing {
    match image.broker(broker) {
        Some(known) if known.is_live() && known.incarnation != life => Standing::Taken {
            since: known.registered_at,
            address: known.endpoints.first().and_then(address_of),
        },
        Some(_) => Standing::Free,
        None if is_member => Standing::Free,
        None => {
            let forgot = image.events().rev().find(|it| {
                it.kind == EventKind::BrokerUnregistered && it.subject == Subject::Broker(broker)
            });
            let told = forgot.map(|it| (it.time, it.reason.to_string()));
            Standing::Unregistered { told }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::metadata::{BrokerRegistration, Change, MetadataRecord};

    #[test]
    fn who_is_neither_registered_nor_a_member_is_out() {
        let (two, life) = (BrokerId(2), Incarnation(Uuid::from_u128(7)));
        let mut image = MetadataImage::default();
        let mut commit = |at, record| {
            let mut change = Change::new(TimestampMs(at), "as asked");
            change.records.push(record);
            image = image.apply(image.applied() + 1, &change).unwrap();
            [true, false].map(|member| judge(&image, (two, member), life))
        };
        let registration = BrokerRegistration::at(two, "old", 9_092);
        let [lives, _] = commit(1, MetadataRecord::BrokerRegistered(registration.clone()));
        let address = Some("old:9092".to_owned());
        assert_eq!(lives, Standing::Taken { since: TimestampMs(1), address });
        let fenced = commit(2, MetadataRecord::BrokerFenced { broker: two });
        assert_eq!(fenced, [Standing::Free, Standing::Free]);
        let mine = BrokerRegistration { incarnation: life, ..registration };
        assert_eq!(commit(3, MetadataRecord::BrokerRegistered(mine))[0], Standing::Free);
        let [member, gone] = commit(4, MetadataRecord::BrokerUnregistered { broker: two });
        assert_eq!(member, Standing::Free, "it may register anew");
        let told = Some((TimestampMs(4), "as asked".to_owned()));
        assert_eq!(gone, Standing::Unregistered { told });
    }
}
