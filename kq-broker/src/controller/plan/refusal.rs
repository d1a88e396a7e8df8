//! A refusal as an operator reads it: which rules, which partitions, why, and what to do.

use std::fmt::Write as _;

use super::goal::Request;
use super::moves::{Move, Plan};
use super::rules::{RuleId, Verdict};
use super::view::View;
use super::words::{Bytes, Millis};
use super::{cost, split};

/// Partitions that are shown for one rule.
const SHOWN_MAX: usize = 20;

/// Why a plan is refused; nothing when it is not.
pub(super) fn write(view: &View<'_>, request: &Request, plan: &Plan) -> String {
    let refusing: Vec<&Verdict> = plan.verdicts.iter().filter(|it| it.refuses()).collect();
    let mut text = String::new();
    for verdict in &refusing {
        write_rule(&mut text, plan, verdict);
    }
    if refusing.is_empty() {
        return text;
    }
    let commands = next_commands(view, request, plan, &refusing);
    text.push_str(if commands.len() == 1 { "do:\n" } else { "do one of:\n" });
    for command in commands {
        let _ = writeln!(text, "  {command}");
    }
    text
}

fn write_rule(text: &mut String, plan: &Plan, verdict: &Verdict) {
    let rule = verdict.rule;
    let found: Vec<_> = verdict.findings.iter().filter(|it| it.breaks).collect();
    let moves = found.iter().filter(|it| it.partition.is_some()).count();
    if moves > 0 {
        let all = plan.moves.len();
        let breaks = if moves == 1 { "breaks" } else { "break" };
        let _ =
            writeln!(text, "refused: {moves} of {all} moves {breaks} {rule} ({})", rule.guards());
    } else {
        let _ = writeln!(text, "refused: {rule} ({})", rule.guards());
    }
    let width = found.iter().take(SHOWN_MAX).map(|it| it.subject.len()).max().unwrap_or(0);
    for it in found.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "  {:width$}   {}", it.subject, it.cause);
    }
    if found.len() > SHOWN_MAX {
        let _ = writeln!(text, "  and {} more", found.len() - SHOWN_MAX);
    }
}

/// What to do, without repeats: what the rules say, then the plan without the moves at fault.
fn next_commands(
    view: &View<'_>,
    request: &Request,
    plan: &Plan,
    refusing: &[&Verdict],
) -> Vec<String> {
    /// More than these are no help.
    const COMMANDS_MAX: usize = 4;
    let mut commands: Vec<String> = Vec::new();
    let all = refusing.iter().flat_map(|it| &it.findings).filter(|it| it.breaks);
    for command in all.flat_map(|it| &it.next) {
        if !commands.contains(command) && commands.len() < COMMANDS_MAX {
            commands.push(command.clone());
        }
    }
    commands.extend(without_unsafe(view, request, plan, refusing));
    commands
}

/// The same command with `--skip-unsafe`, if that leaves a plan that may run.
fn without_unsafe(
    view: &View<'_>,
    request: &Request,
    plan: &Plan,
    refusing: &[&Verdict],
) -> Option<String> {
    let is_whole = |it: &&Verdict| it.findings.iter().any(|it| it.breaks && it.partition.is_none());
    let stale = |it: &&Verdict| it.rule == RuleId::S008;
    if refusing.iter().any(|it| is_whole(it) || stale(it)) {
        return None;
    }
    let (rest, _) = split(plan.moves.clone(), &plan.broken_partitions());
    if rest.is_empty() {
        return None;
    }
    let summary = cost::summarize(view, &rest, &request.options);
    let count = if rest.len() == 1 { "1 move".to_owned() } else { format!("{} moves", rest.len()) };
    let mut figures = format!("{count}, {}", Bytes(bytes_of(&rest)));
    if let Some(ms) = summary.eta_ms {
        let _ = write!(figures, ", ~{}", Millis(ms));
    }
    Some(format!("{} --skip-unsafe      # {figures}", request.same_command()))
}

fn bytes_of(moves: &[Move]) -> u64 {
    moves.iter().filter_map(|it| it.bytes).fold(0, u64::saturating_add)
}
