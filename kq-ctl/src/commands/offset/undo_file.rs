//! Beside the undo that the cluster keeps, one on the operator's machine: the plan with what was
//! committed before, under `$XDG_STATE_HOME/kq/undo/`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use kq_proto::admin::v1;

use super::document;
use super::rows::Applied;
use crate::session::Session;

/// Where the file of a plan is, or would be.
pub(super) fn path(plan: &str, session: &Session) -> Option<PathBuf> {
    let is_name =
        !plan.is_empty() && plan.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    let state = match session.world.var("XDG_STATE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(session.world.var("HOME")?).join(".local/state"),
    };
    is_name.then(|| state.join("kq/undo").join(format!("{plan}.json")))
}

/// Writes it. That it cannot be written is told and stops nothing, for the cluster keeps one.
pub(super) fn write(plan: &v1::ResetPlan, applied: &Applied, session: &Session) -> Option<PathBuf> {
    let path = path(&plan.id, session)?;
    let text = document::text(&[(plan.clone(), applied.clone())], session);
    match replace(&path, &text) {
        Ok(()) => Some(path),
        Err(error) => {
            session.say(&format!(
                "warning: {} cannot be written: {error}; the cluster keeps an undo of its own",
                path.display()
            ));
            None
        }
    }
}

/// For the operator's eyes only: metadata of commits may be anything.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let draft = path.with_extension("json.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
