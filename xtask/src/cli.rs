//! The command line of xtask, declared once.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// One chore a variant.
#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Everything that a change must pass, as the CI runs it
    Ci(CiArgs),
    /// Rewrite what can be rewritten: format, and lints with a machine-made fix
    Fix,
    /// Unit, doc and crash tests, real processes, real clients
    Test(TestArgs),
    /// House rules that no lint knows: layers, sizes, names in the documents
    Tidy,
}

/// Arguments of `ci`.
#[derive(Debug, Args)]
pub(crate) struct CiArgs {
    /// An outside black-box suite to run as well (see `compat`)
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,
    /// Areas or checks of the outside suite, comma-separated
    #[arg(long, value_name = "NAMES", requires = "suite")]
    pub(crate) suite_only: Option<String>,
}

/// Arguments of `test`.
#[derive(Debug, Args, Default)]
pub(crate) struct TestArgs {
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
}

/// A part of the test run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// `cargo test --workspace`: unit, doc and crash tests, tidy
    Rust,
}
