//! Producer ids to give out: the controller grants them in blocks, each block to one broker.

use std::ops::Range;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use parking_lot::Mutex;

use crate::controller::{Command, ControlError, Reply};
use crate::runtime::Node;

/// How long a producer may wait for a new block.
const DEADLINE: Duration = Duration::from_secs(10);

/// What is left of the current block.
#[derive(Debug, Default)]
pub struct ProducerIds {
    left: Mutex<Range<u64>>,
    /// Held while a block is fetched, so that a rush of producers fetches one.
    fetching: tokio::sync::Mutex<()>,
}

impl ProducerIds {
    /// The next id, if the block has one.
    pub fn take(&self) -> Option<u64> {
        self.left.lock().next()
    }

    /// The next id, from a new block if need be.
    pub async fn allocate(&self, node: &Node) -> Result<u64, ControlError> {
        let _fetching = self.fetching.lock().await;
        if let Some(id) = self.take() {
            return Ok(id);
        }
        let image = node.controller.image();
        let Some(registered) = image.broker(node.broker_id) else {
            let message = "this broker is not registered yet";
            return Err(ControlError::new(ErrorCode::CoordinatorLoadInProgress, message));
        };
        let (broker, epoch) = (node.broker_id, registered.epoch);
        let command = Command::AllocateProducerIds { broker, epoch };
        let Reply::ProducerIds(block) = node.controller.submit(command, DEADLINE).await? else {
            let message = "an answer of another kind";
            return Err(ControlError::new(ErrorCode::UnknownServerError, message));
        };
        let mut left = self.left.lock();
        *left = block.first..block.first + u64::from(block.count);
        left.next()
            .ok_or_else(|| ControlError::new(ErrorCode::UnknownServerError, "an empty block"))
    }
}
