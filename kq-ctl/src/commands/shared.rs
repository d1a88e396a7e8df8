//! What several nouns need: names and patterns, ids, states as cells.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use globset::{Glob, GlobMatcher};
use kq_proto::admin::v1::{self, topic_ref::By};
use regex::Regex;

use crate::cli::Select;
use crate::cluster::Cluster;
use crate::exit::Failure;
use crate::output::{Cell, Tone};
use crate::session::Session;

/// A topic id as Kafka's tools print it.
pub(super) fn id_text(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// A topic by name, or by id if the text was given as one.
pub(super) fn by_name(name: &str) -> v1::TopicRef {
    v1::TopicRef { by: Some(By::Name(name.to_owned())) }
}

/// From Kafka's 22 characters, or from the hyphenated form.
pub(super) fn parse_id(text: &str) -> Result<v1::TopicRef, String> {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let bytes = if hex.len() == 32 {
        (0..16)
            .map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok())
            .collect::<Option<Vec<u8>>>()
    } else {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 16)
    };
    let bytes =
        bytes.ok_or_else(|| format!("'{text}' is no topic id: 22 characters, or 32 hex digits"))?;
    Ok(v1::TopicRef { by: Some(By::Id(bytes.into())) })
}

/// Names that an operator asked for by pattern.
pub(super) struct Pattern {
    glob: Option<GlobMatcher>,
    regex: Option<Regex>,
}

impl Pattern {
    pub(super) fn new(select: &Select) -> Result<Self, Failure> {
        let glob = select.glob.as_deref().map(Glob::new).transpose();
        let regex = select.regex.as_deref().map(Regex::new).transpose();
        Ok(Self {
            glob: glob
                .map_err(|error| bad_pattern("--match", &error))?
                .map(|glob| glob.compile_matcher()),
            regex: regex.map_err(|error| bad_pattern("--regex", &error))?,
        })
    }

    pub(super) fn is_some(&self) -> bool {
        self.glob.is_some() || self.regex.is_some()
    }

    pub(super) fn accepts(&self, name: &str) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.is_match(name))
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

/// The last line says what is wrong; those before draw an arrow.
fn bad_pattern(flag: &str, error: &dyn std::fmt::Display) -> Failure {
    let text = error.to_string();
    let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    Failure::usage(format!("{flag}: {why}"))
        .hint("--match takes * ? [..] as a shell does, --regex a regular expression")
}

/// All topics, page by page.
pub(super) async fn list_topics(
    cluster: &dyn Cluster,
    request: v1::ListTopicsRequest,
) -> Result<v1::ListTopicsResponse, Failure> {
    let mut all = v1::ListTopicsResponse::default();
    let mut after = String::new();
    loop {
        let page = Some(v1::PageRequest { size: 0, after: after.clone() });
        let mut answer =
            cluster.list_topics(v1::ListTopicsRequest { page, ..request.clone() }).await?;
        all.topics.append(&mut answer.topics);
        all.errors.append(&mut answer.errors);
        if answer.next.is_empty() || answer.next == after {
            return Ok(all);
        }
        after = answer.next;
    }
}

/// Names and patterns of the topics that a command is about.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Named {
    /// Names of topics
    #[arg(value_name = "NAME", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
}

impl Named {
    pub(super) async fn find(&self, cluster: &dyn Cluster) -> Result<Vec<String>, Failure> {
        named_topics(&self.names, &self.select, cluster).await
    }
}

/// The topics that a command is about: those named, and those that match. Nothing at all is a
/// mistake, not everything.
pub(super) async fn named_topics(
    names: &[String],
    select: &Select,
    cluster: &dyn Cluster,
) -> Result<Vec<String>, Failure> {
    let pattern = Pattern::new(select)?;
    let mut chosen: Vec<String> = Vec::new();
    for name in names {
        if !chosen.contains(name) {
            chosen.push(name.clone());
        }
    }
    if !pattern.is_some() {
        return if chosen.is_empty() { Err(nothing_named()) } else { Ok(chosen) };
    }
    let request = v1::ListTopicsRequest {
        include_internal: select.internal,
        ..v1::ListTopicsRequest::default()
    };
    for topic in list_topics(cluster, request).await?.topics {
        let fits = pattern.accepts(&topic.name) && (select.internal || !topic.internal);
        if fits && !chosen.contains(&topic.name) {
            chosen.push(topic.name);
        }
    }
    if chosen.is_empty() {
        return Err(Failure::new("kq.NOT_FOUND", "no topic matches")
            .hint("kq-ctl topic list shows all names"));
    }
    Ok(chosen)
}

fn nothing_named() -> Failure {
    Failure::usage("no topic is named").hint("give names, --match GLOB or --regex RE")
}

/// Items of one call where each costs the cluster files and syncs: a long batch must neither run
/// into the deadline of a call nor leave its operator without a word.
const CHUNK: usize = 20;

/// Calls for a chunk of items at a time and shows how far it is. What stopped it early, if anything
/// did: what was done before that stays done.
pub(super) async fn in_chunks<T: Clone, A>(
    session: &Session,
    what: &str,
    items: &[T],
    call: impl AsyncFn(Vec<T>) -> Result<A, Failure>,
    mut take: impl FnMut(A),
) -> Option<Failure> {
    let total = items.len();
    let began = session.now_ms();
    let mut progress = session.progress(what, u64::try_from(total).ok());
    for (nth, chunk) in items.chunks(CHUNK).enumerate() {
        let done = nth * CHUNK;
        session.on_interrupt(format!("{done} of {total} were done for sure; list what there is"));
        match call(chunk.to_vec()).await {
            Ok(answer) => take(answer),
            Err(failure) if nth == 0 => return Some(failure),
            Err(failure) => {
                let message = format!("{} after {done} of {total}", failure.message);
                return Some(Failure { message, ..failure });
            }
        }
        let done = (done + chunk.len()).min(total);
        let words = format!("{done} of {total}");
        let elapsed = session.elapsed(began);
        progress.at(
            elapsed,
            u64::try_from(done).unwrap_or(0),
            &words,
            &mut session.out.borrow_mut(),
        );
    }
    None
}

/// The topics in words: `3 topics: a, b, c`.
pub(super) fn count_words(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { ", .." } else { "" };
    match names {
        [one] => format!("topic {one}"),
        _ => format!("{} topics: {}{more}", names.len(), shown.join(", ")),
    }
}

pub(super) fn health_cell(health: i32) -> Cell {
    let (word, tone) = match v1::Health::try_from(health).unwrap_or_default() {
        v1::Health::Unspecified => return Cell::Null,
        v1::Health::Ok => ("ok", Tone::Good),
        v1::Health::UnderReplicated => ("under_replicated", Tone::Warn),
        v1::Health::AtMinIsr => ("at_min_isr", Tone::Warn),
        v1::Health::UnderMinIsr => ("under_min_isr", Tone::Bad),
        v1::Health::Offline => ("offline", Tone::Bad),
    };
    Cell::State(word, tone)
}

/// The wire's zero is "nothing is wrong" only if it says so.
pub(super) fn is_healthy(health: i32) -> bool {
    v1::Health::try_from(health) == Ok(v1::Health::Ok)
}

/// Bytes as text where they are text, else as base64; and which of the two it is.
pub(super) fn bytes_cells(bytes: Option<&[u8]>) -> (Cell, Cell) {
    let Some(bytes) = bytes else { return (Cell::Null, Cell::from("utf8")) };
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cell::from(text), Cell::from("utf8")),
        Err(_) => (
            Cell::Text(base64::engine::general_purpose::STANDARD.encode(bytes)),
            Cell::from("base64"),
        ),
    }
}

pub(super) fn time_cell(at_ms: Option<i64>) -> Cell {
    at_ms.map_or(Cell::Null, Cell::Time)
}

pub(super) fn size_cell(size: Option<u64>) -> Cell {
    size.map_or(Cell::Null, Cell::Size)
}

/// Wire durations are signed where Kafka's configuration is; negative means unlimited.
pub(super) fn millis_cell(ms: Option<i64>) -> Cell {
    ms.and_then(|ms| u64::try_from(ms).ok()).map_or(Cell::Null, Cell::Millis)
}

/// Lower case words for a closed set: `DYNAMIC_TOPIC` without its prefix.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}
