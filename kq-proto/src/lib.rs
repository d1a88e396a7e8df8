//! The wire: protobuf services of the control door and messages of the Kafka door.

pub mod admin;
pub mod client;
pub mod kafka;
