//! Flipped bits, cut files and arbitrary bytes: found or harmless, never served, never a panic.

#[cfg(test)]
mod atomic;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod log;
