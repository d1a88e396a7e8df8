//! Which member of which cluster this one is, as every message among members says.

use std::sync::Arc;

use kq_proto::cluster::v1;
use tonic::Status;

use super::machine::Images;
use super::wire::malformed;
use crate::ids::{BrokerId, ClusterId};

#[derive(Debug)]
pub(super) struct Identity {
    pub(super) broker: BrokerId,
    /// As its directories say; else its first image will tell.
    pub(super) cluster_id: Option<ClusterId>,
    pub(super) images: Arc<Images>,
}

impl Identity {
    /// The cluster, once it is known.
    pub(super) fn cluster_id(&self) -> Option<ClusterId> {
        self.images.newest().cluster_id().cloned().or_else(|| self.cluster_id.clone())
    }

    pub(super) fn route_to(&self, to: u64) -> v1::Route {
        v1::Route {
            cluster_id: self.cluster_id().unwrap_or_default().0,
            from: self.broker.0,
            to: u32::try_from(to).unwrap_or(u32::MAX),
        }
    }

    /// Refuses what is meant for another broker or comes from another cluster. Who sends is not
    /// asked for more than that: raft must hear members that it does not know of yet.
    pub(super) fn verify(&self, route: Option<&v1::Route>) -> Result<BrokerId, Status> {
        let route = route.ok_or_else(|| malformed("its route"))?;
        let refused = |why: String| Err(Status::failed_precondition(why));
        match self.cluster_id() {
            Some(mine) if mine.0 == route.cluster_id => {}
            Some(mine) => {
                let theirs: String = route.cluster_id.chars().take(64).collect();
                return refused(format!("this is cluster {mine}, the sender is of {theirs:?}"));
            }
            None => return Err(Status::unavailable("this broker is of no cluster yet")),
        }
        if route.to != self.broker.0 || route.from == self.broker.0 {
            let (me, from, to) = (self.broker, route.from, route.to);
            return refused(format!("this is broker {me}, the message goes from {from} to {to}"));
        }
        Ok(BrokerId(route.from))
    }
}
