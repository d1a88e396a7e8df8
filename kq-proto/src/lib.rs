//! The wire: protobuf services of the control door and among brokers, and messages of the Kafka
//! door.

pub mod admin;
pub mod client;
pub mod cluster;
pub mod kafka;
pub mod monitor;
