//! Small files replaced over and over, in a directory that is new itself.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use kq_storage::sim::SimDisk;
use kq_storage::vfs::create_dir_durable;
use kq_storage::{AtomicFile, FileError};

use crate::harness::{Recorder, Workload, ensure};

const FILE: AtomicFile = AtomicFile { magic: *b"KQTS", version: 1 };
const NAMES: [&str; 2] = ["vote", "snapshot"];

/// For each file: what was written last, and what is being written now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    done: [Option<Bytes>; 2],
    under_way: [Option<Bytes>; 2],
}

pub(crate) struct Replaced;

fn path(which: usize) -> PathBuf {
    Path::new("/meta/raft").join(NAMES[which])
}

fn read(disk: &SimDisk, which: usize) -> Result<Option<Bytes>, FileError> {
    Ok(FILE.read(disk, &path(which))?.map(|(_, content)| content))
}

impl Workload for Replaced {
    type Model = Model;
    const NAME: &'static str = "atomic file";

    fn run(&self, _seed: u64, run: &mut Recorder<Model>) {
        create_dir_durable(&run.disk, Path::new("/meta/raft")).unwrap();
        for _ in 0..20 {
            let which = usize::from(run.rng.chance(4));
            let mut content = vec![0; usize::try_from(run.rng.below(3_000)).unwrap()];
            run.rng.fill(&mut content);
            let content = Bytes::from(content);
            run.note(|model| model.under_way[which] = Some(content.clone()));
            FILE.write(&run.disk, &path(which), &content).unwrap();
            run.note(|model| {
                model.done[which] = Some(content);
                model.under_way[which] = None;
            });
        }
    }

    fn recover(&self, disk: &SimDisk) {
        let _ = create_dir_durable(disk, Path::new("/meta/raft"));
        let _ = read(disk, 0);
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        for (which, name) in NAMES.iter().enumerate() {
            let found = read(disk, which).map_err(|err| err.to_string())?;
            let is_new = model.under_way[which].is_some() && found == model.under_way[which];
            ensure(found == model.done[which] || is_new, || {
                format!("{name} is neither the old nor the new one")
            })?;
        }
        create_dir_durable(disk, Path::new("/meta/raft")).map_err(|err| err.to_string())?;
        FILE.write(disk, &path(0), b"again").map_err(|err| err.to_string())?;
        disk.power_cut(1);
        let found = read(disk, 0).map_err(|err| err.to_string())?;
        ensure(found.is_some_and(|content| content == "again"), || {
            "lost the second time".to_owned()
        })
    }
}
