//! `kafka-configs`, of topics, brokers and groups

use super::flags::Fate::{Refused, Used};
use super::flags::Takes::{Nothing, One};
use super::flags::{Flag, Given};
use super::groups::reached;
use super::line::{Line, Translated};
use super::no_equivalent;
use crate::exit::Failure;

const TOOL: &str = "kafka-configs";
const NO_USERS: &str = "there are no users and quotas in this cluster";

const FLAGS: &[Flag] = &[
    (&["--bootstrap-server"], One, Used),
    (
        &["--bootstrap-controller"],
        One,
        Refused("every broker answers; name one by --bootstrap-server"),
    ),
    (&["--command-config"], One, Used),
    (&["--describe"], Nothing, Used),
    (&["--alter"], Nothing, Used),
    (&["--all"], Nothing, Used),
    (&["--entity-type"], One, Used),
    (&["--entity-name"], One, Used),
    (&["--entity-default"], Nothing, Used),
    (&["--topic"], One, Used),
    (&["--broker"], One, Used),
    (&["--broker-defaults"], Nothing, Used),
    (&["--group"], One, Used),
    (&["--broker-logger"], One, Used),
    (&["--client-metrics"], One, Used),
    (&["--user"], One, Refused(NO_USERS)),
    (&["--user-defaults"], Nothing, Refused(NO_USERS)),
    (&["--client"], One, Refused(NO_USERS)),
    (&["--client-defaults"], Nothing, Refused(NO_USERS)),
    (&["--ip"], One, Refused(NO_USERS)),
    (&["--ip-defaults"], Nothing, Refused(NO_USERS)),
    (&["--add-config"], One, Used),
    (&["--add-config-file"], One, Refused("give its lines as KEY=VALUE to kq-ctl config set")),
    (&["--delete-config"], One, Used),
    (&["--force"], Nothing, Refused("nothing is asked that it could answer")),
    (&["--zookeeper"], One, Refused("there is no ZooKeeper; name a broker by --bootstrap-server")),
];

pub(super) fn translate(words: &[String]) -> Result<Translated, Failure> {
    let given = Given::parse(TOOL, FLAGS, words)?;
    let (kind, name) = resource(&given)?;
    let at = |verb: &str| Line::new(&format!("config {verb} {kind}")).words(name.clone());
    if given.has("--describe") {
        let line = at("describe").when(!given.has("--all"), "--overridden");
        return Translated::of([reached(line, &given)], given);
    }
    if !given.has("--alter") {
        return Err(Failure::usage(format!("{TOOL} wants to know what to do"))
            .hint("--describe or --alter"));
    }
    let mut lines = Vec::new();
    let added: Vec<String> = given.all("--add-config").into_iter().flat_map(pairs).collect();
    if !added.is_empty() {
        lines.push(reached(at("set").words(added), &given));
    }
    let deleted: Vec<&str> =
        given.all("--delete-config").into_iter().flat_map(|it| it.split(',')).collect();
    if !deleted.is_empty() {
        lines.push(reached(at("unset").words(deleted), &given));
    }
    if lines.is_empty() {
        return Err(Failure::usage(format!("{TOOL} --alter wants something to change"))
            .hint("--add-config K=V or --delete-config K"));
    }
    let two = lines.len() > 1;
    Ok(Translated::of(lines, given)?.note_if(two, "kq-ctl sets and unsets by two commands"))
}

/// Whose configuration, in both of the tool's ways to say so.
fn resource(given: &Given) -> Result<(&'static str, Option<String>), Failure> {
    let default = given.has("--entity-default");
    let name = given.one("--entity-name").map(str::to_owned);
    let short: &[(&'static str, &'static str)] = &[
        ("--topic", "topic"),
        ("--broker", "broker"),
        ("--group", "group"),
        ("--broker-logger", "broker-logger"),
        ("--client-metrics", "client-metrics"),
    ];
    for (flag, kind) in short {
        if let Some(name) = given.one(flag) {
            return Ok((kind, Some(name.to_owned())));
        }
    }
    if given.has("--broker-defaults") {
        return Ok(("cluster", None));
    }
    let kind = match given.wanted("--entity-type")? {
        "topics" | "topic" => "topic",
        "brokers" | "broker" if default || name.is_none() => return Ok(("cluster", None)),
        "brokers" | "broker" => "broker",
        "groups" | "group" => "group",
        "broker-loggers" => "broker-logger",
        "client-metrics" => "client-metrics",
        other => {
            let what = format!("{TOOL} --entity-type {other}");
            return Err(no_equivalent(&what, NO_USERS));
        }
    };
    match name {
        Some(name) => Ok((kind, Some(name))),
        None => {
            Err(Failure::usage(format!("{TOOL} of a {kind} wants its name"))
                .hint("--entity-name NAME"))
        }
    }
}

/// `a=1,b=[x,y]`: values with commas stand in brackets.
fn pairs(text: &str) -> Vec<String> {
    let (mut pairs, mut pair, mut depth) = (Vec::new(), String::new(), 0_u32);
    for letter in text.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => pairs.push(std::mem::take(&mut pair)),
            _ => pair.push(letter),
        }
    }
    pairs.push(pair);
    pairs.into_iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}
