//! Which names of a trie does a pattern match? The trie's own question the other way round, to find the topics that a
//! change of subscriptions concerns.

use super::trie::{Node, Payload, Trie};
use crate::bus::layout::MAX_TOPIC_SEGMENTS;

/// A set of places in the pattern: bit `n` says that the first `n` segments are behind us.
type Places = u64;

const _: () = assert!(MAX_TOPIC_SEGMENTS < Places::BITS as usize);

struct Pattern<'a> {
    segments: [&'a str; MAX_TOPIC_SEGMENTS],
    len: usize,
    /// Places before a wildcard.
    wild: Places,
    /// Places before a `**`.
    many: Places,
}

impl<'a> Pattern<'a> {
    fn new(pattern: &'a str) -> Self {
        let mut new = Self {
            segments: [""; MAX_TOPIC_SEGMENTS],
            len: 0,
            wild: 0,
            many: 0,
        };
        for (segment, place) in pattern.split('.').zip(&mut new.segments) {
            *place = segment;
            new.wild |= Places::from(matches!(segment, "*" | "**")) << new.len;
            new.many |= Places::from(segment == "**") << new.len;
            new.len += 1;
        }
        new
    }

    /// With each place before a `**` the one behind it: it stands for zero segments too.
    fn and_behind_many(&self, places: Places) -> Places {
        // Bit by bit: there may be one `**` behind the other.
        (0..self.len).fold(places, |places, place| {
            places | (places & self.many & 1 << place) << 1
        })
    }

    /// The places that a segment leads to from these.
    fn step(&self, places: Places, segment: &[u8]) -> Places {
        let literal = each_bit(places & !self.wild)
            .filter(|&place| place < self.len && self.segments[place].as_bytes() == segment)
            .fold(0, |next, place| next | 1 << (place + 1));
        let one = (places & self.wild & !self.many) << 1;
        self.and_behind_many(literal | one | places & self.many)
    }
}

fn each_bit(mut bits: Places) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(lowest)
    })
}

impl<P: Payload> Trie<P> {
    /// Calls `each` once with what is filed under every name that `pattern` matches, in no order. It looks at `budget` nodes at
    /// most: false when that was not enough, and `each` was not called for all. The trie has names only, no patterns.
    pub fn each_named(&self, pattern: &str, mut budget: usize, mut each: impl FnMut(&P)) -> bool {
        let pattern = Pattern::new(pattern);
        let start = pattern.and_behind_many(1);
        visit(&self.root, &pattern, start, &mut budget, &mut each)
    }
}

/// Each node has one parent, so it comes once, with all the places of the pattern that it may be at.
fn visit<P: Payload>(
    node: &Node<P>,
    pattern: &Pattern<'_>,
    places: Places,
    budget: &mut usize,
    each: &mut impl FnMut(&P),
) -> bool {
    if places >> pattern.len != 0 && !node.payload.is_empty() {
        each(&node.payload);
    }
    if places & pattern.wild != 0 {
        // Where not all children can be looked at none need be.
        let Some(left) = budget.checked_sub(node.literals.len()) else {
            return false;
        };
        *budget = left;
        return node.literals.iter().all(|(segment, child)| {
            let next = pattern.step(places, segment);
            next == 0 || visit(child, pattern, next, budget, each)
        });
    }
    let mut before: Places = 0;
    for place in each_bit(places).take_while(|&place| place < pattern.len) {
        let segment = pattern.segments[place];
        // The same segment may come at several places: its child is met at all of them at once.
        if each_bit(before).any(|earlier| pattern.segments[earlier] == segment) {
            continue;
        }
        before |= 1 << place;
        let Some(child) = node.literals.get(segment) else {
            continue;
        };
        let Some(left) = budget.checked_sub(1) else {
            return false;
        };
        *budget = left;
        let next = pattern.step(places, segment.as_bytes());
        if !visit(child, pattern, next, budget, each) {
            return false;
        }
    }
    true
}
