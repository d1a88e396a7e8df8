//! Logs of one name that are made, used and removed, one after another.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{create_dir_durable, exists};
use kq_storage::{
    LeaderEpoch, Log, LogConfig, LogIdentity, OpenFiles, TimestampMs, read_identity, remove_log,
};

use crate::harness::{Recorder, Workload, ensure};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

/// Which of the logs may be found, and which must be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// Logs up to this one are gone for good.
    gone_until: u8,
    /// This one has been synced and not been removed yet.
    stands: Option<u8>,
}

pub(crate) struct Removed;

fn dir() -> &'static Path {
    Path::new("/data/t-0")
}

fn files(disk: &SimDisk) -> Arc<OpenFiles> {
    OpenFiles::new(Arc::new(disk.clone()), 4)
}

impl Workload for Removed {
    type Model = Model;
    const NAME: &'static str = "removal";

    fn run(&self, _seed: u64, run: &mut Recorder<Model>) {
        create_dir_durable(&run.disk, Path::new("/data")).unwrap();
        let config = LogConfig { segment_bytes: 400, ..LogConfig::default() };
        for id in 1..6 {
            run.say(format!("create log {id}"));
            let (files, identity) = (files(&run.disk), LogIdentity([id; 16]));
            let path = PathBuf::from(dir());
            let mut log = Log::create(files, path, identity, config.clone(), NOW).unwrap();
            for _ in 0..run.rng.below(6) {
                let batch =
                    BatchBuilder::new(Compression::None).record(NOW, None, Some(&[id; 100]));
                log.append(batch.build().unwrap(), LeaderEpoch(0), NOW).unwrap();
            }
            if run.rng.chance(6) {
                run.say("close it");
                log.close().unwrap();
                run.note(|model| model.stands = Some(id));
            }
            run.say("remove it");
            run.note(|model| model.stands = None);
            remove_log(&run.disk, dir()).unwrap();
            run.note(|model| model.gone_until = id);
        }
    }

    fn recover(&self, disk: &SimDisk) {
        let _ = Log::open(files(disk), PathBuf::from(dir()), LogConfig::default(), NOW);
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        let is_there = exists(disk, dir()).map_err(|err| err.to_string())?;
        ensure(is_there || model.stands.is_none(), || format!("{:?} is not there", model.stands))?;
        if !is_there {
            return Ok(());
        }
        let found = match read_identity(disk, dir()) {
            // Its creation was torn.
            Err(_) if model.stands.is_none() => None,
            read => read.map_err(|err| err.to_string())?,
        };
        let id = found.map(|LogIdentity([id, ..])| id);
        ensure(id.is_none_or(|id| model.gone_until < id), || format!("{id:?} is back"))?;
        ensure(model.stands.is_none() || id == model.stands, || {
            format!("{:?} should stand, but {id:?} does", model.stands)
        })?;
        let opened = Log::open(files(disk), PathBuf::from(dir()), LogConfig::default(), NOW);
        if let (Err(err), Some(stands)) = (&opened, model.stands) {
            return Err(format!("{stands} stands, but: {err}"));
        }
        drop(opened);
        remove_log(disk, dir()).map_err(|err| format!("removing what is left: {err}"))?;
        disk.power_cut(1);
        let is_there = exists(disk, dir()).map_err(|err| err.to_string())?;
        ensure(!is_there, || "it is back after a second crash".to_owned())
    }
}
