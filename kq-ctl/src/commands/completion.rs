//! `kq-ctl completion SHELL`

use std::path::PathBuf;

use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{COMPLETION, Schema};
use crate::session::Session;

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
    /// Write it where the shell finds it, instead of printing it
    #[arg(long)]
    install: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &COMPLETION
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let name = args.shell.name();
    let script = crate::complete::registration(name)?;
    let mut report = Report::new(&COMPLETION);
    let mut file = None;
    if args.install {
        let path = place(args.shell, session)?;
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|error| Failure::file("make", dir, &error))?;
        }
        std::fs::write(&path, &script).map_err(|error| Failure::file("write", &path, &error))?;
        file = Some(path.display().to_string());
    } else {
        report.plain = Some(script.clone());
    }
    report.push(row! { shell: name, file: file, script: script });
    Ok(report)
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }
}

/// Folders that shells look into by themselves.
fn place(shell: Shell, session: &Session) -> Result<PathBuf, Failure> {
    let home = session.world.var("HOME").map(PathBuf::from);
    let under = |variable: &str, fallback: &str| {
        let base = session.world.var(variable).map(PathBuf::from);
        base.or_else(|| home.as_ref().map(|home| home.join(fallback)))
            .ok_or_else(|| Failure::usage("HOME is not set").hint("redirect the output instead"))
    };
    match shell {
        Shell::Bash => {
            Ok(under("XDG_DATA_HOME", ".local/share")?.join("bash-completion/completions/kq-ctl"))
        }
        Shell::Fish => {
            Ok(under("XDG_CONFIG_HOME", ".config")?.join("fish/completions/kq-ctl.fish"))
        }
        Shell::Zsh | Shell::Elvish | Shell::Powershell => {
            let name = shell.name();
            Err(Failure::unsupported(format!("{name} has no folder that it looks into by itself"))
                .hint(format!(
                    "kq-ctl completion {name} > FILE, and read FILE in its start-up file"
                )))
        }
    }
}
