//! The same blocking work on many things, on a few threads.

#[cfg(not(feature = "turmoil"))]
use std::collections::BTreeMap;

#[cfg(not(feature = "turmoil"))]
use parking_lot::Mutex;

/// Runs `work` on every item, on at most `threads` threads for each place; the results come in any
/// order. A slow place does not keep the others waiting.
#[cfg(not(feature = "turmoil"))]
pub(super) fn in_parallel_by<P: Ord, T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    place: impl Fn(&T) -> P,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut places = BTreeMap::<P, Vec<T>>::new();
    for item in items {
        places.entry(place(&item)).or_default().push(item);
    }
    let work = &work;
    std::thread::scope(|scope| {
        let mut places = places.into_values();
        let here = places.next().unwrap_or_default();
        let run = |items| move || in_parallel(threads, items, work);
        let others: Vec<_> = places.map(|items| scope.spawn(run(items))).collect();
        let mut results = in_parallel(threads, here, work);
        // A panic aborts the process before it could be met here.
        results.extend(others.into_iter().filter_map(|it| it.join().ok()).flatten());
        results
    })
}

/// The same one after another, where one thread runs everything.
#[cfg(feature = "turmoil")]
pub(super) fn in_parallel_by<P: Ord, T: Send, R: Send>(
    _threads: usize,
    mut items: Vec<T>,
    place: impl Fn(&T) -> P,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    items.sort_by_key(place);
    items.into_iter().map(work).collect()
}

/// Runs `work` on every item, on at most `threads` threads; the results come in any order.
#[cfg(not(feature = "turmoil"))]
fn in_parallel<T: Send, R: Send>(
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
    fn every_place_has_threads_of_its_own() {
        let meeting = std::sync::Barrier::new(3);
        let mut met = in_parallel_by(
            1,
            vec!["a1", "b1", "c1"],
            |it| it.as_bytes()[0],
            |it| {
                meeting.wait();
                it
            },
        );
        met.sort_unstable();
        assert_eq!(met, ["a1", "b1", "c1"]);
        let count = in_parallel_by(2, (0..50).collect(), |it| it % 3, |it| it).len();
        assert_eq!(count, 50);
    }

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
