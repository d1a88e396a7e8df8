//! What wins, what is refused, and in which words.

use std::io::Write as _;

use super::{BrokerConfig, Source, explain, keys, load};

fn with(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<BrokerConfig, String> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let path = written.path().to_str().unwrap().to_owned();
    let args = ["kq-broker", "--config", &path].into_iter().chain(flags.iter().copied());
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    load(args.map(Into::into), variable)
        .map(|it| it.config)
        .map_err(|err| err.to_string().replace(&path, "FILE"))
}

fn value<'a>(config: &'a BrokerConfig, name: &str) -> &'a str {
    &config.given(name).unwrap().text
}

#[test]
fn every_default_suits_its_own_key() {
    for key in keys() {
        assert!(key.accept(key.default.unwrap_or("")).is_ok(), "{}", key.name);
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
    assert_eq!(BrokerConfig::defaults().listen, "127.0.0.1:9092");
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let file = "[node]\nid = 2\n[num]\npartitions = 3\n";
    let variables = [("KQ_NODE_ID", "4"), ("KQ_NUM_PARTITIONS", "5")];
    let config = with(file, &variables, &["--node-id", "6"]).unwrap();
    assert_eq!((config.node_id, value(&config, "num.partitions")), (6, "5"));
    assert_eq!(config.given("node.id").unwrap().source, Source::Flag);
    let config = with(file, &[], &[]).unwrap();
    assert_eq!((config.node_id, value(&config, "num.partitions")), (2, "3"));
    assert!(config.given("default.replication.factor").is_none());
    assert_eq!(config.connections_max, 10_000);
}

#[test]
fn dotted_quoted_and_nested_keys_are_the_same() {
    for file in ["log.durability = 'os'", "'log.durability' = 'os'", "[log]\ndurability = 'os'"] {
        let config = with(file, &[], &[]).unwrap();
        assert_eq!(value(&config, "log.durability"), "os", "{file}");
    }
}

#[test]
fn a_segment_size_that_logs_refuse_is_refused_at_once() {
    let err = with("log.segment.bytes = 1000", &[], &[]).unwrap_err();
    assert!(err.contains("log.segment.bytes") && err.contains("1048576"), "{err}");
    with("log.segment.bytes = '1 MiB'\ntopic.delete.keep.ms = '1 h'", &[], &[]).unwrap();
}

#[test]
fn unknown_keys_name_the_nearest_one() {
    assert_eq!(
        with("log.retention.msec = 5", &[], &[]).unwrap_err(),
        "unknown key 'log.retention.msec' in FILE; did you mean 'log.retention.ms'?"
    );
    assert_eq!(
        with("zoo = 5", &[], &[]).unwrap_err(),
        "unknown key 'zoo' in FILE; `kq-broker --print-config` lists all keys"
    );
}

#[test]
fn wrong_values_say_what_is_accepted() {
    assert_eq!(
        with("num.partitions = 0", &[], &[]).unwrap_err(),
        "num.partitions = '0' (from the file): expected 1 to 10000"
    );
    assert_eq!(
        with("", &[], &["--log-durability", "maybe"]).unwrap_err(),
        "log.durability = 'maybe' (from the flag): expected one of: fsync, os"
    );
}

#[test]
fn listening_beyond_loopback_needs_a_second_word() {
    let err = with("", &[], &["--listen", "0.0.0.0:9092"]).unwrap_err();
    assert!(err.contains("--insecure-listener"), "{err}");
    assert!(with("", &[], &["--listen", "0.0.0.0:9092", "--insecure-listener"]).is_ok());
    assert!(with("", &[], &["--listen", "[::1]:9092"]).is_ok());
}

#[test]
fn printed_configuration_reads_back_the_same() {
    let config = with("", &[], &["--node-id", "7", "--log-retention-ms", "7d"]).unwrap();
    let printed = explain(&config.statics);
    let again = with(&printed, &[], &[]).unwrap();
    assert_eq!(again.node_id, 7);
    assert_eq!(again.given("log.retention.ms").unwrap().text, "604800000");
    assert!(printed.contains("# -1 or more ms; default: not set"), "{printed}");
}
