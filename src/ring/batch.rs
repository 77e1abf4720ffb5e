//! Several items by one claim: one compare-and-swap for as many consecutive slots as are ready.

use super::layout::{HEAD, TAIL};
use super::ring::{Claim, Front, Look, Ring, RingError};
use crate::memory::{Source, Target, WideMemory};

/// Most slots of one claim. More in one call are several claims.
const MOST_AT_ONCE: usize = 64;

/// What a batch gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Items copied.
    pub items: usize,
    /// Their bytes, one item behind the other.
    pub bytes: usize,
}

impl<M: WideMemory> Ring<M> {
    /// Appends items in order, as many as there is room for: how many. `length` tells the bytes of each of the `count`
    /// items, which lie one behind the other in `items`.
    ///
    /// Fails when an item is too long or the lengths exceed the bytes; then those before it are in.
    pub fn enqueue_batch(
        &self,
        items: Source<'_>,
        count: usize,
        length: impl Fn(usize) -> usize,
    ) -> Result<usize, RingError> {
        let mut done = 0;
        let mut offset = 0;
        while done < count {
            let wanted = (count - done).min(MOST_AT_ONCE);
            // Each length is read once, before the claim: what is checked is what is used.
            let mut lengths = [0; MOST_AT_ONCE];
            let mut end = offset;
            for (index, slot) in lengths[..wanted].iter_mut().enumerate() {
                *slot = length(done + index);
                self.check_length(*slot)?;
                end += *slot;
                if end > items.len() {
                    return Err(RingError::TooLong { bytes: end });
                }
            }
            let mut claims = [None; MOST_AT_ONCE];
            let claimed = match self.claim_several(&mut claims[..wanted]) {
                Ok(claimed) => claimed,
                Err(RingError::Full) => break,
                Err(error) => return Err(error),
            };
            for (claim, len) in claims[..claimed].iter().flatten().zip(lengths) {
                self.fill(*claim, items.range(offset, offset + len));
                offset += len;
            }
            // The first one last: the consumer that waits for it finds all of them, and does not take the memory of the
            // next from under the producer's hands.
            for claim in claims[..claimed].iter().rev().flatten() {
                self.hand_over(*claim);
            }
            done += claimed;
        }
        Ok(done)
    }

    /// Claims as many of the next slots as are free, at most as many as asked for; at least one.
    fn claim_several(&self, claims: &mut [Option<Claim>]) -> Result<usize, RingError> {
        let most = claims.len().min(self.geometry().slots as usize);
        let position = self.memory().load_u64(TAIL, crate::sync::Ordering::Relaxed);
        let mut count = 0;
        while count < most {
            let Some(claim) = self.claim_at(self.positions.advance(position, count as u32))? else {
                break;
            };
            claims[count] = Some(claim);
            count += 1;
        }
        if count > 0 && self.advance(TAIL, position, count as u32) {
            return Ok(count);
        }
        // No room, or somebody was faster: the claim of one slot tells which, and makes progress.
        claims[0] = Some(self.claim()?);
        Ok(1)
    }

    /// Takes items in order, at most `most`, as long as they fit: their bytes go to `target` one behind the other, and
    /// `note` is told the length of each.
    ///
    /// Fails with [`RingError::TooLong`] when not even the first fits, and with [`RingError::Empty`] when there is none.
    pub fn dequeue_batch(
        &self,
        target: &mut Target<'_>,
        most: usize,
        mut note: impl FnMut(usize, usize),
    ) -> Result<Drained, RingError> {
        let mut drained = Drained::default();
        // Each round takes a slot at least, and a lap is enough for one call.
        for _ in 0..self.geometry().slots {
            if drained.items == most || !self.take_run(target, most, &mut drained, &mut note)? {
                break;
            }
        }
        Ok(drained)
    }

    /// One claim's worth of [`Ring::dequeue_batch`]. False when there is no more to take.
    fn take_run(
        &self,
        target: &mut Target<'_>,
        most: usize,
        drained: &mut Drained,
        note: &mut impl FnMut(usize, usize),
    ) -> Result<bool, RingError> {
        let wanted = (most - drained.items)
            .min(MOST_AT_ONCE)
            .min(self.geometry().slots as usize);
        let position = self.memory().load_u64(HEAD, crate::sync::Ordering::Relaxed);
        let mut run = [const { None }; MOST_AT_ONCE];
        let mut count = 0;
        let mut bytes = drained.bytes;
        while count < wanted {
            let at = self.positions.advance(position, count as u32);
            // Nothing ready, or damage: what stands before it is taken, and the next look at it says which.
            let Ok(Look::Ready(front)) = self.look(at) else {
                break;
            };
            if let Front::Item(held) = &front {
                if bytes + held.len > target.len() {
                    break;
                }
                bytes += held.len;
            }
            run[count] = Some(front);
            count += 1;
        }
        if count == 0 || !self.advance(HEAD, position, count as u32) {
            return self.take_one(target, drained, note);
        }
        for front in run[..count].iter().flatten() {
            match front {
                Front::Item(held) => {
                    let end = drained.bytes + held.len;
                    self.memory()
                        .copy_out(held.bytes_at(), target.range(drained.bytes, end));
                    self.free(*held);
                    note(drained.items, held.len);
                    drained.items += 1;
                    drained.bytes = end;
                }
                Front::Refuse { held, damaged } => {
                    self.pass_over(*held, *damaged);
                }
            }
        }
        Ok(true)
    }

    /// Nothing ready, no room, or somebody was faster: taking one item tells which, and makes progress. What ends a
    /// batch that has begun is no error.
    fn take_one(
        &self,
        target: &mut Target<'_>,
        drained: &mut Drained,
        note: &mut impl FnMut(usize, usize),
    ) -> Result<bool, RingError> {
        let end = target.len();
        match self.dequeue(target.range(drained.bytes, end)) {
            Ok(len) => {
                note(drained.items, len);
                drained.items += 1;
                drained.bytes += len;
                Ok(true)
            }
            Err(_) if drained.items > 0 => Ok(false),
            Err(error) => Err(error),
        }
    }
}
