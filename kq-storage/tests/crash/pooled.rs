//! Several files share a few handles; some write-backs fail behind their backs.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use kq_storage::sim::{AfterFailedSync, SimDisk};
use kq_storage::vfs::{OpenMode, Vfs, create_dir_durable, read_all, sync_parent};
use kq_storage::{OpenFiles, PooledFile};

use crate::harness::{Recorder, Workload, ensure};

const FILES: usize = 5;
const HANDLES_MAX: usize = 2;

/// For each file, the bytes that were synced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    synced: [Rc<Vec<u8>>; FILES],
    has_name: [bool; FILES],
}

pub(crate) struct Appended;

fn path(which: usize) -> PathBuf {
    Path::new("/data").join(format!("{which}.log"))
}

/// One file of the run, as its owner knows it.
struct Owned {
    file: Arc<PooledFile>,
    content: Vec<u8>,
}

impl Workload for Appended {
    type Model = Model;
    const NAME: &'static str = "pooled files";

    fn run(&self, seed: u64, run: &mut Recorder<Model>) {
        create_dir_durable(&run.disk, Path::new("/data")).unwrap();
        let pool = OpenFiles::new(Arc::new(run.disk.clone()), HANDLES_MAX);
        let mut files = Vec::new();
        for which in 0..FILES {
            let file = pool.create_new(path(which)).unwrap();
            sync_parent(&run.disk, &path(which)).unwrap();
            run.note(|model| model.has_name[which] = true);
            files.push(Owned { file, content: Vec::new() });
        }
        for _ in 0..60 {
            let which = usize::try_from(run.rng.below(FILES as u64)).unwrap();
            match run.rng.below(8) {
                0..4 => step_append(&mut files[which], run),
                4..7 => step_sync(&mut files[which], which, run),
                _ if seed % 2 == 1 => {
                    let _ = run.disk.fail_writeback(&path(which), AfterFailedSync::KeptClean);
                }
                _ => {
                    files[which].file.handle().unwrap();
                }
            }
        }
    }

    fn recover(&self, disk: &SimDisk) {
        let _ = disk.list(Path::new("/data"));
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        for which in 0..FILES {
            let file = match disk.open(&path(which), OpenMode::Read) {
                Err(_) if !model.has_name[which] => continue,
                opened => opened.map_err(|err| format!("open file {which}: {err}"))?,
            };
            let found = read_all(file.as_ref()).map_err(|err| err.to_string())?;
            ensure(found.starts_with(&model.synced[which]), || {
                format!("file {which} lost some of {} synced bytes", model.synced[which].len())
            })?;
        }
        Ok(())
    }
}

fn step_append(owned: &mut Owned, run: &mut Recorder<Model>) {
    let mut bytes = vec![0; usize::try_from(1 + run.rng.below(900)).unwrap()];
    run.rng.fill(&mut bytes);
    if owned.file.write_all_at(&bytes, owned.content.len() as u64).is_ok() {
        owned.content.extend_from_slice(&bytes);
    }
}

/// Asks once more after a failure, as a caller that does not know better would.
fn step_sync(owned: &mut Owned, which: usize, run: &mut Recorder<Model>) {
    let is_synced = owned.file.sync_data().is_ok() || owned.file.sync_data().is_ok();
    if is_synced {
        let content = owned.content.clone();
        run.note(|model| model.synced[which] = Rc::new(content));
    }
}
