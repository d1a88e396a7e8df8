//! `kq-ctl log verify PATH`

use std::path::PathBuf;

use kq_storage::inspect;
use kq_storage::vfs::RealFs;

use super::files::{find, unreadable};
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, row};
use crate::schema::{LOG_VERIFY, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file of a log, its directory, or a directory with logs below it
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// Print only files with a fault
    #[arg(long)]
    faults: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LOG_VERIFY
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let files = find(&RealFs, &args.path)?;
    let began = session.now_ms();
    let total = files.iter().map(|file| file.size_bytes).sum();
    let mut progress = session.progress("verifying", Some(total));
    let mut report = Report::new(&LOG_VERIFY);
    let (mut faults, mut read) = (0_u64, 0);
    for file in &files {
        let fault = inspect::verify(&RealFs, &file.path).map_err(|error| unreadable(&error))?;
        faults += u64::from(fault.is_some());
        read += file.size_bytes;
        let words = file.path.display().to_string();
        progress.at(session.elapsed(began), read, &words, &mut session.out.borrow_mut());
        if args.faults && fault.is_none() {
            continue;
        }
        report.push(row! {
            file: words,
            file_type: file.kind.name(),
            size_bytes: Cell::Size(file.size_bytes),
            sound: fault.is_none(),
            position: fault.as_ref().map(|fault| fault.position),
            fault: fault.map_or(Cell::Null, |fault| Cell::from(fault.what)),
        });
    }
    drop(progress);
    report.sum("file_count", files.len());
    report.sum("fault_count", faults);
    if faults > 0 {
        report.exit = Some(Exit::No);
        report.note(
            "a broker mends what it can when it starts: a torn tail beyond the last sync, indexes",
        );
    }
    Ok(report)
}
