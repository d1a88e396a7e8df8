//! What a watcher looks at: the cluster as it is, or as it was.

use std::sync::Arc;

use crate::ids::BrokerId;
use crate::metadata::MetadataImage;

/// The cluster at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The cluster then, with its history up to then.
    pub image: Arc<MetadataImage>,
    /// When that was, in milliseconds since 1970; none = now.
    pub as_of_ms: Option<i64>,
}

/// How the quorum stands, as far as the image does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who leads it now.
    pub controller: Option<BrokerId>,
    /// Who votes in it.
    pub voters: Vec<BrokerId>,
    /// How long the broker that answers has heard nothing of the controller, in milliseconds; none
    /// while it hears it.
    pub stale_ms: Option<u64>,
}

impl Moment {
    /// Now.
    pub fn now(image: Arc<MetadataImage>) -> Self {
        Self { image, as_of_ms: None }
    }

    /// Whether it is now.
    pub fn is_now(&self) -> bool {
        self.as_of_ms.is_none()
    }
}
