//! The broker. Pure state machines at the centre, sockets and disks at the rim.

pub mod config;
