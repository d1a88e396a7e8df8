//! A machine that a broker runs on: its disk, its power switch, and the broker as long as it runs.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use kq_broker::config::{self, BrokerConfig};
use kq_broker::process::run_until;
use kq_broker::runtime::Node;
use kq_storage::sim::SimDisk;
use tokio_util::sync::CancellationToken;

use super::wire::PORT;

/// A machine.
pub(crate) struct Seat {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) disk: SimDisk,
    flags: Vec<String>,
    /// Whether a broker is to run when the machine starts.
    pub(crate) is_on: Cell<bool>,
    /// The broker, while it serves.
    node: RefCell<Option<Arc<Node>>>,
    /// Tells the broker to stop in order.
    leave: RefCell<CancellationToken>,
    /// The broker has stopped in order.
    pub(crate) has_left: Cell<bool>,
    /// Why a broker did not start or stop as it should.
    pub(crate) failure: RefCell<Option<String>>,
}

impl Seat {
    pub(crate) fn new(id: u32, seed: u64, flags: &[&str]) -> Rc<Self> {
        Rc::new(Self {
            id,
            name: format!("broker-{id}"),
            disk: SimDisk::new(seed ^ u64::from(id)),
            flags: flags.iter().map(|it| (*it).to_owned()).collect(),
            is_on: Cell::new(true),
            node: RefCell::default(),
            leave: RefCell::default(),
            has_left: Cell::new(false),
            failure: RefCell::default(),
        })
    }

    /// The broker, if it serves.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        self.node.borrow().clone()
    }

    /// Lets go of the broker: it dies, and nothing of it may live on.
    pub(crate) fn forget(&self) {
        self.node.take();
    }

    /// Asks the broker to stop in order.
    pub(crate) fn stop(&self) {
        self.forget();
        self.leave.borrow().cancel();
    }

    fn config(&self) -> Result<BrokerConfig, String> {
        let name = &self.name;
        let own = [
            "kq-broker".to_owned(),
            "--node-id".to_owned(),
            self.id.to_string(),
            "--advertised-address".to_owned(),
            format!("{name}:{PORT}"),
        ];
        let args = own.iter().chain(&self.flags).map(Into::into);
        config::load(args, |_| None).map(|it| it.config).map_err(|err| err.to_string())
    }

    /// What the machine does from the moment that it has power.
    pub(crate) async fn live(self: Rc<Self>) -> turmoil::Result {
        if self.is_on.get() {
            let ended = Box::pin(self.serve()).await;
            // A disk without power fails everything; the machine goes down at the same moment.
            if let Err(err) = ended
                && !self.disk.is_down()
            {
                self.failure.replace(Some(err));
            }
            self.has_left.set(true);
        }
        // The machine runs on without a broker: nobody listens there.
        pending().await
    }

    async fn serve(&self) -> Result<(), String> {
        let leave = CancellationToken::new();
        self.leave.replace(leave.clone());
        self.has_left.set(false);
        let ready = |broker: &kq_broker::process::Broker| {
            self.node.replace(Some(Arc::clone(broker.node())));
        };
        let disk = Arc::new(self.disk.clone());
        let run = run_until(leave.cancelled_owned(), disk, self.config()?, ready);
        Box::pin(run).await.map_err(|err| err.to_string())
    }
}
