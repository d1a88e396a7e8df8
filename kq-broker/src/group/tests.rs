//! Scripts of requests on the left, the coordinator's answers indented below them.

mod classic;
mod consumer;
mod expiry;
mod in_flight;
mod lag;
mod migrate;
mod offsets;
mod reset;
mod reset_live;
mod script;
mod statics;
mod topics;
mod undo;
