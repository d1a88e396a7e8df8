//! `kq-ctl plan ...`: moves that are planned, under way, or over.

pub(crate) mod apply;
pub(crate) mod cancel;
mod diff;
pub(crate) mod file;
pub(crate) mod flow;
mod follow;
pub(crate) mod list;
pub(crate) mod options;
pub(crate) mod pause;
pub(crate) mod resume;
pub(crate) mod rollback;
mod rows;
pub(crate) mod show;
pub(crate) mod status;
mod steer;
pub(crate) mod throttle;
pub(crate) mod wait;

use super::verbs;

verbs! {
    /// List plans that run; with --all also those that have ended
    List(list) = "list",
    /// Show a plan of a file, or one that was started
    Show(show) = "show",
    /// Carry out a plan of a file
    Apply(apply) = "apply",
    /// How far each move of a plan has come
    Status(status) = "status",
    /// Change the rate of a plan
    Throttle(throttle) = "throttle",
    /// Begin no further moves; what moves goes on
    Pause(pause) = "pause",
    /// Go on with a plan that is paused
    Resume(resume) = "resume",
    /// Call a plan back: what moves goes back to where it was
    Cancel(cancel) = "cancel",
    /// Put back what a plan has moved, by a plan of its own
    Rollback(rollback) = "rollback",
    /// Wait until a plan has come so far
    Wait(wait) = "wait",
}
