//! Finding and reading the configuration files.

use std::path::{Path, PathBuf};

use super::file::{File, Project, read};
use crate::cli::Global;
use crate::exit::Failure;
use crate::world::World;

/// Files as they are on disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) user_path: PathBuf,
    pub(crate) user: File,
    pub(crate) system: File,
    pub(crate) project: Option<(PathBuf, Project)>,
}

impl Sources {
    /// A file that was named must be there, unless `may_be_absent`: it may be about to be made.
    pub(crate) fn read(
        global: &Global,
        world: &World,
        may_be_absent: bool,
    ) -> Result<Self, Failure> {
        let chosen = global.config.clone().or_else(|| world.var("KQ_CONFIG").map(PathBuf::from));
        let user_path = chosen.clone().unwrap_or_else(|| default_path(world));
        let user = read(&user_path)?;
        if user.is_none() && chosen.is_some() && !may_be_absent {
            return Err(Failure::usage(format!("no such file: {}", user_path.display()))
                .hint("correct --config or KQ_CONFIG"));
        }
        Ok(Self {
            user: user.unwrap_or_default(),
            user_path,
            system: read(&world.system_config)?.unwrap_or_default(),
            project: project(&world.cwd)?,
        })
    }
}

fn default_path(world: &World) -> PathBuf {
    let base = world
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| world.var("HOME").map(|home| Path::new(&home).join(".config")))
        .unwrap_or_else(|| world.cwd.clone());
    base.join("kq/config.toml")
}

/// `.kq.toml` here or above, up to the top of the repository.
fn project(cwd: &Path) -> Result<Option<(PathBuf, Project)>, Failure> {
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
