//! What operators type, the same in every tool: positions of logs and groups, rates of plans.

mod position;
mod target;
mod throttle;

pub use position::{Position, instant};
pub use target::Target;
pub use throttle::throttle;
