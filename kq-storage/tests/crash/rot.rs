//! A process is killed and a bit of a record rots: that is damage, never a torn tail to be cut.
//!
//! The lives are those of the partition log. Only kills: a power cut may take the note of how far
//! the log was synced, and what rots above the last note that is left cannot be told from a tear.

use std::path::PathBuf;

use kq_storage::batch::BatchHeader;
use kq_storage::sim::{Prng, SimDisk};
use kq_storage::vfs::{OpenMode, Vfs, read_all as read_file};

use crate::harness::{Recorder, Workload, ensure};
use crate::log::{Batches, Model, dir, open_told, read_all};

pub(crate) struct Rotten;

/// Bits that rot, each for itself, at every place where the process dies.
const FLIPS: u64 = 4;

/// Where in a batch its leader epoch stands, which no checksum covers.
const EPOCH_BYTES: std::ops::Range<usize> = 12..16;

/// A batch in a file.
struct Place {
    path: PathBuf,
    position: usize,
    header: BatchHeader,
}

impl Workload for Rotten {
    type Model = Model;
    const NAME: &'static str = "rot";
    const KILLS_ONLY: bool = true;

    fn run(&self, seed: u64, run: &mut Recorder<Model>) {
        Batches.run(seed, run);
    }

    fn recover(&self, disk: &SimDisk) {
        Batches.recover(disk);
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        (0..FLIPS).try_for_each(|nth| verify_flipped(&disk.fork(), model, nth))
    }
}

/// Rots one bit of a batch that was noted as synced, and looks whether that is found.
fn verify_flipped(disk: &SimDisk, model: &Model, nth: u64) -> Result<(), String> {
    let mut rng = Prng::new(disk.step() << 8 | nth);
    let noted = places(disk).into_iter().filter(|place| {
        let header = &place.header;
        model.start.1 <= header.base_offset.0 && header.last_offset().0 < model.noted_end
    });
    let noted: Vec<Place> = noted.collect();
    let Some(place) = noted.get(usize::try_from(rng.below(noted.len().max(1) as u64)).unwrap())
    else {
        return Ok(());
    };
    let at = place.position + usize::try_from(rng.below(place.header.size as u64)).unwrap();
    disk.flip_bit(&place.path, at, u32::try_from(rng.below(8)).unwrap()).unwrap();
    let Ok((mut log, recovered)) = open_told(disk) else { return Ok(()) };
    let end = log.log_end().offset().0;
    if EPOCH_BYTES.contains(&(at - place.position)) && recovered.epochs_rebuilt {
        // The one witness of a batch's epoch is the epochs' file, and that was being replaced.
        return Ok(());
    }
    ensure(model.noted_end <= end && read_all(&mut log).is_err(), || {
        let (path, base) = (place.path.display(), place.header.base_offset);
        format!(
            "byte {at} of {path} rots, in the batch at {base}: the log ends at {end} and says {recovered:?}"
        )
    })
}

/// All batches of the log, as they stand.
fn places(disk: &SimDisk) -> Vec<Place> {
    let mut places = Vec::new();
    for entry in disk.list(dir()).unwrap_or_default() {
        let path = dir().join(&entry.name);
        if path.extension().is_none_or(|ext| ext != "log") {
            continue;
        }
        let bytes = read_file(disk.open(&path, OpenMode::Read).unwrap().as_ref()).unwrap();
        let mut position = 0;
        while let Some(Ok(header)) = bytes.get(position..).map(BatchHeader::parse_verified) {
            let size = header.size;
            places.push(Place { path: path.clone(), position, header });
            position += size;
        }
    }
    places
}
