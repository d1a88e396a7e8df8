//! Precedence of settings, case by case.

use expect_test::{Expect, expect};

use super::*;
use crate::settings::File;

const FILE: &str = r#"
    current = "dev"
    [contexts.dev]
    brokers = ["dev:1"]
    output = "yaml"
    [contexts.prod]
    brokers = ["p1:1", "p2:1"]
    cluster_id = "kq-1"
    read_only = true
    protected = true
    timeout = "1m"
"#;

fn sources() -> Sources {
    let user: File = toml::from_str(FILE).unwrap();
    Sources { user_path: "config.toml".into(), user, ..Sources::default() }
}

#[track_caller]
fn check(global: &Global, env: &[(&str, &str)], sources: &Sources, want: Expect) {
    let lookup =
        |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let got = match resolve(global, &lookup, sources) {
        Ok(settings) => {
            let brokers: Vec<String> =
                settings.brokers.value.iter().map(ToString::to_string).collect();
            format!(
                "brokers {} ({})\ncontext {:?} pin {:?} read_only {}\noutput {} ({})\ntimeout {:?} ({})",
                brokers.join(","),
                settings.brokers.origin,
                settings.context.map(|it| it.value),
                settings.guards.cluster_id,
                settings.guards.read_only,
                settings.output.value.name(),
                settings.output.origin,
                settings.timeout.value,
                settings.timeout.origin,
            )
        }
        Err(failure) => format!("error: {failure}\n  try: {}", failure.hint),
    };
    want.assert_eq(&got);
}

#[test]
fn nothing_said_is_the_local_broker() {
    check(
        &Global::default(),
        &[],
        &Sources::default(),
        expect![[r#"
            brokers 127.0.0.1:9092 (default)
            context None pin None read_only false
            output table (default)
            timeout 15s (default)"#]],
    );
}

#[test]
fn the_context_in_use_decides_if_nothing_else_does() {
    check(
        &Global::default(),
        &[],
        &sources(),
        expect![[r#"
            brokers dev:1 (context dev)
            context Some("dev") pin None read_only false
            output yaml (context dev)
            timeout 15s (default)"#]],
    );
}

#[test]
fn brokers_named_directly_leave_the_context_in_use_behind() {
    let global = Global { brokers: Some(vec!["x:9".to_owned()]), ..Global::default() };
    check(
        &global,
        &[],
        &sources(),
        expect![[r#"
            brokers x:9 (flag --brokers)
            context None pin None read_only false
            output table (default)
            timeout 15s (default)"#]],
    );
}

#[test]
fn a_context_named_by_flag_beats_brokers_of_the_environment() {
    let global = Global { context: Some("prod".to_owned()), ..Global::default() };
    check(
        &global,
        &[("KQ_BROKERS", "x:9"), ("KQ_OUTPUT", "json")],
        &sources(),
        expect![[r#"
            brokers p1:1,p2:1 (context prod)
            context Some("prod") pin Some("kq-1") read_only true
            output json (env KQ_OUTPUT)
            timeout 60s (context prod)"#]],
    );
}

#[test]
fn brokers_and_context_by_flag_keep_the_guards() {
    let global = Global {
        context: Some("prod".to_owned()),
        brokers: Some(vec!["p3:1".to_owned()]),
        ..Global::default()
    };
    check(
        &global,
        &[],
        &sources(),
        expect![[r#"
            brokers p3:1 (flag --brokers)
            context Some("prod") pin Some("kq-1") read_only true
            output table (default)
            timeout 60s (context prod)"#]],
    );
}

#[test]
fn an_unknown_context_names_the_known_ones() {
    let global = Global { context: Some("prd".to_owned()), ..Global::default() };
    check(
        &global,
        &[],
        &sources(),
        expect![[r#"
            error: no context 'prd'
              try: one of: dev, prod"#]],
    );
}

#[test]
fn a_bad_value_names_its_place_and_what_is_accepted() {
    check(
        &Global::default(),
        &[("KQ_COLOR", "blue")],
        &Sources::default(),
        expect![[r#"
            error: color (env KQ_COLOR): 'blue'
              try: accepted: auto, always, never"#]],
    );
}
