//! What a power cut leaves: everything synced, and any part of the rest.
//!
//! Unsynced writes survive sector by sector, in any order within a file and between files. A longer
//! length may survive without its bytes, which then read as zeros. Names survive one by one.

use std::sync::Arc;

use super::node::{DataOp, DirNode, FileNode, Node, NodeId, write_into};
use super::prng::Prng;
use super::state::State;

const SECTOR_BYTES: usize = 512;

/// How kind the cut is to unsynced changes, drawn for each file and directory.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Nothing,
    Everything,
    /// All before one change, a part of that change, none after it.
    Prefix,
    /// Each sector or name on its own, so many times out of eight.
    Scattered(u64),
}

impl Weather {
    fn draw(rng: &mut Prng) -> Self {
        match rng.below(6) {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 => Self::Prefix,
            3 => Self::Scattered(1),
            4 => Self::Scattered(4),
            _ => Self::Scattered(7),
        }
    }
}

/// Turns the state into that after a power cut; which of all possible ones, `seed` decides.
pub(super) fn cut_power(state: &mut State, seed: u64) {
    let mut rng = Prng::new(seed);
    // A quarter of the cuts treat the whole disk alike; the others reorder between files.
    let whole_disk = match rng.below(8) {
        0 => Some(Weather::Nothing),
        1 => Some(Weather::Everything),
        _ => None,
    };
    for node in state.nodes.values_mut() {
        let weather = whole_disk.unwrap_or_else(|| Weather::draw(&mut rng));
        match node {
            Node::File(file) => survive_file(file, weather, &mut rng),
            Node::Dir(dir) => survive_dir(dir, weather, &mut rng),
        }
    }
    drop_unreachable(state);
}

fn survive_file(file: &mut FileNode, weather: Weather, rng: &mut Prng) {
    let stable = Arc::make_mut(&mut file.stable);
    let pending = std::mem::take(&mut file.pending);
    let prefix = index_below(rng, pending.len() + 1);
    for (nth, op) in pending.iter().enumerate() {
        let eighths = match weather {
            Weather::Everything => 8,
            Weather::Prefix if nth < prefix => 8,
            Weather::Prefix if nth == prefix => 4,
            Weather::Nothing | Weather::Prefix => 0,
            Weather::Scattered(eighths) => eighths,
        };
        survive_op(stable, op, eighths, rng);
    }
    file.live = Arc::clone(&file.stable);
    file.lost_pages = false;
}

fn survive_op(stable: &mut Vec<u8>, op: &DataOp, eighths: u64, rng: &mut Prng) {
    let DataOp::Write { at, bytes } = op else {
        if rng.chance(eighths) {
            op.apply(stable);
        }
        return;
    };
    let end = at + bytes.len();
    if stable.len() < end && rng.chance(eighths) {
        stable.resize(end, 0);
    }
    let mut from = *at;
    while from < end {
        let until = end.min((from / SECTOR_BYTES + 1) * SECTOR_BYTES);
        if rng.chance(eighths)
            && let Some(sector) = bytes.get(from - at..until - at)
        {
            write_into(stable, from, sector);
        }
        from = until;
    }
}

fn survive_dir(dir: &mut DirNode, weather: Weather, rng: &mut Prng) {
    let pending = std::mem::take(&mut dir.pending);
    let prefix = index_below(rng, pending.len() + 1);
    for (nth, op) in pending.iter().enumerate() {
        let survives = match weather {
            Weather::Nothing => false,
            Weather::Everything => true,
            Weather::Prefix => nth < prefix,
            Weather::Scattered(eighths) => rng.chance(eighths),
        };
        if survives {
            op.apply(&mut dir.stable);
        }
    }
    dir.live.clone_from(&dir.stable);
}

fn drop_unreachable(state: &mut State) {
    let mut reached: Vec<NodeId> = vec![super::state::ROOT];
    let mut next = 0;
    while let Some(id) = reached.get(next).copied() {
        next += 1;
        if let Some(Node::Dir(dir)) = state.nodes.get(&id) {
            reached.extend(dir.live.values());
        }
    }
    reached.sort_unstable();
    state.nodes.retain(|id, _| reached.binary_search(id).is_ok());
}

fn index_below(rng: &mut Prng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap_or(0)
}
