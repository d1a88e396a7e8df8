//! kq-ctl: administer a kq cluster from scripts and by hand.

fn main() {}
