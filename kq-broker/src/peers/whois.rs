//! Who answers at an address: a process is believed to be a broker only by its own word.

use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{PROBE_WAIT, channel_to};
use crate::env::TcpStream;
use crate::ids::{BrokerId, ClusterId, Incarnation};

/// How long whoever takes the connection may take to say who it is.
const WORD_WAIT: Duration = Duration::from_secs(1);

/// Who answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// This broker of the cluster that was asked for, and this life of it.
    Broker(BrokerId, Option<Incarnation>),
    /// A broker that starts and does not know yet which one it is.
    Starting,
    /// Somebody who takes the connection and says nothing: a process that hangs, or was stopped.
    Silent,
    /// Somebody else: another cluster, or no broker at all.
    Stranger,
    /// Nobody takes the connection.
    Nobody,
}

/// Asks who answers at an address.
pub async fn who_is(address: &str, cluster: &ClusterId) -> Answerer {
    let connected = tokio::time::timeout(PROBE_WAIT, TcpStream::connect(address)).await;
    if !matches!(connected, Ok(Ok(_))) {
        return Answerer::Nobody;
    }
    match tokio::time::timeout(WORD_WAIT, ask(address, cluster)).await {
        Ok(Ok(told)) if told.cluster_id != cluster.0 => Answerer::Stranger,
        Ok(Ok(told)) => {
            let life = Uuid::from_slice(&told.incarnation).ok().map(Incarnation);
            told.broker.map_or(Answerer::Silent, |it| Answerer::Broker(BrokerId(it), life))
        }
        Ok(Err(status)) if is_starting(&status) => Answerer::Starting,
        Ok(Err(_)) => Answerer::Stranger,
        Err(_) => Answerer::Silent,
    }
}

async fn ask(address: &str, cluster: &ClusterId) -> Result<v1::StandingResponse, Status> {
    let channel = channel_to(address).ok_or_else(|| Status::invalid_argument("no address"))?;
    let request = v1::StandingRequest { cluster_id: cluster.0.clone(), ..Default::default() };
    Ok(MembersClient::new(channel).standing(request).await?.into_inner())
}

/// It was said, and did not come of the connection.
fn is_starting(status: &Status) -> bool {
    status.code() == Code::Unavailable && std::error::Error::source(status).is_none()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_takes_a_connection_and_says_nothing_is_not_nobody() {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap().to_string();
        let cluster = ClusterId("test".to_owned());
        assert_eq!(who_is(&address, &cluster).await, Answerer::Silent);
        drop(door);
        assert_eq!(who_is(&address, &cluster).await, Answerer::Nobody);
    }
}
