//! Work on the machine's processors, whose outcomes come in order: so that what is said of a bundle does not
//! depend on which of them was quicker.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Outcomes of one thread that wait to be taken.
const WAITING: usize = 2;

/// Makes something of each number, by turns in as many threads as the machine has processors, and takes the
/// outcomes in order here. No thread is ahead by more than `WAITING`, so they are not many.
pub(super) fn in_order<T: Send>(numbers: Range<usize>, make: impl Fn(usize) -> T + Sync, mut take: impl FnMut(T)) {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(numbers.len());
    thread::scope(|scope| {
        let made: Vec<_> = (0..threads)
            .map(|first| {
                let (give, made) = sync_channel(WAITING);
                let (own, make) = (numbers.clone().skip(first).step_by(threads), &make);
                // Nobody takes any more only when this thread's caller has panicked.
                scope.spawn(move || own.map(make).try_for_each(|one| give.send(one)).is_ok());
                made
            })
            .collect();
        // A thread that ends early has panicked, and so does the scope in its turn.
        made.iter().cycle().take(numbers.len()).map_while(|made| made.recv().ok()).for_each(&mut take);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_order_whoever_is_quicker() {
        for count in [0, 1, 2, 3, 1_000] {
            let mut taken = Vec::new();
            let make = |number: usize| {
                // Every third takes longer than the others.
                let rounds = if number.is_multiple_of(3) { 20_000 } else { 1 };
                (number, (0..rounds).fold(number, |sum, round| std::hint::black_box(sum ^ round)))
            };
            in_order(5..5 + count, make, |(number, _)| taken.push(number));
            assert_eq!(taken, (5..5 + count).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_thread_that_panics_is_not_taken_for_one_that_has_ended() {
        in_order(0..100, |number| assert_ne!(number, 50), drop);
    }
}
