//! Compiles the control door's services without protoc, and keeps their descriptors for reflection.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const ROOT: &str = "proto";
const ADMIN: &str = "proto/kq/admin/v1";
const MONITOR: &str = "proto/kq/monitor/v1";
const CLUSTER: &str = "proto/kq/cluster/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(sources(ADMIN)?)?;
    compiler.open_files(sources(MONITOR)?)?;
    fs::write(out.join("kq_doors.bin"), compiler.encode_file_descriptor_set())?;
    compiler.open_files(sources(CLUSTER)?)?;
    tonic_prost_build::configure()
        .bytes(".kq.admin.v1")
        .bytes(".kq.cluster.v1")
        .bytes(".kq.monitor.v1")
        .btree_map(".kq.admin.v1")
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn sources(dir: impl AsRef<Path>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        files.push(entry?.path().strip_prefix(ROOT)?.to_path_buf());
    }
    files.sort();
    Ok(files)
}
