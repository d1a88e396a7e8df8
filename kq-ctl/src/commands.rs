//! One module per noun, one file per verb.

pub(crate) mod broker;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod group;
pub(crate) mod help;
pub(crate) mod leader;
pub(crate) mod log;
mod loss;
pub(crate) mod offset;
pub(crate) mod partition;
mod place;
pub(crate) mod plan;
pub(crate) mod quorum;
pub(crate) mod record;
pub(crate) mod schema;
mod shared;
pub(crate) mod topic;
pub(crate) mod translate;
mod waiting;

/// Declares the verbs of a noun. Each is a module with `Args`, `schema` and `run`.
macro_rules! verbs {
    ($($(#[$meta:meta])* $variant:ident($module:ident) = $name:literal),* $(,)?) => {
        /// What can be done with it.
        #[derive(Debug, Clone, clap::Subcommand)]
        pub(crate) enum Verb {
            $($(#[$meta])* #[command(name = $name)] $variant(Box<$module::Args>)),*
        }

        impl Verb {
            /// As typed.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name),*
                }
            }

            /// What it prints.
            pub(crate) fn schema(&self) -> &'static $crate::schema::Schema {
                match self {
                    $(Self::$variant(args) => $module::schema(args)),*
                }
            }

            pub(crate) fn run<'a>(
                &'a self,
                session: &'a $crate::session::Session,
            ) -> $crate::cluster::Reply<'a, $crate::output::Report> {
                match self {
                    $(Self::$variant(args) => Box::pin($module::run(args, session))),*
                }
            }
        }
    };
}
pub(crate) use verbs;
