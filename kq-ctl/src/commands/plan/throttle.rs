//! `kq-ctl plan throttle ID 80MiB/s|auto|off`

use kq_proto::admin::v1;

use super::options;
use super::steer::{Course, Steered, steer};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN_LIST, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: Steered,
    /// Bytes a second that each broker may fill replicas with; auto = four fifths of what the
    /// narrowest link or disk was measured to spare; off = as fast as it goes
    #[arg(value_name = "RATE|auto|off", value_parser = options::throttle, allow_hyphen_values = true)]
    rate: v1::PlanThrottle,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    steer(&args.plan, Course::Throttle(args.rate), None, session).await
}
