//! Which objects a sampled survey reads.

use std::collections::BTreeMap;

use crate::history::Listing;

/// How much of a history is read when not all of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleSize {
    /// Of each store; at least one object of every format it holds is read all the same.
    pub objects_per_store_max: u64,
    pub rows_per_object_max: u64,
}

/// The numbers of the objects that a sample of this size reads, in the listing's order: all that hold rows, or some of them, spread
/// evenly over each store's time.
/// Raw channel messages are not surveyed, as they are no rows before the pipeline has run.
#[must_use]
pub fn sampled(listing: &Listing, size: Option<SampleSize>) -> Vec<u32> {
    let surveyed = (0_u32..).zip(listing.objects.iter()).filter(|(_, object)| object.holds_rows());
    let Some(size) = size else { return surveyed.map(|(number, _)| number).collect() };
    // By store, then by format and layout: a store can lie there as JSON and as delivered CSV, and both count.
    let mut stores: BTreeMap<String, BTreeMap<String, Vec<u32>>> = BTreeMap::new();
    for (number, object) in surveyed {
        let kind = format!("{:?} {:?}", object.layout, object.format);
        stores.entry(object.store).or_default().entry(kind).or_default().push(number);
    }
    let mut chosen = Vec::new();
    for kinds in stores.values() {
        let kinds_count = kinds.len().max(1);
        let share = usize::try_from(size.objects_per_store_max).unwrap_or(usize::MAX) / kinds_count;
        for places in kinds.values() {
            chosen.extend(spread(places.len(), share.max(1)).filter_map(|at| places.get(at).copied()));
        }
    }
    chosen.sort_unstable();
    chosen
}

/// At most `count` of the places `0..length`, evenly spread, the first and the last among them.
fn spread(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(length);
    (0..count).map(move |at| if count == 1 { 0 } else { at * (length - 1) / (count - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_reaches_from_the_first_to_the_last() {
        let of = |length, count| spread(length, count).collect::<Vec<_>>();
        assert_eq!(of(10, 4), [0, 3, 6, 9]);
        assert_eq!(of(3, 10), [0, 1, 2]);
        assert_eq!(of(5, 1), [0]);
        assert_eq!(of(0, 3), [0_usize; 0]);
    }
}
