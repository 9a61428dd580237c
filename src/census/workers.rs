//! A few threads over a numbered list of work, with the same result whichever thread does what.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does `work` for every number below `count`, on `threads` threads that each begin with a `start` of their own, and returns
/// what the threads gathered. The first error stops all of them; of several, the one of the lowest number is returned.
pub(crate) fn over<S: Send, E: Send>(
    threads: usize,
    count: usize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<(), E> + Sync,
) -> Result<Vec<S>, E> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let one_thread = || {
        let mut state = start();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            if let Err(error) = work(&mut state, number) {
                stop.store(true, Ordering::Relaxed);
                return Err((number, error));
            }
        }
        Ok(state)
    };
    let ended: Vec<Result<S, (usize, E)>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.clamp(1, count.max(1))).map(|_| scope.spawn(one_thread)).collect();
        // A panic in a reader is a defect; it is not hidden behind a half-finished census.
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let (mut states, mut first_error) = (Vec::new(), None::<(usize, E)>);
    for end in ended {
        match end {
            Ok(state) => states.push(state),
            Err((number, error)) => {
                if first_error.as_ref().is_none_or(|(lowest, _)| number < *lowest) {
                    first_error = Some((number, error));
                }
            }
        }
    }
    match first_error {
        Some((_, error)) => Err(error),
        None => Ok(states),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_done_once_on_any_number_of_threads() {
        for threads in [0, 1, 3, 50] {
            let states = over(threads, 20, Vec::new, |done, number| {
                done.push(number);
                Ok::<(), ()>(())
            })
            .unwrap();
            let mut all: Vec<usize> = states.into_iter().flatten().collect();
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>(), "{threads} threads");
        }
    }

    #[test]
    fn an_error_stops_the_work_and_is_returned() {
        assert_eq!(over(3, 1_000_000, || (), |(), number| if number == 7 { Err(number) } else { Ok(()) }).map(|s| s.len()), Err(7));
    }
}
