//! Jobs on several threads, results in the order of the jobs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};

/// Does jobs 0 to below `count`. What a job returns must depend on its number only; then the
/// result does not depend on the number of threads. `done` is called as they end.
///
/// # Errors
///
/// The first of the jobs' errors.
pub fn in_parallel<T: Send>(
    threads: usize,
    count: usize,
    job: impl Fn(usize) -> Result<T> + Sync,
    mut done: impl FnMut(usize),
) -> Result<Vec<T>> {
    let (next, job) = (&AtomicUsize::new(0), &job);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            let sender = sender.clone();
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, job(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut all: Vec<Option<T>> = (0..count).map(|_| None).collect();
        for (ended, (number, result)) in results.iter().enumerate() {
            all[number] = Some(result?);
            done(ended + 1);
        }
        all.into_iter().collect::<Option<Vec<T>>>().context("a job came to no end")
    })
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs_on_any_number_of_threads() {
        let expected: Vec<_> = (0..50).map(|number| number * number).collect();
        for threads in [1, 3, 100] {
            let mut ended = 0;
            let found = in_parallel(threads, 50, |number| Ok(number * number), |_| ended += 1);
            assert_eq!(found.unwrap(), expected);
            assert_eq!(ended, 50);
        }
    }

    #[test]
    fn an_error_of_a_job_is_the_result() {
        let job = |number| if number == 3 { bail!("no third") } else { Ok(number) };
        assert_eq!(in_parallel(2, 9, job, |_| {}).unwrap_err().to_string(), "no third");
    }
}
