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

use super::entry::{SnapshotContent, decode_snapshot, encode_snapshot};
use super::store::Store;
use super::types::{
    Applied, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types, store_error,
};
use crate::env;
use crate::metadata::MetadataImage;

/// How long a snapshot that does not fit waits before it is tried again.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// An image, and what a decision that looks at it goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct Basis {
    pub(super) image: Arc<MetadataImage>,
    /// The entry of the last change in it; none in a log from before changes named their base.
    pub(super) changed: Option<u64>,
}

/// Where the newest image is found.
#[derive(Debug)]
pub(super) struct Images {
    newest: ArcSwap<Basis>,
    changes: watch::Sender<Arc<MetadataImage>>,
}

impl Images {
    fn new(basis: Basis) -> Self {
        let changes = watch::Sender::new(Arc::clone(&basis.image));
        Self { newest: ArcSwap::from_pointee(basis), changes }
    }

    pub(super) fn newest(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.newest.load().image)
    }

    /// The newest image to decide by.
    pub(super) fn basis(&self) -> Basis {
        Basis::clone(&self.newest.load())
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.changes.subscribe()
    }

    fn publish(&self, basis: Basis) {
        let image = Arc::clone(&basis.image);
        self.newest.store(Arc::new(basis));
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
        let (position, basis) = snapshot.map_or_else(|| Ok(Default::default()), read_snapshot)?;
        let images = Arc::new(Images::new(basis));
        Ok(Self { images, position: Arc::new(Mutex::new(position)), store })
    }

    pub(super) fn images(&self) -> Arc<Images> {
        self.images.clone()
    }

    /// The image after one more entry, and whether that entry has changed what it was to.
    fn step(&self, basis: &Basis, entry: Entry) -> io::Result<(Basis, bool)> {
        let id = entry.log_id();
        let (image, mut changed) = (&basis.image, basis.changed);
        let (next, held) = match &entry.payload {
            EntryPayload::Normal(it) if it.base.is_none() || it.base == changed => {
                changed = Some(id.index);
                (image.apply(id.index, &it.change), true)
            }
            EntryPayload::Normal(_) => (image.advanced(id.index), false),
            EntryPayload::Blank | EntryPayload::Membership(_) => (image.advanced(id.index), true),
        };
        let mut position = self.position.lock();
        position.applied = Some(id);
        if let EntryPayload::Membership(membership) = entry.payload {
            position.membership = StoredMembership::new(Some(id), membership);
        }
        let image = Arc::new(next.map_err(store_error)?);
        Ok((Basis { image, changed }, held))
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
        let mut basis = self.images.basis();
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = entry.log_id().index;
            let changes = matches!(entry.payload, EntryPayload::Normal(_));
            let (next, held) = self.step(&basis, entry)?;
            basis = next;
            // The image is there before its proposer hears: it reads what it wrote.
            if changes || responder.is_some() {
                self.images.publish(basis.clone());
            }
            if let Some(responder) = responder {
                responder.send(Applied { index, held });
            }
        }
        self.images.publish(basis);
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        // The builder runs beside further applies, so it takes its state now.
        Self {
            images: Arc::new(Images::new(self.images.basis())),
            position: Arc::new(Mutex::new(self.position.lock().clone())),
            store: self.store.clone(),
        }
    }

    async fn install_snapshot(&mut self, _: &SnapshotMeta, bytes: Vec<u8>) -> io::Result<()> {
        // Read before it is kept: a damaged snapshot leaves everything as it was.
        let (position, basis) = read_snapshot(&bytes)?;
        self.store.save_snapshot(bytes).await?;
        *self.position.lock() = position;
        self.images.publish(basis);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(bytes) = self.store.read_snapshot().await? else { return Ok(None) };
        let meta = decode_snapshot(&bytes)?.meta;
        Ok(Some(Snapshot { meta, snapshot: bytes }))
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (meta, Basis { image, changed }) = (self.meta(), self.images.basis());
        let at = meta.clone();
        let encode = move || {
            encode_snapshot(SnapshotContent { meta: at, changed, image: image.to_snapshot() })
        };
        let bytes = env::spawn_blocking(encode).await.map_err(store_error)?;
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

fn read_snapshot(bytes: &[u8]) -> io::Result<(Position, Basis)> {
    let SnapshotContent { meta, changed, image } = decode_snapshot(bytes)?;
    let image = Arc::new(MetadataImage::from_snapshot(&image).map_err(store_error)?);
    let position = Position { applied: meta.last_log_id, membership: meta.last_membership };
    Ok((position, Basis { image, changed }))
}
