use std::sync::Arc;

use futures::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::clock::{Clock as _, ModelClock};

type Queue = Arc<WorkQueue<&'static str>>;

const SECOND: Duration = Duration::from_secs(1);

fn clock() -> Arc<ModelClock> {
    Arc::new(ModelClock::start("2026-02-12T00:00:00Z".parse().expect("a timestamp")))
}

/// A queue whose delays run.
fn queue() -> (Queue, Arc<ModelClock>) {
    let clock = clock();
    let queue = Arc::new(WorkQueue::new(clock.clone()));
    let delays = queue.clone();
    tokio::spawn(async move { delays.run_delays().await });
    (queue, clock)
}

async fn take(queue: &Queue) -> Option<&'static str> {
    queue.take().await.map(|taken| taken.key)
}

/// What can be taken without waiting.
async fn take_now(queue: &Queue) -> Option<&'static str> {
    tokio::select! {
        biased;
        taken = take(queue) => taken,
        () = tokio::task::yield_now() => None,
    }
}

#[tokio::test(start_paused = true)]
async fn keys_come_first_in_first_out() {
    let (queue, _) = queue();
    for key in ["c", "a", "b"] {
        queue.add(key);
    }
    assert_eq!(queue.depth(), 3);
    let taken = [take(&queue).await, take(&queue).await, take(&queue).await];
    assert_eq!(taken, [Some("c"), Some("a"), Some("b")]);
    assert_eq!(queue.depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_is_not_queued_twice() {
    let (queue, _) = queue();
    queue.add("a");
    queue.add("a");
    assert_eq!(queue.depth(), 1);
    assert_eq!(take(&queue).await, Some("a"));
    queue.done(&"a");
    assert_eq!(take_now(&queue).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_work_is_not_handed_out_and_comes_again_afterwards() {
    let (queue, _) = queue();
    queue.add("a");
    assert_eq!(take(&queue).await, Some("a"));
    queue.add("a");
    queue.add("b");
    assert_eq!(take(&queue).await, Some("b"));
    assert_eq!(take_now(&queue).await, None, "it is in work");
    queue.done(&"a");
    assert_eq!(take_now(&queue).await, Some("a"));
    queue.done(&"a");
    assert_eq!(take_now(&queue).await, None, "once is enough");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_is_woken_by_a_key() {
    let (queue, _) = queue();
    let worker = tokio::spawn({
        let queue = queue.clone();
        async move { take(&queue).await }
    });
    tokio::task::yield_now().await;
    queue.add("a");
    assert_eq!(worker.await.expect("the worker"), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn every_waiting_worker_gets_a_key_when_there_are_enough() {
    let (queue, _) = queue();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { take(&queue).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for key in ["a", "b", "c"] {
        queue.add(key);
    }
    let mut taken: Vec<_> = join_all(workers).await.into_iter().map(|key| key.expect("a worker")).collect();
    taken.sort_unstable();
    assert_eq!(taken, [Some("a"), Some("b"), Some("c")]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_comes_in_its_time() {
    let (queue, clock) = queue();
    queue.add_after("a", 3 * SECOND);
    assert_eq!(take_now(&queue).await, None);
    assert_eq!(take(&queue).await, Some("a"));
    assert_eq!(clock.elapsed(), Nanos::from(3 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn no_delay_is_no_delay() {
    let (queue, _) = queue();
    queue.add_after("a", Duration::ZERO);
    assert_eq!(take_now(&queue).await, Some("a"));
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_several_delays_counts() {
    for delays in [[5, 2, 9], [2, 5, 9], [9, 5, 2]] {
        let (queue, clock) = queue();
        for delay in delays {
            queue.add_after("a", delay * SECOND);
        }
        assert_eq!(take(&queue).await, Some("a"));
        assert_eq!(clock.elapsed(), Nanos::from(2 * SECOND), "{delays:?}");
        queue.done(&"a");
        clock.sleep(20 * SECOND).await;
        assert_eq!(take_now(&queue).await, None, "the later ones are forgotten: {delays:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_due_at_once_come_in_the_order_of_adding() {
    let (queue, _) = queue();
    for key in ["c", "a", "b"] {
        queue.add_after(key, SECOND);
    }
    let taken = [take(&queue).await, take(&queue).await, take(&queue).await];
    assert_eq!(taken, [Some("c"), Some("a"), Some("b")]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_delay_that_comes_later_is_not_slept_over() {
    let (queue, clock) = queue();
    queue.add_after("late", 60 * SECOND);
    clock.sleep(SECOND).await;
    queue.add_after("early", SECOND);
    assert_eq!(take(&queue).await, Some("early"));
    assert_eq!(clock.elapsed(), Nanos::from(2 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_lasts_for_ever_harms_nobody() {
    let (queue, clock) = queue();
    queue.add_after("never", Duration::MAX);
    queue.add_after("soon", SECOND);
    assert_eq!(take(&queue).await, Some("soon"));
    assert_eq!(clock.elapsed(), Nanos::from(SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_key_tells_how_long_it_waited_since_it_was_due() {
    let (queue, clock) = queue();
    queue.add("now");
    queue.add_after("later", 2 * SECOND);
    clock.sleep(5 * SECOND).await;
    for (key, waited) in [("now", 5), ("later", 3)] {
        let taken = queue.take().await.expect("a key");
        assert_eq!((taken.key, taken.waited), (key, Nanos::from(waited * SECOND)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_again_and_again_waits_longer_and_longer() {
    let (queue, clock) = queue();
    let mut delays = Vec::new();
    for _ in 0..17 {
        let before = clock.elapsed();
        queue.add_after_failure("a");
        assert_eq!(take(&queue).await, Some("a"));
        queue.done(&"a");
        delays.push(u64::try_from(Duration::from(clock.elapsed() - before).as_millis()).expect("milliseconds"));
    }
    assert_eq!(delays[..5], [5, 10, 20, 40, 80]);
    assert_eq!(delays[14..], [60_000, 60_000, 60_000], "no longer than a minute");
    queue.forget_failures(&"a");
    let before = clock.elapsed();
    queue.add_after_failure("a");
    assert_eq!(take(&queue).await, Some("a"));
    assert_eq!(clock.elapsed() - before, Nanos::from(Duration::from_millis(5)), "from the start again");
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_for_each_key() {
    let (queue, clock) = queue();
    for _ in 0..10 {
        queue.add_after_failure("a");
        take(&queue).await;
        queue.done(&"a");
    }
    let before = clock.elapsed();
    queue.add_after_failure("b");
    assert_eq!(take(&queue).await, Some("b"));
    assert_eq!(clock.elapsed() - before, Nanos::from(Duration::from_millis(5)));
}

#[tokio::test(start_paused = true)]
async fn closing_releases_all_workers() {
    let (queue, _) = queue();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { take(&queue).await })
        })
        .collect();
    tokio::task::yield_now().await;
    queue.close();
    for taken in join_all(workers).await {
        assert_eq!(taken.expect("a worker"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_hands_out_nothing_more() {
    let (queue, clock) = queue();
    queue.add("a");
    queue.add("b");
    assert_eq!(take(&queue).await, Some("a"));
    queue.add("a");
    queue.add_after("c", SECOND);
    queue.close();
    queue.add("d");
    queue.add_after("e", SECOND);
    queue.done(&"a");
    clock.sleep(5 * SECOND).await;
    assert_eq!(take(&queue).await, None);
    assert_eq!(take(&queue).await, None, "and again");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_gives_up_waiting_takes_no_key_with_it() {
    let (queue, clock) = queue();
    let impatient = tokio::spawn({
        let queue = queue.clone();
        async move { take(&queue).await }
    });
    let patient = tokio::spawn({
        let queue = queue.clone();
        async move { take(&queue).await }
    });
    tokio::task::yield_now().await;
    queue.add("a");
    impatient.abort();
    let taken = crate::clock::timeout(&*clock, SECOND, patient).await;
    let lost = impatient.await.ok().flatten();
    assert!(matches!(taken, Ok(Ok(Some("a")))) || lost == Some("a"), "nobody has the key");
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Add(usize),
    AddAfter(usize, u16),
    Fail(usize),
    Forget(usize),
    Take,
    Done(usize),
    Sleep(u16),
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

fn any_act() -> impl Strategy<Value = Act> {
    let key = || 0..KEYS.len();
    prop_oneof![
        3 => key().prop_map(Act::Add),
        2 => (key(), 0_u16..400).prop_map(|(key, delay)| Act::AddAfter(key, delay)),
        1 => key().prop_map(Act::Fail),
        1 => key().prop_map(Act::Forget),
        4 => Just(Act::Take),
        3 => key().prop_map(Act::Done),
        2 => (1_u16..300).prop_map(Act::Sleep),
    ]
}

/// The queue in the plainest words: lists, looked through from the start.
#[derive(Debug, Default)]
struct Model {
    now: u64,
    ready: Vec<usize>,
    again: Vec<usize>,
    in_work: Vec<usize>,
    delayed: Vec<(u64, usize)>,
    failures: [u32; KEYS.len()],
}

impl Model {
    fn add(&mut self, key: usize) {
        if self.in_work.contains(&key) {
            if !self.again.contains(&key) {
                self.again.push(key);
            }
        } else if !self.ready.contains(&key) {
            self.ready.push(key);
        }
    }

    fn add_after(&mut self, key: usize, delay: u64) {
        if delay == 0 {
            return self.add(key);
        }
        let at = self.now + delay;
        match self.delayed.iter().position(|(_, delayed)| *delayed == key) {
            Some(place) if self.delayed[place].0 <= at => return,
            Some(place) => drop(self.delayed.remove(place)),
            None => {}
        }
        self.delayed.push((at, key));
    }

    fn sleep(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        // Stable: what is due at the same time stays in the order of adding.
        self.delayed.sort_by_key(|(at, _)| *at);
        while self.delayed.first().is_some_and(|(at, _)| *at <= self.now) {
            let (_, key) = self.delayed.remove(0);
            self.add(key);
        }
    }
}

async fn follow(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let (queue, clock) = queue();
    let mut model = Model::default();
    for act in acts {
        match act {
            Act::Add(key) => {
                queue.add(KEYS[key]);
                model.add(key);
            }
            Act::AddAfter(key, delay) => {
                queue.add_after(KEYS[key], Duration::from_millis(delay.into()));
                model.add_after(key, delay.into());
            }
            Act::Fail(key) => {
                queue.add_after_failure(KEYS[key]);
                model.add_after(key, (5 << model.failures[key].min(20)).min(60_000));
                model.failures[key] += 1;
            }
            Act::Forget(key) => {
                queue.forget_failures(&KEYS[key]);
                model.failures[key] = 0;
            }
            Act::Take => {
                let expected = (!model.ready.is_empty()).then(|| model.ready.remove(0));
                let taken = take_now(&queue).await;
                prop_assert_eq!(taken, expected.map(|key| KEYS[key]));
                if let Some(key) = expected {
                    prop_assert!(!model.in_work.contains(&key), "handed out twice");
                    model.in_work.push(key);
                }
            }
            Act::Done(key) => {
                if let Some(place) = model.in_work.iter().position(|in_work| *in_work == key) {
                    queue.done(&KEYS[key]);
                    model.in_work.remove(place);
                    if let Some(place) = model.again.iter().position(|again| *again == key) {
                        model.again.remove(place);
                        model.ready.push(key);
                    }
                }
            }
            Act::Sleep(milliseconds) => {
                clock.sleep(Duration::from_millis(milliseconds.into())).await;
                // Twice: the delays may be woken after us by the same tick.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                model.sleep(milliseconds.into());
            }
        }
        prop_assert_eq!(queue.depth(), model.ready.len());
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_queue_does_what_its_model_does(acts in prop::collection::vec(any_act(), 0..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(follow(acts))?;
    }
}
