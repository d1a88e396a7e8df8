//! Whatever is typed, wherever, at whatever size: nothing is changed where nothing may be, and elsewhere
//! only what was shown and confirmed.

use kq_proto::admin::v1 as admin;

use super::*;
use crate::model::task::Stage;
use crate::model::{Answer, Call, Effect};

const KEYS: u32 = 100_000;
/// A screen is drawn after each so many keys.
const DRAW_EACH: u32 = 50;

/// Numbers without a pattern that anybody types.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn any_key(dice: &mut Dice) -> Key {
    const CODES: [Code; 10] = [
        Code::Enter,
        Code::Enter,
        Code::Esc,
        Code::Backspace,
        Code::Tab,
        Code::Up,
        Code::Down,
        Code::PageDown,
        Code::Home,
        Code::Left,
    ];
    match dice.below(10) {
        0..3 => Key::plain(dice.one(&CODES)),
        3..6 => Key::char(dice.one(&['E', 'D', 'R', 'P', 'E', 'D', 'R', 'P', 'x', 'j'])),
        6 => Key::char(dice.one(&['1', '2', '3', '4', '5', '6', '7', '8', '9', 'L'])),
        7 => Key::ctrl(dice.one(&['u', 'w', 'a', 'l', 'p'])),
        _ => Key::char(char::from(u8::try_from(0x20 + dice.below(0x5f)).unwrap())),
    }
}

/// What a broker would say to a call.
#[expect(clippy::wildcard_enum_match_arm, reason = "other calls have other answers")]
fn answer_to(call: &Call) -> Answer {
    let orders = |partition| admin::PlannedMove {
        topic: "orders".into(),
        partition,
        from: vec![1, 2],
        to: vec![2, 3],
        ..admin::PlannedMove::default()
    };
    let plan = admin::Plan { moves: (0..40).map(orders).collect(), ..admin::Plan::default() };
    let status = admin::ChangePlanResponse { plan: Some(admin::PlanStatus::default()) };
    match call {
        Call::ProposePlan(_) => {
            Answer::ProposePlan(admin::ProposePlanResponse { plan: Some(plan) })
        }
        Call::ProposeReset(_) => {
            let row = admin::ResetRow { to: Some(1), ..admin::ResetRow::default() };
            let plan = Some(admin::ResetPlan { rows: vec![row], ..admin::ResetPlan::default() });
            Answer::ProposeReset(admin::ProposeResetResponse { plan, errors: Vec::new() })
        }
        Call::ElectLeaders(it) => {
            let one = |it: &admin::PartitionRef| admin::ElectedLeader {
                topic: it.topic.clone(),
                partition: it.partition,
                ..admin::ElectedLeader::default()
            };
            let leaders = it.partitions.iter().map(one).collect();
            Answer::ElectLeaders(admin::ElectLeadersResponse { leaders, errors: Vec::new() })
        }
        Call::UncordonBrokers(it) => {
            let one = |id: &u32| admin::BrokerChange { broker: *id, changed: true };
            let brokers = it.brokers.iter().map(one).collect();
            Answer::UncordonBrokers(admin::UncordonBrokersResponse { brokers, errors: Vec::new() })
        }
        Call::PausePlan(_) => Answer::PausePlan(status),
        Call::ResumePlan(_) => Answer::ResumePlan(status),
        Call::CancelPlan(_) => Answer::CancelPlan(status),
        Call::ThrottlePlan(_) => Answer::ThrottlePlan(status),
        _ => Answer::Over,
    }
}

/// What a session of many keys has come to.
#[derive(Default)]
struct Tally {
    asked: u32,
    changed: u32,
}

fn session(read_only: bool, seed: u64) -> Tally {
    let sizes = [(1, 1), (20, 5), (40, 10), (41, 11), (80, 24), (80, 24), (132, 43), (300, 100)];
    let (mut dice, mut tally) = (Dice(seed), Tally::default());
    let mut state = told((80, 24), true);
    state.settings.read_only = read_only;
    let mut size = (80, 24);
    let mut uptime_ms = 10_000;
    for nth in 0..KEYS {
        uptime_ms += 40;
        if nth % 500 == 0 {
            size = dice.one(&sizes);
            update(&mut state, Event::Resize { columns: size.0, rows: size.1 });
            frame(&mut state, cluster::next(true));
        }
        update(&mut state, Event::Tick { uptime_ms });
        assert!(!read_only || !matches!(state.overlay, Some(Overlay::Task(_))));
        for key in typed(&state, &mut dice) {
            // Only Enter may change anything: what stood there before it has to be a plan and its word.
            let before = state.overlay.as_ref().filter(|_| key.code == Code::Enter).cloned();
            for effect in update(&mut state, Event::Key(key)) {
                let Effect::Call { id, call } = effect else { continue };
                assert!(!read_only || !call.changes(), "{key} has asked for {call:?}");
                let is_of_task = matches!(state.overlay, Some(Overlay::Task(_)));
                tally.asked += u32::from(is_of_task);
                if call.changes() {
                    tally.changed += 1;
                    let Some(Overlay::Task(task)) = &before else { panic!("{key}: {call:?}") };
                    let Stage::Shown(ready) = &task.stage else { panic!("{task:?}") };
                    assert_eq!(ready.word, task.line.text());
                    assert!(size >= (40, 10) && !task.sheet.lines.is_empty());
                }
                update(&mut state, Event::Answer(id, Box::new(answer_to(&call))));
            }
        }
        if nth % DRAW_EACH == 0 {
            let (_, hits) = drawn(&state, size);
            state.drawn(hits);
        }
    }
    tally
}

/// Any key; sometimes what an operator would type.
#[expect(clippy::wildcard_enum_match_arm, reason = "most stages and rolls are left to chance")]
fn typed(state: &State, dice: &mut Dice) -> Vec<Key> {
    let Some(Overlay::Task(task)) = &state.overlay else { return vec![any_key(dice)] };
    let words = match &task.stage {
        Stage::Shown(ready) if dice.below(4) == 0 => ready.word.clone(),
        Stage::How if dice.below(2) == 0 => {
            dice.one(&["latest", "@-2h", "pause", "cancel", "throttle auto"]).to_owned()
        }
        _ => return vec![any_key(dice)],
    };
    let keys = words.chars().map(Key::char);
    std::iter::once(Key::ctrl('u')).chain(keys).chain([Key::plain(Code::Enter)]).collect()
}

#[test]
fn a_read_only_context_asks_nothing_whatever_is_typed() {
    assert_eq!(session(true, 0x9e37_79b9_7f4a_7c15).asked, 0);
}

#[test]
fn nothing_is_changed_without_a_plan_and_its_word() {
    let tally = session(false, 0x2545_f491_4f6c_dd1d);
    assert!(tally.asked > 100 && tally.changed > 20, "{} {}", tally.asked, tally.changed);
}

#[test]
fn actions_lie_above_the_screen() {
    let size = (80, 24);
    for (name, screen, keys) in [
        ("action-election", Screen::Partitions, "E"),
        ("action-how-reset", Screen::Groups, "R"),
        ("action-plan", Screen::Brokers, "D"),
    ] {
        let mut state = told(size, true);
        state.settings.read_only = false;
        go(&mut state, screen, size);
        for key in keys.chars() {
            for effect in update(&mut state, Event::Key(Key::char(key))) {
                if let Effect::Call { id, call } = effect {
                    update(&mut state, Event::Answer(id, Box::new(answer_to(&call))));
                }
            }
        }
        check(name, &state, size);
    }
}
