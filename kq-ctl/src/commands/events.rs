//! `kq-ctl events`

use kq_proto::admin::v1;
use tokio_stream::StreamExt as _;

use super::shared::word;
use crate::cluster::Cluster;
use crate::exit::Failure;
use crate::output::{Cell, ItemStream, Report, Row, row};
use crate::schema::{EVENT_LIST, Schema};
use crate::session::{Access, Session};
use crate::spec::since;

/// Of the summary: what is listed is not all there is.
const OLDER_LEFT_OUT: &str = "older_left_out";
/// Shown unless told otherwise.
const DEFAULT_LIMIT: usize = 50;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these topics
    #[arg(short, long, value_name = "NAME", add = crate::complete::topics())]
    topic: Vec<String>,
    /// Only these brokers
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    broker: Vec<u32>,
    /// Only events of this kind, as topic_created
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<v1::EventKind>,
    /// Not before, as 2h or 2026-08-22T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before, as 2h or 2026-08-22T10:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Go on with what happens from now on; the same as --watch
    #[arg(short, long)]
    follow: bool,
    /// The whole history, not only its last 50 events
    #[arg(long)]
    all: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &EVENT_LIST
}

fn kind(text: &str) -> Result<v1::EventKind, String> {
    let name = format!("EVENT_KIND_{}", text.to_uppercase().replace('-', "_"));
    v1::EventKind::from_str_name(&name).ok_or_else(|| {
        let kinds = (1..).map_while(|it| v1::EventKind::try_from(it).ok());
        let names: Vec<String> = kinds.map(|it| word(it.as_str_name(), "EVENT_KIND_")).collect();
        format!("one of: {}", names.join(", "))
    })
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let filter = plan(args, session.now_ms())?;
    let cluster = session.cluster(Access::Read).await?;
    let bounded = !args.all && args.since.is_none() && session.view.after.is_none();
    let limit = session.view.limit.or(bounded.then_some(DEFAULT_LIMIT));
    let history = history(&filter, limit.filter(|_| bounded), cluster.as_ref()).await?;
    if args.follow || session.follows().is_some() {
        return follow(filter, &history, cluster.as_ref(), session).await;
    }
    let mut report = Report::new(&EVENT_LIST);
    report.extend(history.events.iter().map(event_row));
    report.sum(OLDER_LEFT_OUT, history.older_left_out);
    Ok(report)
}

fn plan(args: &Args, now_ms: i64) -> Result<v1::EventFilter, Failure> {
    let at = |flag: &str, text: &Option<String>| {
        let at = text.as_deref().map(|text| since(text, now_ms)).transpose();
        at.map_err(|why| Failure::usage(format!("--{flag}: {why}")))
    };
    Ok(v1::EventFilter {
        kinds: args.kind.iter().map(|kind| i32::from(*kind)).collect(),
        topics: args.topic.clone(),
        brokers: args.broker.clone(),
        since_at_ms: at("since", &args.since)?,
        until_at_ms: at("until", &args.until)?,
    })
}

/// What has happened.
struct History {
    /// In the order of time.
    events: Vec<v1::Event>,
    /// Older ones are kept that fit as well.
    older_left_out: bool,
}

/// The last `limit` events.
async fn history(
    filter: &v1::EventFilter,
    limit: Option<usize>,
    cluster: &dyn Cluster,
) -> Result<History, Failure> {
    let mut events = Vec::new();
    let mut after = String::new();
    loop {
        let size = limit.map_or(0, |limit| u32::try_from(limit - events.len()).unwrap_or(0));
        let request = v1::ListEventsRequest {
            filter: Some(filter.clone()),
            newest_first: true,
            page: Some(v1::PageRequest { size, after: after.clone() }),
        };
        let mut answer = cluster.list_events(request).await?;
        events.append(&mut answer.events);
        let full = limit.is_some_and(|limit| limit <= events.len());
        if full || answer.next.is_empty() || answer.next == after {
            let limit = limit.unwrap_or(usize::MAX);
            let older_left_out = events.len() > limit || !answer.next.is_empty();
            events.truncate(limit);
            events.reverse();
            return Ok(History { events, older_left_out });
        }
        after = answer.next;
    }
}

/// History, then what happens, until Ctrl-C or the limit.
async fn follow(
    filter: v1::EventFilter,
    history: &History,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Report, Failure> {
    let last = history.events.last().map(|event| event.sequence);
    let request = v1::FollowEventsRequest { filter: Some(filter), after_sequence: last };
    let mut events = cluster.follow_events(request).await?;
    let interrupted = session.handle_interrupt();
    tokio::pin!(interrupted);
    let mut report = Report::new(&EVENT_LIST);
    report.printed = true;
    let mut items = {
        let out = &mut session.out.borrow_mut();
        ItemStream::open(&EVENT_LIST, (&session.view, false), &session.envelope(), out)?
    };
    print(&mut items, &history.events, session)?;
    while !items.is_full() {
        tokio::select! {
            next = events.next() => match next {
                Some(Ok(answer)) => print(&mut items, &answer.events, session)?,
                Some(Err(failure)) => {
                    report.failures.push(failure);
                    break;
                }
                None => break,
            },
            () = &mut interrupted => {
                report.failures.push(session.interruption());
                break;
            }
        }
    }
    let summary = [(OLDER_LEFT_OUT, Cell::from(history.older_left_out))];
    items.close(&summary, &report.failures, &mut session.out.borrow_mut())?;
    Ok(report)
}

fn print(items: &mut ItemStream, events: &[v1::Event], session: &Session) -> Result<(), Failure> {
    let mut out = session.out.borrow_mut();
    for event in events {
        items.item(&event_row(event), &mut out)?;
        if items.is_full() {
            break;
        }
    }
    out.flush()
}

/// What kind of event, as `--kind` takes it.
pub(super) fn kind_word(event: &v1::Event) -> String {
    word(event.kind().as_str_name(), "EVENT_KIND_")
}

fn event_row(event: &v1::Event) -> Row {
    let attributes = event.attributes.iter().map(|(key, value)| (key.clone(), Cell::from(value)));
    row! {
        sequence: event.sequence,
        part: event.part,
        at: Cell::Time(event.at_ms),
        event: kind_word(event),
        subject: &event.subject,
        message: &event.message,
        reason: Cell::text_or_null(event.reason.as_str()),
        principal: event.principal.clone(),
        attributes: Cell::Pairs(attributes.collect()),
    }
}
