//! A plan of other offsets, to be read: from where to where, what is read again, what is skipped.

use std::fmt::Write as _;

use kq_proto::admin::v1;

use super::ask::intent;
use super::sheet::{Sheet, Weight};
use super::weigh::Weighed;
use crate::model::{Call, State, moment};
use crate::text::{grouped, plural, since_text};

/// Members that are named.
const MEMBERS_MAX: usize = 3;

/// The plan, and what writes it.
pub(super) fn reset_sheet(answer: v1::ProposeResetResponse, state: &State) -> Weighed {
    let mut sheet = Sheet::default();
    let plan = answer.plan.unwrap_or_default();
    let changes: Vec<&v1::ResetRow> = plan.rows.iter().filter(|it| it.from != it.to).collect();
    if plan.refused {
        refusal(&plan, &mut sheet);
    } else if changes.is_empty() {
        sheet.say(Weight::Head, "nothing to reset: it stands there already");
    } else {
        sheet.say(Weight::Head, headline(&plan, state));
    }
    let members = plan.members.len();
    if plan.live && members > 0 && !changes.is_empty() {
        let words = format!(
            "live: {} put out, to come back in one rebalance; what they have not committed of other \
             partitions is read again",
            plural(count(members), "member")
        );
        sheet.say(Weight::Warn, words);
    }
    plan.notes.iter().for_each(|it| sheet.say(Weight::Warn, it));
    sheet.errors(&answer.errors);
    if !answer.errors.is_empty() {
        sheet.say(
            Weight::Bad,
            "nothing is reset while some of it cannot be; fewer partitions may go",
        );
    }
    sheet.rows(&changes, |it| row(it, state));
    let same = plan.rows.len().saturating_sub(changes.len());
    if same > 0 {
        sheet.say(Weight::Dim, format!("{} as it is", plural(count(same), "offset")));
    }
    let number = changes.len();
    let may = !plan.refused && answer.errors.is_empty() && number > 0;
    let request = v1::ApplyResetRequest { plan: Some(plan), intent: Some(intent(false)) };
    (sheet, may.then_some((Call::ApplyReset(request), number)))
}

fn count(it: usize) -> u64 {
    u64::try_from(it).unwrap_or(u64::MAX)
}

fn refusal(plan: &v1::ResetPlan, sheet: &mut Sheet) {
    let why = plan.refusal.clone().unwrap_or_default();
    if why.code != "kafka.NON_EMPTY_GROUP" || plan.members.is_empty() {
        sheet.refused(&why.message, &why.hint);
        return;
    }
    let name = |it: &v1::GroupMember| {
        let host = it.host.trim_start_matches('/');
        format!("{} {host}", it.instance.as_ref().unwrap_or(&it.member))
    };
    let mut who: Vec<String> = plan.members.iter().take(MEMBERS_MAX).map(name).collect();
    if plan.members.len() > MEMBERS_MAX {
        who.push("..".to_owned());
    }
    let words =
        format!("{} at work: {}", plural(count(plan.members.len()), "member"), who.join(", "));
    sheet.refused(&words, "stop them, then R again; or R with --live behind the target");
}

fn headline(plan: &v1::ResetPlan, state: &State) -> String {
    let mut words = Vec::new();
    if plan.reread > 0 {
        let oldest = plan.rows.iter().filter(|it| it.reread > 0).filter_map(|it| it.to_at_ms).min();
        let back = oldest.map(|at| format!(", from {} back", since_text(at, state.now_ms())));
        words.push(format!(
            "{} records are read again{}",
            grouped(plan.reread),
            back.unwrap_or_default()
        ));
    }
    if plan.skip > 0 {
        words.push(format!("{} are skipped", grouped(plan.skip)));
    }
    if words.is_empty() {
        words.push("nothing is read again and nothing skipped".to_owned());
    }
    words.join("; ")
}

/// One partition.
pub(super) fn row(it: &v1::ResetRow, state: &State) -> String {
    let offset = |it: Option<u64>| it.map_or_else(|| "none".to_owned(), grouped);
    let name = format!("{}/{}", it.topic, it.partition);
    let mut words = format!("{} -> {}", offset(it.from), offset(it.to));
    let about = if it.is_bound { "up to " } else { "" };
    if it.reread > 0 {
        let _ = write!(words, "   {about}{} again", grouped(it.reread));
    }
    if it.skip > 0 {
        let _ = write!(words, "   {about}{} skipped", grouped(it.skip));
    }
    if let Some(at_ms) = it.to_at_ms {
        let _ = write!(words, "   {}", moment::day_clock(at_ms, state.zone()));
    }
    if !it.note.is_empty() {
        let _ = write!(words, "   {}", it.note);
    }
    Sheet::item(&name, &words)
}
