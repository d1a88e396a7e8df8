//! `kq-ctl record ...`

pub(crate) mod consume;
pub(crate) mod count;
mod feed;
mod format;
pub(crate) mod get;
mod parse;
pub(crate) mod produce;
mod reading;
mod rows;

use super::verbs;

verbs! {
    /// Append records, from stdin unless told otherwise
    Produce(produce) = "produce",
    /// Print records, from the end on unless told otherwise
    Consume(consume) = "consume",
    /// Print single records
    Get(get) = "get",
    /// Count records between two positions
    Count(count) = "count",
}
