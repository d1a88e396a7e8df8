//! The same blocking work on many things, on a few threads.

use parking_lot::Mutex;

/// Runs `work` on every item, on at most `threads` threads; the results come in any order.
pub(super) fn in_parallel<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len());
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let left = Mutex::new(items.into_iter());
    let run = || {
        loop {
            let Some(item) = left.lock().next() else { return };
            let result = work(item);
            results.lock().push(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    results.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in [1, 3, 100] {
            let mut doubled = in_parallel(threads, (0..50).collect(), |it| it * 2);
            doubled.sort_unstable();
            assert_eq!(doubled, (0..50).map(|it| it * 2).collect::<Vec<_>>());
        }
        assert!(in_parallel(2, Vec::<u8>::new(), |it| it).is_empty());
    }
}
