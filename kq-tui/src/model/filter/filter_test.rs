//! What may be typed, and what is said of what may not.

use expect_test::{Expect, expect};

use super::*;

struct Thing;

impl Facet for Thing {
    fn has(&self, word: &Word) -> bool {
        word.is_in("Audit-7")
    }

    fn text(&self, field: Field) -> Option<&str> {
        (field == Field::Topic).then_some("two words")
    }

    fn number(&self, field: Field) -> Option<u64> {
        (field == Field::Epoch).then_some(10_000)
    }

    fn broker(&self, field: Field, id: Option<u32>) -> Option<bool> {
        (field == Field::Why).then_some(id == Some(3))
    }

    fn is(&self, _: Field, word: &str) -> Option<bool> {
        Some(word == "urp")
    }
}

fn accepts(text: &str) -> bool {
    Filter::parse(Screen::Partitions, text).unwrap().accepts(&Thing)
}

#[test]
fn all_terms_have_to_be_true() {
    for yes in [
        "",
        "audit",
        "Audit",
        "!clicks",
        "why=b3",
        "why!=b4",
        "!why=b4",
        "state=URP",
        "epoch>=10k",
        "epoch<10.1k",
        "topic=\"two words\"",
        "topic=two*",
        "audit why=b3 epoch=10000",
    ] {
        assert!(accepts(yes), "{yes}");
    }
    for no in ["AUDIT", "!audit", "why=b4", "state=ok", "epoch>10k", "audit why=b4", "topic=two"] {
        assert!(!accepts(no), "{no}");
    }
}

#[test]
fn what_is_not_known_is_neither_true_nor_false() {
    assert!(!accepts("size>1G") && !accepts("!size>1G") && !accepts("leader=b1 "));
}

#[test]
fn a_value_that_is_quoted_is_read_as_it_was() {
    for name in ["orders", "two words", "a\"b", "!x", "a=b", "", "x<y"] {
        let text = format!("topic={}", quoted(name));
        if name.is_empty() {
            assert!(Filter::parse(Screen::Partitions, &text).is_err());
            continue;
        }
        let filter = Filter::parse(Screen::Partitions, &text).unwrap();
        assert_eq!(filter.exact(Field::Topic), [name]);
    }
}

fn check(screen: Screen, text: &str, want: Expect) {
    want.assert_eq(&Filter::parse(screen, text).unwrap_err());
}

#[test]
fn a_mistake_is_told_with_what_is_accepted() {
    check(
        Screen::Partitions,
        "wy=b3",
        expect![
            "'wy' is nothing of partitions; accepted: topic partition state why leader pref on isr behind size in epoch for"
        ],
    );
    check(Screen::Partitions, "why=", expect!["why= wants a broker as b3, or none"]);
    check(
        Screen::Partitions,
        "why=x",
        expect!["'x' is no value of why; accepted: a broker as b3, or none"],
    );
    check(
        Screen::Partitions,
        "state=sick",
        expect![
            "'sick' is no value of state; accepted: offline undermin min urp moving notpref ok"
        ],
    );
    check(Screen::Partitions, "topic>a", expect!["topic is compared with = or != only"]);
    check(
        Screen::Groups,
        "lag>many",
        expect!["'many' is no value of lag; accepted: a number as 250, 10k or 1.5M"],
    );
    check(Screen::Groups, "a \"b", expect!["a double quote is not closed"]);
    check(Screen::Groups, "!", expect!["'!' wants a word or a condition behind it, as !audit"]);
    check(Screen::Groups, "lag!5", expect!["'lag!5' has no sign; accepted: = != > >= < <="]);
}
