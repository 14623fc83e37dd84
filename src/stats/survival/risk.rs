//! Who is still at risk when something ends.

/// A time at which at least one observation of a group stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment<T> {
    pub time: f64,
    /// How many had not stopped before it.
    pub at_risk: usize,
    /// What stopped at it.
    pub stopped: T,
}

/// The moments of observations in order of time; `count` adds what one is to what stopped with it.
pub(super) fn moments<O, T: Default>(
    observations: &[O],
    time: impl Fn(&O) -> f64,
    count: impl Fn(&mut T, &O),
) -> Vec<Moment<T>> {
    let mut sorted: Vec<&O> = observations.iter().collect();
    sorted.sort_by(|a, b| time(a).total_cmp(&time(b)));
    let mut at_risk = sorted.len();
    sorted
        .chunk_by(|a, b| time(a) >= time(b))
        .map(|together| {
            let mut moment = Moment { time: time(together[0]), at_risk, stopped: T::default() };
            for observation in together {
                count(&mut moment.stopped, observation);
            }
            at_risk -= together.len();
            moment
        })
        .collect()
}
