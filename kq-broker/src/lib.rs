//! The broker. Pure state machines at the centre, sockets and disks at the rim.

pub mod catalogue;
pub mod config;
pub mod controller;
pub mod group;
pub mod ids;
pub mod metadata;
pub mod raft;
