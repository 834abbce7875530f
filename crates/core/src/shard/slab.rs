//! Torrent records in chunks: growth adds to the last one, whatever is there already.

use prefetch_index::prefetch_index;

use crate::swarm::size_class::fitting;

/// Records of a chunk; at 64 bytes each it fills a page.
const CHUNK: usize = 64;
/// Of a longer list only the beginning is brought near, for a look-up reads one line of it.
const LIST_PREFETCHED_MAX: usize = 16;

/// A growable array of `T` with stable positions and reuse of freed ones.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Positions that were ever in use.
    pub(crate) fn slots(&self) -> u32 {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        let last = self.chunks.last().map_or(0, Vec::len);
        u32::try_from(full + last).unwrap_or(u32::MAX)
    }

    /// Has the list of chunks brought near from memory, for a record will be looked at soon.
    pub(crate) fn prefetch(&self) {
        let lines = self.chunks.len().min(LIST_PREFETCHED_MAX);
        (0..lines).step_by(2).for_each(|at| prefetch_index(&self.chunks, at));
    }

    /// Has a record brought near from memory.
    pub(crate) fn prefetch_record(&self, slot: u32) {
        let slot = slot as usize;
        if let Some(chunk) = self.chunks.get(slot / CHUNK) {
            prefetch_index(chunk, slot % CHUNK);
        }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let slot = slot as usize;
        self.chunks.get_mut(slot / CHUNK)?.get_mut(slot % CHUNK)?.as_mut()
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            let at = slot as usize;
            if let Some(place) =
                self.chunks.get_mut(at / CHUNK).and_then(|chunk| chunk.get_mut(at % CHUNK))
            {
                *place = Some(value);
            }
            return slot;
        }
        let slot = self.slots();
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => {
                if chunk.len() == chunk.capacity() {
                    let room = fitting::<Option<T>>(chunk.len() + 1).min(CHUNK);
                    chunk.reserve_exact(room - chunk.len());
                }
                chunk.push(Some(value));
            }
            _ => self.chunks.push(vec![Some(value)]),
        }
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let at = slot as usize;
        let value = self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)?.take()?;
        self.free.push(slot);
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.slots()).filter_map(|slot| Some((slot, self.get(slot)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_reused_and_the_others_keep_theirs() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = (0..200).map(|value| slab.insert(value)).collect();
        assert_eq!(slots, (0..200).collect::<Vec<u32>>());
        assert_eq!(slab.remove(70), Some(70));
        assert_eq!(slab.remove(70), None);
        assert_eq!((slab.get(70), slab.get(71)), (None, Some(&71)));
        assert_eq!(slab.insert(1000), 70);
        assert_eq!(slab.iter().filter(|(slot, value)| *slot as i32 == **value).count(), 199);
    }
}
