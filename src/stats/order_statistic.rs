//! The value of a rank among values that are only known by how many of them lie up to a limit.

use crate::stats::interval::Interval;

/// The smallest number within `range` up to which at least `rank` values lie.
///
/// Bisection over all floating-point numbers takes at most 64 counts and ends on the value itself, so n² pairs need no
/// memory when a count takes n steps.
pub(crate) fn of_rank(rank: u64, range: Interval, up_to: impl Fn(f64) -> u64) -> f64 {
    let (mut low, mut high) = (order_of(range.low), order_of(range.high));
    while low < high {
        let middle = midpoint_down(low, high);
        if up_to(value_of(middle)) >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    // Zero may come out as −0.
    value_of(low) + 0.0
}

/// The median of `all` values: the middle one, or halfway between the middle two.
pub(crate) fn median(all: u64, range: Interval, up_to: impl Fn(f64) -> u64) -> f64 {
    let lower = of_rank(all.div_ceil(2), range, &up_to);
    if all % 2 == 1 { lower } else { f64::midpoint(lower, of_rank(all / 2 + 1, range, &up_to)) }
}

/// Halfway between, towards the lower one; the distance may not fit the type.
const fn midpoint_down(low: i64, high: i64) -> i64 {
    (low & high) + ((low ^ high) >> 1)
}

/// A whole number that orders as the value does: negative ones have their bits below the sign turned around.
const fn order_of(value: f64) -> i64 {
    turned(value.to_bits().cast_signed())
}

const fn value_of(order: i64) -> f64 {
    f64::from_bits(turned(order).cast_unsigned())
}

/// Its own inverse.
const fn turned(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_rank_is_found_exactly(mut values in prop::collection::vec(-1e150_f64..1e150, 1..50)) {
            values.sort_unstable_by(f64::total_cmp);
            let range = Interval { low: values[0], high: values[values.len() - 1] };
            let up_to = |limit: f64| values.iter().filter(|value| **value <= limit).count() as u64;
            for (i, value) in values.iter().enumerate() {
                prop_assert_eq!(of_rank(i as u64 + 1, range, up_to).to_bits(), (value + 0.0).to_bits());
            }
            let middle = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
            prop_assert_eq!(median(values.len() as u64, range, up_to).to_bits(), (middle + 0.0).to_bits());
        }

        #[test]
        fn orders_follow_values(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_ne));
            prop_assert_eq!(a < b, order_of(a) < order_of(b));
            prop_assert_eq!(value_of(order_of(a)).to_bits(), a.to_bits());
        }
    }
}
