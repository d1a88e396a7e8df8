//! The state machine: committed changes become images, images are published and snapshotted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::{Stream, TryStreamExt as _};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::entry::{decode_snapshot, encode_snapshot};
use super::store::Store;
use super::types::{
    Applied, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types, store_error,
};
use crate::metadata::MetadataImage;

/// How long a snapshot that does not fit waits before it is tried again.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// Where the newest image is found.
#[derive(Debug)]
pub(super) struct Images {
    newest: ArcSwap<MetadataImage>,
    changes: watch::Sender<Arc<MetadataImage>>,
}

impl Images {
    fn new(image: Arc<MetadataImage>) -> Self {
        Self { newest: ArcSwap::new(image.clone()), changes: watch::Sender::new(image) }
    }

    pub(super) fn newest(&self) -> Arc<MetadataImage> {
        self.newest.load_full()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.changes.subscribe()
    }

    fn publish(&self, image: Arc<MetadataImage>) {
        self.newest.store(image.clone());
        self.changes.send_replace(image);
    }
}

/// How far the machine is.
#[derive(Debug, Clone, Default)]
struct Position {
    applied: Option<LogId>,
    membership: StoredMembership,
}

/// The state machine; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    images: Arc<Images>,
    position: Arc<Mutex<Position>>,
    store: Store,
}

impl Machine {
    /// A machine at its newest snapshot, or at nothing.
    pub(super) fn open(store: Store, snapshot: Option<&[u8]>) -> io::Result<Self> {
        let (position, image) = match snapshot {
            Some(bytes) => read_snapshot(bytes)?,
            None => (Position::default(), MetadataImage::default()),
        };
        let images = Arc::new(Images::new(Arc::new(image)));
        Ok(Self { images, position: Arc::new(Mutex::new(position)), store })
    }

    pub(super) fn images(&self) -> Arc<Images> {
        self.images.clone()
    }

    /// The image after one more entry.
    fn step(&self, image: &MetadataImage, entry: Entry) -> io::Result<MetadataImage> {
        let id = entry.log_id();
        let next = match &entry.payload {
            EntryPayload::Normal(proposal) => image.apply(id.index, &proposal.0),
            EntryPayload::Blank | EntryPayload::Membership(_) => image.advanced(id.index),
        };
        let mut position = self.position.lock();
        position.applied = Some(id);
        if let EntryPayload::Membership(membership) = entry.payload {
            position.membership = StoredMembership::new(Some(id), membership);
        }
        next.map_err(store_error)
    }

    fn meta(&self) -> SnapshotMeta {
        let position = self.position.lock();
        SnapshotMeta { last_log_id: position.applied, last_membership: position.membership.clone() }
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let position = self.position.lock();
        Ok((position.applied, position.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut image = self.images.newest();
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = entry.log_id().index;
            let changes = matches!(entry.payload, EntryPayload::Normal(_));
            image = Arc::new(self.step(&image, entry)?);
            // The image is there before its proposer hears: it reads what it wrote.
            if changes || responder.is_some() {
                self.images.publish(image.clone());
            }
            if let Some(responder) = responder {
                responder.send(Applied { index });
            }
        }
        self.images.publish(image);
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        // The builder runs beside further applies, so it takes its state now.
        Self {
            images: Arc::new(Images::new(self.images.newest())),
            position: Arc::new(Mutex::new(self.position.lock().clone())),
            store: self.store.clone(),
        }
    }

    async fn install_snapshot(&mut self, _: &SnapshotMeta, bytes: Vec<u8>) -> io::Result<()> {
        // Read before it is kept: a damaged snapshot leaves everything as it was.
        let (position, image) = read_snapshot(&bytes)?;
        self.store.save_snapshot(bytes).await?;
        *self.position.lock() = position;
        self.images.publish(Arc::new(image));
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(bytes) = self.store.read_snapshot().await? else { return Ok(None) };
        let (meta, _) = decode_snapshot(&bytes)?;
        Ok(Some(Snapshot { meta, snapshot: bytes }))
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (meta, image) = (self.meta(), self.images.newest());
        let at = meta.clone();
        let encode = move || encode_snapshot(&at, image.to_snapshot());
        let bytes = tokio::task::spawn_blocking(encode).await.map_err(store_error)?;
        self.save_when_there_is_room(&bytes).await?;
        Ok(Snapshot { meta, snapshot: bytes })
    }
}

impl Machine {
    /// A snapshot that does not fit waits for room; the log is kept for as long.
    async fn save_when_there_is_room(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.store.save_snapshot(bytes.to_vec()).await {
                Err(err)
                    if err.kind() == io::ErrorKind::StorageFull && !self.store.is_stopping() =>
                {
                    tracing::warn!(error = %err, "a metadata snapshot waits for room");
                    tokio::time::sleep(ROOM_WAIT).await;
                }
                saved => return saved,
            }
        }
    }
}

fn read_snapshot(bytes: &[u8]) -> io::Result<(Position, MetadataImage)> {
    let (meta, image) = decode_snapshot(bytes)?;
    let image = MetadataImage::from_snapshot(&image).map_err(store_error)?;
    Ok((Position { applied: meta.last_log_id, membership: meta.last_membership }, image))
}
