//! One suite over both bodies of the file system: what the crate relies on holds on each.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::sim::SimDisk;

/// Runs a check in an empty directory of the real and of the simulated file system.
fn on_both(check: impl Fn(&dyn Vfs, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    check(&RealFs, dir.path());
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("/data/kq")).unwrap();
    check(&disk, Path::new("/data/kq"));
    disk.set_short_io(true);
    disk.create_dir_all(Path::new("/data/short")).unwrap();
    check(&disk, Path::new("/data/short"));
}

fn put(fs: &dyn Vfs, path: &Path, text: &str) -> Arc<dyn VfsFile> {
    let file = fs.open(path, OpenMode::CreateOrOpen).unwrap();
    file.write_all_at(text.as_bytes(), 0).unwrap();
    file
}

fn text(fs: &dyn Vfs, path: &Path) -> String {
    let file = fs.open(path, OpenMode::Read).unwrap();
    String::from_utf8(read_all(file.as_ref()).unwrap()).unwrap()
}

fn names(fs: &dyn Vfs, dir: &Path) -> Vec<String> {
    fs.list(dir).unwrap().into_iter().map(|entry| entry.name).collect()
}

fn open_err(fs: &dyn Vfs, path: &Path, mode: OpenMode) -> ErrorKind {
    fs.open(path, mode).unwrap_err().kind()
}

#[test]
fn open_modes_create_or_refuse() {
    on_both(|fs, dir| {
        let path = dir.join("a");
        assert_eq!(open_err(fs, &path, OpenMode::Read), ErrorKind::NotFound);
        assert_eq!(open_err(fs, &path, OpenMode::ReadWrite), ErrorKind::NotFound);
        fs.open(&path, OpenMode::CreateNew).unwrap();
        assert_eq!(open_err(fs, &path, OpenMode::CreateNew), ErrorKind::AlreadyExists);
        for mode in [OpenMode::Read, OpenMode::ReadWrite, OpenMode::CreateOrOpen] {
            assert!(fs.open(&path, mode).unwrap().is_empty().unwrap());
        }
        assert_eq!(open_err(fs, &dir.join("no/a"), OpenMode::CreateNew), ErrorKind::NotFound);
        assert_eq!(open_err(fs, dir, OpenMode::Read), ErrorKind::IsADirectory);
    });
}

#[test]
fn reading_handle_refuses_writes() {
    on_both(|fs, dir| {
        put(fs, &dir.join("a"), "abc");
        let file = fs.open(&dir.join("a"), OpenMode::Read).unwrap();
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.truncate(0).is_err());
        assert_eq!(text(fs, &dir.join("a")), "abc");
    });
}

#[test]
fn writes_overwrite_extend_and_leave_zeros_in_gaps() {
    on_both(|fs, dir| {
        let file = put(fs, &dir.join("a"), "abcdef");
        file.write_all_at(b"XY", 2).unwrap();
        file.write_all_at(b"z", 8).unwrap();
        assert_eq!(text(fs, &dir.join("a")), "abXYef\0\0z");
        assert_eq!(file.len().unwrap(), 9);
        file.truncate(3).unwrap();
        file.truncate(5).unwrap();
        assert_eq!(text(fs, &dir.join("a")), "abX\0\0");
        file.sync_data().unwrap();
    });
}

#[test]
fn vectored_write_keeps_the_order_of_its_pieces() {
    on_both(|fs, dir| {
        let file = put(fs, &dir.join("a"), "");
        let mut bufs = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
        file.write_all_vectored_at(&mut bufs, 1).unwrap();
        assert_eq!(text(fs, &dir.join("a")), "\0one two");
    });
}

#[test]
fn read_past_the_end_is_short_then_an_error() {
    on_both(|fs, dir| {
        let file = put(fs, &dir.join("a"), "abc");
        let mut buf = [0; 4];
        assert_eq!(file.read_at(&mut buf, 3).unwrap(), 0);
        assert_eq!(file.read_at(&mut buf, 99).unwrap(), 0);
        let err = file.read_exact_at(&mut buf, 0).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::UnexpectedEof);
        file.read_exact_at(&mut buf[..2], 1).unwrap();
        assert_eq!(&buf[..2], b"bc");
    });
}

#[test]
fn list_is_sorted_and_tells_directories_and_sizes() {
    on_both(|fs, dir| {
        put(fs, &dir.join("b"), "bb");
        fs.create_dir_all(&dir.join("c/d")).unwrap();
        put(fs, &dir.join("a"), "");
        let entry = |name: &str, is_dir, len| DirEntry { name: name.to_owned(), is_dir, len };
        let want = [entry("a", false, 0), entry("b", false, 2), entry("c", true, 0)];
        assert_eq!(fs.list(dir).unwrap(), want);
        assert_eq!(fs.list(&dir.join("x")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fs.list(&dir.join("a")).unwrap_err().kind(), ErrorKind::NotADirectory);
    });
}

#[test]
fn rename_replaces_a_file_and_moves_directories() {
    on_both(|fs, dir| {
        put(fs, &dir.join("old"), "old");
        put(fs, &dir.join("new"), "new");
        fs.rename(&dir.join("new"), &dir.join("old")).unwrap();
        assert_eq!(text(fs, &dir.join("old")), "new");
        fs.create_dir_all(&dir.join("t-0")).unwrap();
        put(fs, &dir.join("t-0/log"), "log");
        fs.rename(&dir.join("t-0"), &dir.join("t-0.deleted")).unwrap();
        assert_eq!(names(fs, dir), ["old", "t-0.deleted"]);
        assert_eq!(text(fs, &dir.join("t-0.deleted/log")), "log");
        let missing = fs.rename(&dir.join("x"), &dir.join("y")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn rename_over_a_filled_directory_is_refused() {
    on_both(|fs, dir| {
        for name in ["a", "b"] {
            fs.create_dir_all(&dir.join(name)).unwrap();
            put(fs, &dir.join(name).join("f"), name);
        }
        let err = fs.rename(&dir.join("a"), &dir.join("b")).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::DirectoryNotEmpty);
        assert_eq!(text(fs, &dir.join("b/f")), "b");
    });
}

#[test]
fn open_handle_reads_on_after_its_name_is_gone() {
    on_both(|fs, dir| {
        let file = put(fs, &dir.join("a"), "abc");
        fs.remove_file(&dir.join("a")).unwrap();
        assert_eq!(read_all(file.as_ref()).unwrap(), b"abc");
        assert!(names(fs, dir).is_empty());
        let gone = fs.remove_file(&dir.join("a")).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn remove_dir_all_takes_everything_below() {
    on_both(|fs, dir| {
        fs.create_dir_all(&dir.join("a/b/c")).unwrap();
        put(fs, &dir.join("a/b/f"), "x");
        fs.remove_dir_all(&dir.join("a")).unwrap();
        assert!(names(fs, dir).is_empty());
        assert_eq!(fs.remove_dir_all(&dir.join("a")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn directories_can_be_made_twice_and_synced() {
    on_both(|fs, dir| {
        for _ in 0..2 {
            fs.create_dir_all(&dir.join("a/b")).unwrap();
            create_dir_durable(fs, &dir.join("a/b/c/d")).unwrap();
        }
        sync_dir(fs, &dir.join("a")).unwrap();
        assert!(exists(fs, &dir.join("a/b/c/d")).unwrap());
        assert!(!exists(fs, &dir.join("a/x/y")).unwrap());
        assert_eq!(fs.sync_dir(&dir.join("x")).unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn large_file_is_read_back_whole() {
    on_both(|fs, dir| {
        let bytes: Vec<u8> = (0_u32..100_000).flat_map(u32::to_le_bytes).collect();
        let file = fs.open(&dir.join("a"), OpenMode::CreateNew).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        assert!(read_all(file.as_ref()).unwrap() == bytes);
    });
}

#[test]
fn a_directory_is_locked_until_the_lock_is_dropped() {
    on_both(|fs, dir| {
        let held = fs.lock_dir(dir).unwrap();
        let err = fs.lock_dir(dir).unwrap_err();
        assert!(matches!(err, DirLockError::InUse(_)), "{err}");
        drop(held);
        fs.lock_dir(dir).unwrap();
        let err = fs.lock_dir(&dir.join("x")).unwrap_err();
        assert!(matches!(err, DirLockError::Io { .. }), "{err}");
    });
}

#[test]
fn volume_has_room() {
    on_both(|fs, dir| {
        let space = fs.space(dir).unwrap();
        assert!(0 < space.free_bytes && space.free_bytes <= space.total_bytes);
        assert!(fs.free_bytes(dir).unwrap() > 0);
    });
}
