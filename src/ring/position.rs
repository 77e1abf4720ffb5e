//! Positions: how far producers and consumers have come.
//!
//! A position is a lap and the index of a slot in one number of 64 bits, the index in the low bits (as in
//! crossbeam's `ArrayQueue`): no division on the way, any number of slots, and no position comes back.

/// How positions of a ring with so many slots are made up.
#[derive(Debug, Clone, Copy)]
pub struct Positions {
    slots: u32,
    index_bits: u32,
}

impl Positions {
    pub fn new(slots: u32) -> Self {
        Self {
            slots,
            index_bits: u64::from(slots).next_power_of_two().trailing_zeros(),
        }
    }

    /// The index of the slot; None when there is no such slot, so the position is none.
    #[inline]
    pub fn index(self, position: u64) -> Option<u32> {
        let index = (position & ((1 << self.index_bits) - 1)) as u32;
        (index < self.slots).then_some(index)
    }

    /// The turn of a slot that is free for a claim at this position: twice the lap. With an item it is one more, and
    /// two more when it is free again.
    #[inline]
    pub fn free_turn(self, position: u64) -> u64 {
        (position >> self.index_bits) << 1
    }

    /// The turn of a slot with the item of this position.
    #[inline]
    pub fn item_turn(self, position: u64) -> u64 {
        self.free_turn(position) | 1
    }

    /// The position `count` slots further; `count` is at most the number of slots.
    #[inline]
    pub fn advance(self, position: u64, count: u32) -> u64 {
        let index = position & ((1 << self.index_bits) - 1);
        let sum = index + u64::from(count);
        let lap = position - index;
        if sum < u64::from(self.slots) {
            lap + sum
        } else {
            lap.wrapping_add((1 << self.index_bits) + sum - u64::from(self.slots))
        }
    }

    /// Slots claimed up to this position since the ring was made.
    #[inline]
    pub fn total(self, position: u64) -> u64 {
        let index = position & ((1 << self.index_bits) - 1);
        (position >> self.index_bits)
            .wrapping_mul(u64::from(self.slots))
            .wrapping_add(index)
    }
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;

    #[test]
    fn positions_pass_every_slot_of_every_lap_in_turn() {
        for slots in [1, 2, 3, 4, 5, 7, 8, 1000] {
            let positions = Positions::new(slots);
            let mut position = 0;
            for step in 0..3 * slots {
                assert_eq!(
                    positions.index(position),
                    Some(step % slots),
                    "{slots} slots"
                );
                assert_eq!(positions.free_turn(position), 2 * u64::from(step / slots));
                assert_eq!(positions.total(position), u64::from(step));
                position = positions.advance(position, 1);
            }
            for count in 0..=slots {
                assert_eq!(
                    positions.total(positions.advance(position, count)),
                    u64::from(3 * slots + count)
                );
            }
        }
    }

    #[test]
    fn what_is_no_position_has_no_slot() {
        assert_eq!(Positions::new(3).index(3), None);
        assert_eq!(Positions::new(5).index(u64::MAX), None);
    }
}
