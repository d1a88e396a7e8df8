//! The data door of a whole broker, through raw frames on a socket.

mod admin;
mod consumer_groups;
mod cut_off;
mod describe;
mod fetch;
mod follower;
mod groups;
mod leaders;
mod malformed;
mod order;
mod outbound;
mod pipeline;
mod produce;
mod reassign;
mod rig;
mod versions;
