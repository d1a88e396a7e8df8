//! Scripts of requests on the left, the coordinator's answers indented below them.

mod classic;
mod consumer;
mod drop_group;
mod expiry;
mod in_flight;
mod lag;
mod migrate;
mod offsets;
mod operate;
mod operate_words;
mod reset;
mod reset_live;
mod reset_live_consumer;
mod reset_live_mixed;
mod script;
mod statics;
mod topics;
mod undo;
