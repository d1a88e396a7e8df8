//! Finding and reading the configuration files.

use std::path::{Path, PathBuf};

use super::file::{File, Project, read};
use super::{Asked, Refusal, Surroundings};

/// Files as they are on disk.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Where the user's file is, or would be.
    pub user_path: PathBuf,
    /// What the user wrote.
    pub user: File,
    /// What holds for the whole machine.
    pub system: File,
    /// What holds for the project that the process was started in.
    pub project: Option<(PathBuf, Project)>,
}

impl Sources {
    /// A file that was named must be there, unless `may_be_absent`: it may be about to be made.
    pub fn read(
        asked: &Asked,
        around: Surroundings<'_>,
        may_be_absent: bool,
    ) -> Result<Self, Refusal> {
        let chosen = asked.config.clone().or_else(|| around.var("KQ_CONFIG").map(PathBuf::from));
        let user_path = chosen.clone().unwrap_or_else(|| default_path(around));
        let user = read(&user_path)?;
        if user.is_none() && chosen.is_some() && !may_be_absent {
            return Err(Refusal::usage(format!("no such file: {}", user_path.display()))
                .hint("correct --config or KQ_CONFIG"));
        }
        Ok(Self {
            user: user.unwrap_or_default(),
            user_path,
            system: read(around.system_config)?.unwrap_or_default(),
            project: project(around.cwd)?,
        })
    }
}

fn default_path(around: Surroundings<'_>) -> PathBuf {
    let base = around
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| around.var("HOME").map(|home| Path::new(&home).join(".config")))
        .unwrap_or_else(|| around.cwd.to_owned());
    base.join("kq/config.toml")
}

/// `.kq.toml` here or above, up to the top of the repository.
fn project(cwd: &Path) -> Result<Option<(PathBuf, Project)>, Refusal> {
    for dir in cwd.ancestors() {
        let path = dir.join(".kq.toml");
        if let Some(project) = read(&path)? {
            return Ok(Some((path, project)));
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}
