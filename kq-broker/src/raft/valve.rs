//! Ways between members that can lose one direction, for tests. Pure loopback.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Whether bytes flow, in one direction.
type Flow = watch::Receiver<bool>;

/// A port that leads to another one.
#[derive(Debug)]
pub(super) struct Valve {
    pub(super) address: String,
    /// From the dialer on, and back to it.
    flows: [watch::Sender<bool>; 2],
    task: tokio::task::JoinHandle<()>,
}

impl Valve {
    /// Opens one to an address.
    pub(super) async fn to(target: String) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = door.local_addr().unwrap().to_string();
        let flows = [watch::Sender::new(true), watch::Sender::new(true)];
        let [there, back] = [flows[0].subscribe(), flows[1].subscribe()];
        let target: Arc<str> = target.into();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = door.accept().await {
                let (target, there, back) = (Arc::clone(&target), there.clone(), back.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(&*target).await else { return };
                    let (near_in, near_out) = near.into_split();
                    let (far_in, far_out) = far.into_split();
                    tokio::select! {
                        () = pump(near_in, far_out, there) => {}
                        () = pump(far_in, near_out, back) => {}
                    }
                });
            }
        });
        Self { address, flows, task }
    }

    /// Lets bytes flow from the dialer on, or keeps them.
    pub(super) fn set_there(&self, flows: bool) {
        self.flows[0].send_replace(flows);
    }

    /// The same of bytes to the dialer.
    pub(super) fn set_back(&self, flows: bool) {
        self.flows[1].send_replace(flows);
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Copies until an end, whenever the flow is on.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flow: Flow) {
    let mut room = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut room).await {
        let flows = flow.wait_for(|it| *it).await.map(drop);
        if flows.is_err() || to.write_all(&room[..read]).await.is_err() {
            return;
        }
    }
}
