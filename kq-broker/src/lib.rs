//! The broker. Pure state machines at the centre, sockets and disks at the rim.

mod canary;
pub mod catalogue;
pub mod config;
pub mod controller;
mod env;
pub mod group;
pub mod grpc;
pub mod ids;
pub mod kafka;
pub mod metadata;
pub mod monitor;
pub mod observe;
pub mod peers;
pub mod process;
pub mod raft;
pub mod replica;
pub mod runtime;
