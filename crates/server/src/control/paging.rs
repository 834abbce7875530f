//! Parts of lists.

use mika_client::types::{Page, PageQuery};

use super::ControlError;

/// Pages of the store that are read at most for one page of a list with a filter.
const FILTERED_PAGES: usize = 20;

/// How long a part of a list may be: 1000 if not said otherwise.
pub(crate) fn page_limit(given: Option<u32>, most: u32) -> Result<usize, ControlError> {
    let limit = given.unwrap_or(PageQuery::LIMIT_MAX);
    if (1..=most).contains(&limit) {
        return Ok(limit as usize);
    }
    Err(ControlError::Invalid(format!("limit is {limit}: it is 1 to {most}")))
}

/// A part of a list that is read from the store by id, in the making.
#[derive(Debug)]
pub(super) struct Paging<T> {
    items: Vec<T>,
    limit: usize,
    is_filtered: bool,
    /// How many records the store is asked for at a time, and how many times more.
    read: u32,
    reads_left: usize,
    /// The id of the last record looked at.
    after_id: u32,
    /// There is no other record behind it.
    is_last: bool,
}

impl<T> Paging<T> {
    /// Begins. With a filter many records may have to be read for one that fits.
    pub(super) fn new(query: PageQuery, is_filtered: bool) -> Result<Self, ControlError> {
        let limit = page_limit(query.limit, PageQuery::LIMIT_MAX)?;
        let unfiltered = query.limit.unwrap_or(PageQuery::LIMIT_MAX);
        Ok(Self {
            items: Vec::new(),
            limit,
            is_filtered,
            read: if is_filtered { PageQuery::LIMIT_MAX } else { unfiltered },
            reads_left: if is_filtered { FILTERED_PAGES } else { 1 },
            after_id: query.after_id,
            is_last: false,
        })
    }

    /// After which id how many records have to be read next; `None` if the part is complete, or
    /// the store has been asked often enough.
    pub(super) fn wanted(&mut self) -> Option<(u32, u32)> {
        self.reads_left = self.reads_left.checked_sub(1)?;
        Some((self.after_id, self.read))
    }

    /// Takes what was read: `item` is what a record looks like, if it fits.
    pub(super) fn take<R>(
        &mut self,
        records: Vec<R>,
        id: impl Fn(&R) -> u32,
        mut item: impl FnMut(R) -> Option<T>,
    ) {
        let is_full = u32::try_from(records.len()).is_ok_and(|length| length >= self.read);
        for record in records {
            self.after_id = id(&record);
            self.items.extend(item(record));
            if self.items.len() >= self.limit {
                // What is left of the records was not looked at.
                self.is_last = !is_full && !self.is_filtered;
                self.reads_left = 0;
                return;
            }
        }
        if !is_full {
            self.is_last = true;
            self.reads_left = 0;
        }
    }

    pub(super) fn finish(self) -> Page<T> {
        let next_after_id = (!self.is_last).then_some(self.after_id);
        Page { items: self.items, next_after_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The even numbers up to `last`, read as the store would; also how often it was asked.
    fn even(last: u32, after_id: u32, limit: u32) -> (Page<u32>, usize) {
        let query = PageQuery { after_id, limit: Some(limit) };
        let (mut paging, mut reads) = (Paging::new(query, true).unwrap(), 0);
        while let Some((after_id, count)) = paging.wanted() {
            let records = (after_id + 1..=last).take(count as usize).collect();
            paging.take(records, |id| *id, |id| id.is_multiple_of(2).then_some(id));
            reads += 1;
        }
        (paging.finish(), reads)
    }

    #[test]
    fn a_filtered_page_ends_where_it_is_full_and_goes_on_there() {
        let (page, reads) = even(2500, 0, 600);
        assert_eq!((page.items.len(), page.next_after_id, reads), (600, Some(1200), 2));
        let (page, reads) = even(2500, 1200, 1000);
        assert_eq!((page.items.len(), page.next_after_id, reads), (650, None, 2));
    }

    #[test]
    fn a_filter_that_little_fits_ends_the_page_before_it_is_full() {
        let query = PageQuery { after_id: 0, limit: None };
        let mut paging = Paging::<u32>::new(query, true).unwrap();
        let mut reads = 0;
        while let Some((after_id, count)) = paging.wanted() {
            paging.take((after_id + 1..=after_id + count).collect(), |id| *id, |_| None);
            reads += 1;
        }
        let page = paging.finish();
        assert_eq!((page.items, page.next_after_id, reads), (Vec::new(), Some(20_000), 20));
    }

    #[test]
    fn without_a_filter_one_read_makes_a_page() {
        for (there, next_after_id) in [(4, None), (5, Some(5)), (9, Some(5))] {
            let query = PageQuery { after_id: 0, limit: Some(5) };
            let mut paging = Paging::new(query, false).unwrap();
            assert_eq!(paging.wanted(), Some((0, 5)));
            paging.take((1..=there.min(5)).collect(), |id| *id, Some);
            assert_eq!(paging.wanted(), None);
            let page = paging.finish();
            assert_eq!(page.items, (1..=there.min(5)).collect::<Vec<u32>>());
            assert_eq!(page.next_after_id, next_after_id);
        }
    }
}
