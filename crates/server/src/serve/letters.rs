//! What the admin API can do with rows that the store refused.

use std::collections::HashSet;
use std::io;

use mika_client::types::{
    CursorPage, CursorQuery, DeadLetter, DeadLetterAnswer, DeadLetterIds, PageQuery,
};

use crate::control::{ControlError, page_limit};
use crate::flush::{DeadLetters, FlushHandle, Letter, rows_of};

/// Letters in one call.
const IDS_MAX: usize = 10_000;

/// Does something with the files, away from the requests.
async fn with<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ControlError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| ControlError::Interrupted)?;
    done.map_err(|error| ControlError::Unavailable(format!("the file of dead letters: {error}")))
}

fn wanted(ids: DeadLetterIds) -> Result<HashSet<String>, ControlError> {
    if ids.ids.len() > IDS_MAX {
        let detail = format!("there are {} ids: at most {IDS_MAX} in one call", ids.ids.len());
        return Err(ControlError::Invalid(detail));
    }
    Ok(ids.ids.into_iter().collect())
}

pub(super) async fn page(
    letters: DeadLetters,
    page: CursorQuery,
) -> Result<CursorPage<DeadLetter>, ControlError> {
    let limit = page_limit(page.limit, PageQuery::LIMIT_MAX)?;
    let found = with(move || letters.page(page.cursor.as_deref(), limit)).await?;
    let Some((letters, more)) = found else {
        let detail = "the row that the cursor stands for is not there any more: begin again";
        return Err(ControlError::Gone { code: "cursor_expired", detail: detail.to_owned() });
    };
    let next_cursor = letters.last().filter(|_| more).map(|letter| letter.id.clone());
    Ok(CursorPage { items: letters.into_iter().map(json).collect(), next_cursor })
}

fn json(letter: Letter) -> DeadLetter {
    DeadLetter {
        id: letter.id,
        batch: letter.batch,
        at: letter.at_seconds,
        table: letter.table,
        reason: letter.reason,
        row: letter.row,
    }
}

pub(super) async fn retry(
    letters: DeadLetters,
    flush: &FlushHandle,
    ids: DeadLetterIds,
) -> Result<DeadLetterAnswer, ControlError> {
    let mut wanted = wanted(ids)?;
    let (reader, names) = (letters.clone(), wanted.clone());
    let found = with(move || reader.find(&names)).await?;
    for letter in &found {
        wanted.remove(&letter.id);
    }
    let again = rows_of(found);
    let mut answer = DeadLetterAnswer {
        unknown: sorted(wanted),
        unreadable: again.unreadable,
        ..DeadLetterAnswer::default()
    };
    for (batch, ids) in again.batches {
        // Noted first: a process that dies after the batch was journalled must not offer the rows
        // for a third time.
        let (noting, noted) = (letters.clone(), ids.clone());
        let before = Box::new(move |number| noting.note_retried(number, noted));
        let number = flush.put(batch, before).await.map_err(ControlError::Unavailable)?;
        let (remover, done) = (letters.clone(), ids.into_iter().collect::<HashSet<_>>());
        let removed = with(move || remover.remove(&done)).await?;
        answer.done = answer.done.saturating_add(u32::try_from(removed).unwrap_or(u32::MAX));
        answer.batch = Some(number);
    }
    Ok(answer)
}

pub(super) async fn forget(
    letters: DeadLetters,
    ids: DeadLetterIds,
) -> Result<DeadLetterAnswer, ControlError> {
    let mut wanted = wanted(ids)?;
    let names = wanted.clone();
    let (found, removed) = with(move || {
        let found = letters.find(&names)?;
        Ok((found, letters.remove(&names)?))
    })
    .await?;
    for letter in &found {
        wanted.remove(&letter.id);
    }
    Ok(DeadLetterAnswer {
        done: u32::try_from(removed).unwrap_or(u32::MAX),
        unknown: sorted(wanted),
        ..DeadLetterAnswer::default()
    })
}

fn sorted(ids: HashSet<String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().collect();
    ids.sort_unstable();
    ids
}
