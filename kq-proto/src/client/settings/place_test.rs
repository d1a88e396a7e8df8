//! Which cluster is meant, case by case.

use std::path::Path;

use expect_test::{Expect, expect};

use super::super::{File, Surroundings};
use super::*;

const FILE: &str = r#"
    current = "dev"
    [contexts.dev]
    brokers = ["dev:1"]
    [contexts.prod]
    brokers = ["p1:1", "p2:1"]
    cluster_id = "kq-1"
    read_only = true
    [contexts.sealed]
    brokers = ["s:1"]
    tls = { ca = "/etc/ca.pem" }
    sasl = "plain"
"#;

#[track_caller]
fn check(asked: &Asked, env: &[(&str, &str)], want: Expect) {
    let user: File = toml::from_str(FILE).unwrap();
    let sources = Sources { user, ..Sources::default() };
    let lookup =
        |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let got = match place(asked, &lookup, &sources) {
        Ok(place) => {
            let brokers: Vec<String> =
                place.brokers.value.iter().map(ToString::to_string).collect();
            let context = place.context_name().map(|it| format!("{} ({})", it.value, it.origin));
            let guards = place.guards();
            format!(
                "{} ({})\ncontext {context:?} pin {:?} read_only {} wants {:?}",
                brokers.join(","),
                place.brokers.origin,
                guards.cluster_id,
                guards.read_only,
                guards.unsupported,
            )
        }
        Err(refusal) => format!("{:?}: {refusal}; {}", refusal.kind, refusal.hint),
    };
    want.assert_eq(&got);
}

fn context(name: &str) -> Asked {
    Asked { context: Some(name.to_owned()), ..Asked::default() }
}

#[test]
fn a_context_brings_its_guards_along() {
    check(
        &context("prod"),
        &[("KQ_BROKERS", "x:9")],
        expect![[r#"
            p1:1,p2:1 (context prod)
            context Some("prod (flag --context)") pin Some("kq-1") read_only true wants None"#]],
    );
    check(
        &context("sealed"),
        &[],
        expect![[r#"
            s:1 (context sealed)
            context Some("sealed (flag --context)") pin None read_only false wants Some("tls and sasl")"#]],
    );
}

#[test]
fn what_is_said_more_directly_wins() {
    check(
        &Asked::default(),
        &[],
        expect![[r#"
            dev:1 (context dev)
            context Some("dev (context in use)") pin None read_only false wants None"#]],
    );
    check(
        &Asked::default(),
        &[("KQ_BROKERS", "x:9, y:8")],
        expect![[r#"
            x:9,y:8 (env KQ_BROKERS)
            context None pin None read_only false wants None"#]],
    );
}

#[test]
fn an_unknown_context_and_no_brokers_are_refused() {
    check(&context("x"), &[], expect!["NotFound: no context 'x'; one of: dev, prod, sealed"]);
    let none = Asked { brokers: Some(vec![" ".to_owned()]), ..Asked::default() };
    check(
        &none,
        &[],
        expect!["Usage: brokers (flag --brokers): none is named; --brokers HOST:PORT"],
    );
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let asked = Asked { config: Some("/no/such/file".into()), ..Asked::default() };
    let around =
        Surroundings { env: &|_| None, cwd: Path::new("/"), system_config: Path::new("/none") };
    let refusal = Sources::read(&asked, around, false).unwrap_err();
    assert_eq!(refusal.message, "no such file: /no/such/file");
    assert!(Sources::read(&asked, around, true).is_ok());
}
