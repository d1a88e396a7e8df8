//! Scripts of requests on the left, the coordinator's answers indented below them.

mod classic;
mod expiry;
mod in_flight;
mod lag;
mod offsets;
mod script;
mod statics;
mod topics;
