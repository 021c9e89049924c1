//! The first few of many.

/// Those of many with the highest ranks, the highest first; of equals, who came first.
pub(super) struct Top<R, T> {
    most: usize,
    ranked: Vec<(R, T)>,
}

impl<R: Ord, T> Top<R, T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            ranked: Vec::new(),
        }
    }

    /// Takes one in, if it is among the first so far; only then is it made.
    pub(super) fn offer(&mut self, rank: R, make: impl FnOnce() -> T) {
        let at = self.ranked.partition_point(|(other, _)| *other >= rank);
        if at < self.most {
            self.ranked.truncate(self.most - 1);
            self.ranked.insert(at, (rank, make()));
        }
    }

    pub(super) fn into_ranked(self) -> impl Iterator<Item = (R, T)> {
        self.ranked.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_start_of_all_in_order(ranks in prop::collection::vec(0..20u8, 0..60), most in 0..12usize) {
            let mut top = Top::new(most);
            for (number, rank) in ranks.iter().enumerate() {
                top.offer(*rank, || number);
            }
            let mut all: Vec<_> = ranks.iter().copied().zip(0..).collect();
            all.sort_by_key(|(rank, number)| (Reverse(*rank), *number));
            all.truncate(most);
            prop_assert_eq!(top.into_ranked().collect::<Vec<_>>(), all);
        }
    }

    #[test]
    fn what_is_not_among_them_is_not_made() {
        let mut top = Top::new(1);
        top.offer(2, || "first");
        top.offer(2, || unreachable!("it is not higher"));
        assert_eq!(top.into_ranked().collect::<Vec<_>>(), [(2, "first")]);
    }
}
