//! An array in chunks: growth adds to the last one, whatever is there already.

use prefetch_index::prefetch_index;

use super::size_class::fitting;

/// A chunk of a small array has 2^5 items, so that its last chunk wastes little.
const SHIFT_FEW: u32 = 5;
/// A chunk of a large array has up to so many bytes, so that the list of chunks is short.
const MANY_BYTES_MAX: usize = 12 * 1024;
/// An array of more items than this is large; one of half of it is small again.
const FEW_MAX: usize = 4096;
/// Items that may go before the last chunk gives memory back, so that it does not do so each time.
const STEP: usize = 8;
/// Up to this many chunks, the list of them grows by one.
const LIST_STEPS_MAX: usize = 8;
/// So many bytes are 32 cache lines: about what a core waits for at once.
const FEW_BYTES: usize = 2048;

/// Items in chunks, of which all but the last are full.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    list: Vec<Vec<T>>,
    shift: u32,
    /// 2^shift - 1.
    mask: u32,
}

/// Items that begin in one cache line, at least one.
const fn per_line<T>() -> usize {
    if size_of::<T>() == 0 || size_of::<T>() > 64 { 1 } else { 64 / size_of::<T>() }
}

impl<T: Copy> Chunks<T> {
    /// A chunk of a large array has two to the power of this items.
    const SHIFT_MANY: u32 =
        (MANY_BYTES_MAX / if size_of::<T>() > 0 { size_of::<T>() } else { 1 }).ilog2();

    pub(crate) fn new() -> Self {
        Self { list: Vec::new(), shift: SHIFT_FEW, mask: (1 << SHIFT_FEW) - 1 }
    }

    pub(crate) fn len(&self) -> usize {
        let full = self.list.len().saturating_sub(1) << self.shift;
        full + self.list.last().map_or(0, Vec::len)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.list.get(at >> self.shift)?.get(at & self.mask as usize)
    }

    /// Has all items brought near from memory, if they are few; else what tells where they are, if
    /// that is little.
    pub(crate) fn prefetch_few(&self) {
        if self.list.len() > LIST_STEPS_MAX {
            return;
        }
        (0..self.list.len()).step_by(per_line::<Vec<T>>()).for_each(|at| {
            prefetch_index(&self.list, at);
        });
        if self.len() * size_of::<T>() <= FEW_BYTES {
            for chunk in &self.list {
                (0..chunk.len()).step_by(per_line::<T>()).for_each(|at| prefetch_index(chunk, at));
            }
        }
    }

    /// Has an item brought near from memory; nothing waits for it.
    pub(crate) fn prefetch(&self, at: usize) {
        if let Some(chunk) = self.list.get(at >> self.shift) {
            prefetch_index(chunk, at & self.mask as usize);
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.list.get_mut(at >> self.shift)?.get_mut(at & self.mask as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter().flatten()
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.shift == SHIFT_FEW && self.len() >= FEW_MAX {
            self.regroup(Self::SHIFT_MANY);
        }
        let full = 1 << self.shift;
        match self.list.last_mut() {
            Some(chunk) if chunk.len() < full => {
                if chunk.len() == chunk.capacity() {
                    let room = fitting::<T>(chunk.len() + 1).min(full);
                    chunk.reserve_exact(room - chunk.len());
                }
                chunk.push(item);
            }
            _ => {
                let first = if self.shift == SHIFT_FEW { 1 } else { full / 8 };
                let mut chunk = Vec::with_capacity(fitting::<T>(first).min(full));
                chunk.push(item);
                if self.list.len() < LIST_STEPS_MAX {
                    self.list.reserve_exact(1);
                }
                self.list.push(chunk);
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let full = 1 << self.shift;
        let chunk = self.list.last_mut()?;
        let item = chunk.pop()?;
        if chunk.is_empty() {
            self.list.pop();
            if self.list.len() < self.list.capacity() / 4 {
                self.list.shrink_to(self.list.capacity() / 2);
            }
        } else if chunk.capacity() > fitting::<T>(chunk.len() + STEP).min(full) {
            chunk.shrink_to(fitting::<T>(chunk.len() + 1).min(full));
        }
        if self.shift == Self::SHIFT_MANY && self.len() <= FEW_MAX / 2 {
            self.regroup(SHIFT_FEW);
        }
        Some(item)
    }

    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        if let (Some(at_a), Some(at_b)) = (self.get(a).copied(), self.get(b).copied()) {
            if let Some(item) = self.get_mut(a) {
                *item = at_b;
            }
            if let Some(item) = self.get_mut(b) {
                *item = at_a;
            }
        }
    }

    /// Copies everything, which is at most [`FEW_MAX`] items, into chunks of another size.
    fn regroup(&mut self, shift: u32) {
        let full = 1 << shift;
        let items: Vec<T> = self.iter().copied().collect();
        self.list = items
            .chunks(full)
            .map(|items| {
                let mut chunk = Vec::with_capacity(fitting::<T>(items.len()).min(full));
                chunk.extend_from_slice(items);
                chunk
            })
            .collect();
        self.shift = shift;
        self.mask = (1 << shift) - 1;
    }

    /// Items that there is memory for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.list.iter().map(Vec::capacity).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_where_they_were_put_at_every_size_up_and_down() {
        let mut chunks = Chunks::new();
        assert_eq!(Chunks::<u32>::SHIFT_MANY, 11);
        for item in 0..10_000_u32 {
            chunks.push(item);
            assert_eq!(chunks.len(), item as usize + 1);
            let item = item as usize;
            assert_eq!(chunks.get(item / 2), Some(&(item as u32 / 2)));
            assert_eq!(chunks.get(item + 1), None);
            assert!(chunks.capacity() <= item + (item / 8).max(64), "{item}");
        }
        assert!(chunks.iter().copied().eq(0..10_000));
        chunks.swap(3, 9_999);
        assert_eq!((chunks.get(3), chunks.get(9_999)), (Some(&9_999), Some(&3)));
        chunks.swap(3, 9_999);
        chunks.swap(3, 10_000);
        for item in (0..10_000_u32).rev() {
            assert_eq!(chunks.pop(), Some(item));
            assert_eq!(chunks.len(), item as usize);
            assert!(chunks.iter().copied().skip(item as usize / 2).eq(item / 2..item));
            let item = item as usize;
            assert!(chunks.capacity() <= item + (item / 8).max(64), "{item}");
        }
        assert_eq!(chunks.pop(), None);
        assert!(chunks.list.capacity() <= 8);
    }
}
