//! Commands, replies and refusals arrive as they left: brokers pass them on as JSON.

use std::fmt::Debug;

use kq_proto::kafka::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::script::{Cluster, parse};
use super::{Command, ControlError, Refused, Reply};

fn travel<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) {
    let bytes = serde_json::to_vec(it).unwrap();
    let arrived: T = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(arrived, *it, "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn commands_and_replies_travel_unchanged() {
    let script = "
        register 1 rack=a
        register 2
        create a at=1,2/2,1 retention.ms=5
        create a
        set a retention.ms=6
        replace a retention.ms=7
        grow a to=4
        isr a to=1 epoch=0
        isr a to=1,2 epoch=1
        isr a to=1,2 epoch=1
        elect a to=2
        cancel a
        elect a to=2
        done a
        elect
        elect a/9 unclean=1
        policy a prefer=a,2 avoid=- unclean=auto balance=on rate=3 pin=0:1 pin=1:-
        policy all unclean=never
        freeze a for=9
        unfreeze a
        cordon 2 for=good
        uncordon? 2
        ids 1
        protect a
        unprotect a
        delete a keep=10
        restore a
        delete a keep=10
        purge a
        tick
        stop 2
        fence 2
        fence 2 epoch=2
        unregister 2
        unregister 9
    ";
    let mut cluster = Cluster::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        let command: Command = parse(&cluster, line);
        travel(&command);
        match cluster.submit(&command) {
            Ok(decision) => travel::<Reply>(&decision.reply),
            Err(err) => travel(&err),
        }
    }
}

#[test]
fn refusals_travel_with_code_hint_and_reason() {
    let err = ControlError::new(ErrorCode::RequestTimedOut, "late").refused(Refused::Deadline);
    travel(&err);
    travel(&err.hint("look before you repeat it"));
}
