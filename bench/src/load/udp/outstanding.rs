//! Requests that wait for a reply.

use crate::load::work::Task;

/// Transaction ids are numbers below this, in turn; those above belong to connects.
const IDS: u64 = 1 << 31;

/// The most requests that wait, per thread.
const ROOM_MAX: usize = 1 << 20;

/// One of them; moments in nanoseconds since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) scheduled: u64,
    pub(super) sent: u64,
    pub(super) task: Task,
    pub(super) place: u32,
}

/// A ring in the order of sending, so that the first one is the next to time out.
pub(super) struct Outstanding {
    slots: Vec<Option<Sent>>,
    head: u64,
    next: u64,
    count: usize,
}

impl Outstanding {
    pub(super) fn new(room: usize) -> Self {
        let room = room.min(ROOM_MAX).next_power_of_two();
        Self { slots: vec![None; room], head: 0, next: 0, count: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn slot(&mut self, number: u64) -> Option<&mut Option<Sent>> {
        let mask = self.slots.len() as u64 - 1;
        self.slots.get_mut((number & mask) as usize)
    }

    /// Its transaction id, unless there is no room.
    pub(super) fn push(&mut self, sent: Sent) -> Option<u32> {
        if self.next - self.head >= self.slots.len() as u64 {
            return None;
        }
        let number = self.next;
        *self.slot(number)? = Some(sent);
        self.next += 1;
        self.count += 1;
        Some((number % IDS) as u32)
    }

    /// Takes back the last one.
    pub(super) fn unpush(&mut self) {
        if self.next > self.head {
            self.next -= 1;
            let last = self.next;
            if self.slot(last).is_some_and(|slot| slot.take().is_some()) {
                self.count -= 1;
            }
        }
    }

    /// The request with this id, which has its reply now.
    pub(super) fn take(&mut self, transaction_id: u32) -> Option<Sent> {
        let distance = u64::from(transaction_id).wrapping_sub(self.head) % IDS;
        if distance >= self.next - self.head {
            return None;
        }
        let sent = self.slot(self.head + distance)?.take()?;
        self.count -= 1;
        Some(sent)
    }

    /// Gives up those sent `timeout` before `now`.
    pub(super) fn expire(&mut self, now: u64, timeout: u64, mut lost: impl FnMut(Sent)) {
        while self.head < self.next {
            let head = self.head;
            let Some(slot) = self.slot(head) else { return };
            if let Some(sent) = *slot {
                if sent.sent + timeout > now {
                    return;
                }
                *slot = None;
                self.count -= 1;
                lost(sent);
            }
            self.head += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at: u64) -> Sent {
        Sent { scheduled: at, sent: at, task: Task::Scrape { torrent: at as u32 }, place: 0 }
    }

    #[test]
    fn replies_find_their_requests_in_any_order() {
        let mut ring = Outstanding::new(8);
        let ids: Vec<u32> = (0..8).map(|at| ring.push(sent(at)).unwrap()).collect();
        assert_eq!(ring.push(sent(8)), None);
        assert_eq!(ring.take(ids[5]), Some(sent(5)));
        assert_eq!(ring.take(ids[5]), None);
        assert_eq!(ring.take(ids[0]), Some(sent(0)));
        assert_eq!(ring.take(4711), None);
        assert_eq!(ring.len(), 6);
        let mut lost = Vec::new();
        ring.expire(13, 10, |sent| lost.push(sent.sent));
        assert_eq!(lost, [1, 2, 3]);
        assert_eq!(ring.len(), 3);
        assert!(ring.push(sent(9)).is_some());
    }

    #[test]
    fn ids_start_again_after_two_billion() {
        let mut ring = Outstanding::new(8);
        ring.head = IDS - 2;
        ring.next = ring.head;
        let ids: Vec<u32> = (0..4).map(|at| ring.push(sent(at)).unwrap()).collect();
        assert_eq!(ids, [(IDS - 2) as u32, (IDS - 1) as u32, 0, 1]);
        for (at, id) in ids.into_iter().enumerate() {
            assert_eq!(ring.take(id), Some(sent(at as u64)));
        }
        assert!(ring.is_empty());
    }

    #[test]
    fn what_could_not_be_sent_is_taken_back() {
        let mut ring = Outstanding::new(8);
        ring.push(sent(1)).unwrap();
        let id = ring.push(sent(2)).unwrap();
        ring.unpush();
        assert_eq!(ring.take(id), None);
        assert_eq!(ring.push(sent(3)), Some(id));
        assert_eq!(ring.take(id), Some(sent(3)));
        assert_eq!(ring.len(), 1);
    }
}
