//! Many records in one call: what is wrong with one of them is told of that one.
//!
//! All records of a call are read with a statement or two, decided on here, and written in one
//! transaction. Then they are put in force, and only then is the call answered.

mod rules;
mod tokens;
mod torrents;
mod users;

pub(super) use tokens::TokenWish;
pub(super) use torrents::TorrentWish;
pub(super) use users::UserWish;

use mika_client::types::{Bulk, BulkError, BulkList, BulkReport, Lenient};

use super::ControlError;

/// What was done of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) what: What,
    /// The record's id, 0 if it has none.
    pub(super) id: u32,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Created,
    Updated,
    Deleted,
}

/// What became of each item, in their order.
pub(super) type Outcomes = Vec<Result<Done, ControlError>>;

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    list: BulkList,
    index: usize,
}

/// The good items of a call, and the report on the others.
struct Sorted<U, D> {
    upserts: Vec<U>,
    deletes: Vec<D>,
    report: Report,
}

/// What is told of the bad items of a call, and where the good ones stand: the upserts, then the
/// deletes.
struct Report {
    report: BulkReport,
    places: Vec<Place>,
}

fn sorted<U, D>(bulk: Bulk<U, D>, items_max: usize) -> Result<Sorted<U, D>, ControlError> {
    if bulk.len() > items_max {
        let detail = format!("there are {} items: at most {items_max} in one call", bulk.len());
        return Err(ControlError::Invalid(detail));
    }
    let report = BulkReport { ids: vec![None; bulk.upsert.len()], ..BulkReport::default() };
    let mut report = Report { report, places: Vec::with_capacity(bulk.len()) };
    let upserts = report.good(BulkList::Upsert, bulk.upsert);
    let deletes = report.good(BulkList::Delete, bulk.delete);
    Ok(Sorted { upserts, deletes, report })
}

impl Report {
    fn good<T>(&mut self, list: BulkList, items: Vec<Lenient<T>>) -> Vec<T> {
        let mut good = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let place = Place { list, index };
            match item.0 {
                Ok(item) => {
                    good.push(item);
                    self.places.push(place);
                }
                Err(detail) => self.object(place, 422, "invalid_body", detail),
            }
        }
        good
    }

    fn object(&mut self, place: Place, status: u16, code: &str, detail: String) {
        self.report.errors.push(BulkError {
            list: place.list,
            index: u32::try_from(place.index).unwrap_or(u32::MAX),
            status,
            code: code.to_owned(),
            detail,
        });
    }

    /// The whole, with what became of the good items.
    fn finish(mut self, outcomes: &[Result<Done, ControlError>]) -> BulkReport {
        for (place, outcome) in std::mem::take(&mut self.places).into_iter().zip(outcomes) {
            match outcome {
                Ok(done) => self.count(place, *done),
                Err(error) => {
                    let (status, code) = error.status_and_code();
                    self.object(place, status, code, error.to_string());
                }
            }
        }
        self.report
    }

    fn count(&mut self, place: Place, done: Done) {
        let report = &mut self.report;
        let count = match done.what {
            What::Created => &mut report.created,
            What::Updated => &mut report.updated,
            What::Deleted => &mut report.deleted,
        };
        *count = count.saturating_add(1);
        let id = report.ids.get_mut(place.index).filter(|_| place.list == BulkList::Upsert);
        if let Some(id) = id {
            *id = (done.id != 0).then_some(done.id);
        }
    }
}

/// What to say of an item whose record an earlier one names, too.
fn repeated() -> ControlError {
    let detail = "an earlier item of this call is of the same record";
    ControlError::conflict("repeated_item", detail)
}

fn set<T>(outcomes: &mut [Option<T>], at: usize, outcome: T) {
    if let Some(slot) = outcomes.get_mut(at) {
        *slot = Some(outcome);
    }
}

fn finished<T>(outcomes: Vec<Option<Result<T, ControlError>>>) -> Vec<Result<T, ControlError>> {
    outcomes.into_iter().map(|it| it.unwrap_or(Err(ControlError::Interrupted))).collect()
}
