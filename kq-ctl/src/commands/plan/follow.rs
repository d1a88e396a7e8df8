//! A plan on its way, until it has ended: bars on a terminal, a line now and then elsewhere.

use std::time::Duration;

use kq_proto::admin::v1;

use super::rows::{count, left_words, percent, permille};
use super::status::in_words;
use crate::cluster::Cluster;
use crate::exit::Failure;
use crate::output::{Bar, Bars, ByteStyle, bytes_text};
use crate::session::Session;

/// Moves that have a bar.
const BARS_MAX: usize = 8;

/// Looks again and again; the last answer.
pub(super) async fn follow(
    id: &str,
    every: Duration,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<v1::GetPlanResponse, Failure> {
    session.on_interrupt(format!("the plan goes on: kq-ctl plan status {id} -w"));
    let mut bars: Option<Bars> = session.bars();
    let mut told = String::new();
    loop {
        let answer = cluster.get_plan(v1::GetPlanRequest { id: id.to_owned() }).await?;
        let plan = answer.plan.clone().unwrap_or_default();
        if matches!(plan.state.as_str(), "done" | "cancelled") {
            return Ok(answer);
        }
        let words = in_words(&plan);
        if let Some(bars) = &mut bars {
            bars.show(&whole(&plan), &moves(&answer.moves));
        } else if words != told {
            session.say(&words);
            told = words;
        }
        tokio::time::sleep(every).await;
    }
}

fn whole(plan: &v1::PlanStatus) -> Bar {
    let state = if plan.state == "running" { "" } else { plan.state.as_str() };
    let gap = if state.is_empty() { "" } else { ", " };
    let (done, left) = (count(plan, "done"), left_words(plan));
    Bar {
        name: format!("plan {}", plan.id),
        permille: permille(plan),
        words: format!("{done}/{} done{left}{gap}{state}", plan.move_count),
    }
}

/// Those under way, and how many more there are.
fn moves(all: &[v1::MoveStatus]) -> Vec<Bar> {
    let under_way = || all.iter().filter(|it| matches!(it.state.as_str(), "moving" | "returning"));
    under_way().take(BARS_MAX).map(one).collect()
}

fn one(it: &v1::MoveStatus) -> Bar {
    let human = |bytes| bytes_text(bytes, ByteStyle::Human);
    let left = it.bytes_left.map(|left| format!("{} left", human(left)));
    let rate =
        it.bytes_per_second.filter(|rate| 0 < *rate).map(|rate| format!("{}/s", human(rate)));
    let why = Some(it.why.clone()).filter(|why| !why.is_empty());
    let state = (it.state != "moving").then(|| it.state.clone());
    let words: Vec<String> = [left, rate, state, why].into_iter().flatten().collect();
    Bar {
        name: format!("{}/{}", it.topic, it.partition),
        permille: percent(it.bytes_moved, it.bytes_left).unwrap_or(0) * 10,
        words: words.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_what_is_left_and_how_fast_it_comes() {
        let it = v1::MoveStatus {
            topic: "orders".to_owned(),
            partition: 3,
            state: "moving".to_owned(),
            bytes_moved: Some(30 << 20),
            bytes_left: Some(10 << 20),
            bytes_per_second: Some(5 << 20),
            ..v1::MoveStatus::default()
        };
        let bar = one(&it);
        assert_eq!((bar.name.as_str(), bar.permille), ("orders/3", 750));
        assert_eq!(bar.words, "10.0MiB left, 5.0MiB/s");
        let waits = v1::MoveStatus { state: "waiting".to_owned(), ..it };
        assert!(moves(&[waits]).is_empty());
    }

    #[test]
    fn a_plan_is_as_far_as_its_bytes() {
        let mut plan = v1::PlanStatus {
            bytes: 400,
            bytes_left: Some(100),
            move_count: 2,
            ..v1::PlanStatus::default()
        };
        assert_eq!(permille(&plan), 750);
        (plan.bytes, plan.bytes_left) = (0, Some(0));
        plan.moves_by_state.insert("done".to_owned(), 1);
        assert_eq!(permille(&plan), 500);
        assert_eq!(left_words(&plan), "");
    }
}
