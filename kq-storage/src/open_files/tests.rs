//! The pool keeps its bound and never closes a handle that still owes a sync.

use std::path::Path;

use super::*;
use crate::vfs::RealFs;

fn pool(open_max: usize) -> Arc<OpenFiles> {
    OpenFiles::new(Arc::new(RealFs), open_max)
}

fn files(pool: &Arc<OpenFiles>, dir: &Path, count: usize) -> Vec<Arc<PooledFile>> {
    (0..count).map(|nth| pool.create_new(dir.join(format!("{nth:03}"))).unwrap()).collect()
}

fn text(file: &Arc<PooledFile>) -> String {
    let bytes = crate::vfs::read_all(file.handle().unwrap().as_ref()).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn many_files_share_a_few_handles() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(4);
    let files = files(&pool, dir.path(), 50);
    for (nth, file) in files.iter().enumerate() {
        file.write_all_at(format!("file {nth}").as_bytes(), 0).unwrap();
        assert!(pool.open_count() <= 5, "{} are open", pool.open_count());
    }
    for (nth, file) in files.iter().enumerate() {
        assert_eq!(text(file), format!("file {nth}"));
        assert!(pool.open_count() <= 5, "{} are open", pool.open_count());
    }
}

#[test]
fn dirty_handle_outlives_clean_ones() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(2);
    let files = files(&pool, dir.path(), 6);
    files[0].write_all_at(b"owed", 0).unwrap();
    for file in files.iter().cycle().take(18).skip(1) {
        file.handle().unwrap();
        assert!(files[0].is_dirty() && files[0].is_open());
    }
    files[0].sync_data().unwrap();
    assert!(!files[0].is_dirty());
}

#[test]
fn a_dirty_file_is_synced_to_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(3);
    let files = files(&pool, dir.path(), 10);
    for file in &files {
        file.write_all_at(b"x", 0).unwrap();
    }
    let dirty = files.iter().filter(|file| file.is_dirty()).count();
    assert!((1..=4).contains(&dirty), "{dirty} are dirty");
}

#[test]
fn a_load_that_goes_round_syncs_few_files_early() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(100);
    let files = files(&pool, dir.path(), 104);
    for file in files.iter().cycle().take(104 * 5) {
        file.write_all_at(b"x", 0).unwrap();
    }
    let open = files.iter().filter(|file| file.is_open()).count();
    assert!((90..=101).contains(&open), "{open} are open");
    let dirty = files.iter().filter(|file| file.is_dirty()).count();
    assert!(90 <= dirty, "{} were synced early", 104 - dirty);
    for file in &files {
        file.sync_data().unwrap();
        file.handle().unwrap();
    }
    assert!(pool.open_count() <= 101, "{} are open", pool.open_count());
}

#[test]
fn renamed_file_is_found_again_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(1);
    let files = files(&pool, dir.path(), 3);
    files[0].write_all_at(b"moved", 0).unwrap();
    files[0].sync_data().unwrap();
    std::fs::rename(files[0].path(), dir.path().join("elsewhere")).unwrap();
    files[0].renamed_to(dir.path().join("elsewhere"));
    files[1].handle().unwrap();
    files[2].handle().unwrap();
    assert_eq!(text(&files[0]), "moved");
}

#[test]
fn dropped_files_leave_the_pool() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(8);
    let files = files(&pool, dir.path(), 5);
    assert_eq!(pool.open_count(), 5);
    drop(files);
    assert_eq!(pool.open_count(), 0);
}
