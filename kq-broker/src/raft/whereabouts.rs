//! Members that come back elsewhere. The quorum talks to each member at one place, so one whose
//! address has changed tells the others itself, and each of them sees for itself:
//!
//! ```text
//!   moved member ── Standing { where it is now } ──> every member that it can reach
//!                                                      │ who answers where it was before?  it does: refused
//!                                                      │ who answers where it is now?      it does: met there
//!        raft reaches it, it registers  <── dialled ───┘
//!        the leader takes the registered address into the membership
//! ```
//! Nothing of it is believed without being tried, and nothing is committed before the broker
//! registers: an address in the book is only where raft's calls go, and each call names the broker
//! that it is for. So brokers that have changed places find one another too.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join;
use openraft::async_runtime::WatchReceiver as _;
use openraft::{BasicNode, ChangeMembers};

use super::controller::{Controller, broker_of};
use crate::controller::ControlError;
use crate::ids::{BrokerId, Incarnation};
use crate::peers::{Answerer, address_of, is_address, who_is};

/// Until a change of the membership is tried again that was refused.
const AGAIN: Duration = Duration::from_millis(500);

/// What became of an address that a member named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is looked for where it is.
    There,
    /// A process that is this broker answers at this address, where it was before.
    Lives(String),
    /// Nothing has changed, and why.
    Doubtful(String),
}

impl Controller {
    /// Whether the others may look for this broker where it is no more.
    pub fn is_moved(&self) -> bool {
        let (stated, own) = (self.peers().stated(self.broker()), &self.inner.address);
        !own.is_empty() && stated.is_some_and(|it| it != *own)
    }

    /// From now on this broker says which life of it this is.
    pub fn live_as(&self, life: Incarnation) {
        // A broker has one life in a process; a second time changes nothing.
        let _ = self.inner.life.set(life);
    }

    /// This life of the broker, once it has one.
    pub fn life(&self) -> Option<Incarnation> {
        self.inner.life.get().copied()
    }

    /// Where this broker is reached.
    pub fn own_address(&self) -> &str {
        &self.inner.address
    }

    /// Where the members are reached, as far as this one knows; itself among them.
    pub fn whereabouts(&self) -> Vec<(BrokerId, String)> {
        let me = self.broker();
        let others = self.quorum().into_iter().filter(|it| it.broker != me);
        let others = others.filter_map(|it| Some((it.broker, self.peers().stated(it.broker)?)));
        let own = (me, self.inner.address.clone());
        std::iter::once(own).filter(|(_, own)| !own.is_empty()).chain(others).collect()
    }

    /// Looks for a member where it is said to be, unless it is found where it was: a copy of its
    /// directory must not take the place of one that lives.
    pub async fn find(
        &self,
        (broker, life): (BrokerId, Option<Incarnation>),
        address: &str,
    ) -> Found {
        let (peers, me) = (self.peers(), self.broker());
        let known = peers.stated(broker);
        if broker == me || known.as_deref() == Some(address) {
            return Found::There;
        }
        if let Some(set) = peers.configured(broker) {
            let why = format!("peer.addresses of broker {me} has it at {set}");
            return if set == address { Found::There } else { Found::Doubtful(why) };
        }
        if !is_address(address) || !self.quorum().iter().any(|it| it.broker == broker) {
            return Found::Doubtful(format!("it is no member by what broker {me} knows"));
        }
        let (since, cluster) = (self.status().last_log_index.unwrap_or(0), self.cluster_id());
        let before = async {
            match &known {
                Some(known) => who_is(known, &cluster).await,
                None => Answerer::Nobody,
            }
        };
        let (before, now) = join(before, who_is(address, &cluster)).await;
        // It may be reached at either.
        if life.is_some() && before == Answerer::Broker(broker, life) {
            return Found::There;
        }
        let found = judge(broker, (known.as_deref().unwrap_or_default(), before), (address, now));
        if found == Found::There {
            let was = known.as_deref().unwrap_or("unknown");
            tracing::info!(%broker, address, was, "a broker is back at another address");
            peers.meet(broker, address, since);
        }
        found
    }

    /// Keeps the addresses of the membership those that brokers have registered, whenever this one
    /// leads. Runs until the stop. A start goes by them: its image is as old as its snapshot.
    pub async fn follow_addresses(self) {
        let (mut images, mut leadership) = (self.subscribe(), self.leadership());
        loop {
            let named = if self.is_leader() { self.name_registered().await } else { Ok(()) };
            if let Err(err) = &named {
                tracing::debug!(error = %err, "the membership does not name an address yet");
            }
            let changed = tokio::select! {
                changed = images.changed() => changed,
                changed = leadership.changed() => changed,
                () = tokio::time::sleep(AGAIN), if named.is_err() => Ok(()),
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn name_registered(&self) -> Result<(), ControlError> {
        if self.misnamed().is_empty() {
            return Ok(());
        }
        let _changing = self.inner.changing_members.lock().await;
        let misnamed = self.misnamed();
        if misnamed.is_empty() {
            return Ok(());
        }
        self.change(ChangeMembers::SetNodes(misnamed), true).await
    }

    /// The members that are registered at another address than the membership has.
    fn misnamed(&self) -> BTreeMap<u64, BasicNode> {
        let image = self.image();
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        let registered = |id: u64| address_of(image.broker(broker_of(id)?)?.endpoints.first()?);
        let differs = |(id, node): (&u64, &BasicNode)| {
            let address = registered(*id).filter(|it| *it != node.addr)?;
            Some((*id, BasicNode::new(address)))
        };
        metrics.membership_config.membership().nodes().filter_map(differs).collect()
    }
}

/// Who was found where the broker was, and where it is said to be, makes the difference. Somebody
/// who says nothing may be the broker, stopped for a while.
fn judge(
    broker: BrokerId,
    (was, before): (&str, Answerer),
    (address, now): (&str, Answerer),
) -> Found {
    let why = match (before, now) {
        (Answerer::Broker(it, _), _) if it == broker => return Found::Lives(was.to_owned()),
        (Answerer::Silent, _) => {
            format!("at {was} somebody takes connections and says nothing, as it would if it hung")
        }
        (Answerer::Starting, _) => format!("a broker starts at {was}, and may be the same"),
        (_, Answerer::Broker(it, _)) if it == broker => return Found::There,
        (_, Answerer::Broker(it, _)) => format!("broker {it} answers at {address}"),
        (_, Answerer::Starting) => format!("a broker starts at {address}, which one is not known"),
        (_, Answerer::Silent | Answerer::Stranger) => {
            format!("who takes connections at {address} is no broker of this cluster")
        }
        (_, Answerer::Nobody) => format!("nobody takes connections at {address}"),
    };
    Found::Doubtful(why)
}
