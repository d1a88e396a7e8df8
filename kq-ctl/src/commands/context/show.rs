//! `kq-ctl context show [--origin]`

use std::time::Duration;

use crate::exit::Failure;
use crate::output::{Cell, Report, Row, duration_text, row};
use crate::schema::{CONTEXT, Schema};
use crate::session::Session;
use crate::settings::{Origin, Sourced};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Also where each value comes from
    #[arg(long)]
    origin: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let mut report = Report::new(&CONTEXT);
    report.extend(rows(session));
    if args.origin && session.view.format.is_table() && session.view.columns.is_none() {
        let columns = ["setting", "value", "origin"].map(str::to_owned).to_vec();
        let view = crate::output::View { columns: Some(columns), ..session.view.clone() };
        let rendered = crate::output::render(report, &view, &session.envelope());
        session.out.borrow_mut().data(rendered.stdout.as_bytes())?;
        report = Report::new(&CONTEXT);
        report.printed = true;
    }
    Ok(report)
}

fn rows(session: &Session) -> Vec<Row> {
    let settings = &session.settings;
    let mut rows = Vec::new();
    let mut add = |setting: &str, value: Cell, origin: &Origin| {
        rows.push(row! { setting: setting, value: value, origin: origin.to_string() });
    };
    let brokers = settings.brokers.value.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (context, origin) = match &settings.context {
        Some(context) => (Cell::from(&context.value), context.origin.clone()),
        None => (Cell::Null, Origin::Default),
    };
    let guards = &settings.guards;
    let guarded = match session.context_name() {
        Some(name) => Origin::Context(name.to_owned()),
        None => Origin::Default,
    };
    add("context", context, &origin);
    add("brokers", Cell::from(brokers.join(",")), &settings.brokers.origin);
    add("cluster_id", Cell::from(guards.cluster_id.clone()), &guarded);
    add("read_only", Cell::from(guards.read_only.to_string()), &guarded);
    add("protected", Cell::from(guards.protected.to_string()), &guarded);
    add("output", Cell::from(settings.output.value.name()), &settings.output.origin);
    add("timeout", time(&settings.timeout), &settings.timeout.origin);
    add("connect_timeout", time(&settings.connect_timeout), &settings.connect_timeout.origin);
    let retry = settings.retry_connect.value.map(words);
    add("retry_connect", Cell::from(retry), &settings.retry_connect.origin);
    add("color", choice(settings.color.value), &settings.color.origin);
    add("progress", choice(settings.progress.value), &settings.progress.origin);
    add("time", choice(settings.time.value), &settings.time.origin);
    add("bytes", choice(settings.bytes.value), &settings.bytes.origin);
    rows
}

fn time(setting: &Sourced<Duration>) -> Cell {
    Cell::from(words(setting.value))
}

fn words(duration: Duration) -> String {
    duration_text(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn choice(value: impl clap::ValueEnum) -> Cell {
    Cell::from(value.to_possible_value().map(|it| it.get_name().to_owned()))
}
