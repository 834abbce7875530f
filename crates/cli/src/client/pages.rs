//! Long lists, printed part by part, so that a million users need no more memory than a thousand.

use std::fmt::Display;

use clap::Args;
use mika_client::Error;
use mika_client::types::{CursorPage, Page, PageQuery};
use serde::Serialize;

use super::session::Session;
use crate::output::Table;

#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// Only those with a higher id.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    pub after_id: u32,
    /// At most so many.
    #[arg(long)]
    pub limit: Option<u32>,
}

/// A part of a list, and where the next one begins.
pub struct Part<T, P> {
    pub items: Vec<T>,
    pub next: Option<P>,
}

impl<T> From<Page<T>> for Part<T, u32> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next: page.next_after_id }
    }
}

impl<T> From<CursorPage<T>> for Part<T, Option<String>> {
    fn from(page: CursorPage<T>) -> Self {
        Self { items: page.items, next: page.next_cursor.map(Some) }
    }
}

/// How a list goes on when it was cut.
pub trait Position {
    /// The option, with its value.
    fn option(&self) -> String;
}

impl Position for Option<String> {
    fn option(&self) -> String {
        format!("--cursor {}", self.as_deref().unwrap_or_default())
    }
}

impl Position for u32 {
    fn option(&self) -> String {
        after_id(self)
    }
}

impl Position for u64 {
    fn option(&self) -> String {
        after_id(self)
    }
}

fn after_id(id: impl Display) -> String {
    format!("--after-id {id}")
}

/// Prints what `fetch` gives, from a position on and at most so many, as a JSON array or as tables
/// of which the first has a header. What is wrong with the answer of `fetch` ends it.
pub async fn print<T: Serialize, P: Position, A: Into<Part<T, P>>>(
    session: &Session,
    (mut position, limit): (P, Option<u32>),
    fetch: impl AsyncFn(P, u32) -> Result<A, Error>,
    table: impl Fn(&[T]) -> Table,
    nothing: &str,
) -> anyhow::Result<()> {
    let mut left = limit.unwrap_or(u32::MAX).min(session.rows_max());
    let mut printed = 0;
    while left > 0 {
        let part: Part<T, P> = fetch(position, left.min(PageQuery::LIMIT_MAX)).await?.into();
        if session.is_json() {
            session.write(&json_part(&part.items, printed == 0)?)?;
        } else if !part.items.is_empty() {
            session.write(&table(&part.items).render_part(printed == 0))?;
        }
        printed += part.items.len();
        left = left.saturating_sub(u32::try_from(part.items.len())?);
        match part.next {
            Some(next) => position = next,
            None => break,
        }
        if left == 0 && limit.is_some() && !session.is_watched() {
            eprintln!("mika: note: there may be more, with {}", position.option());
            break;
        }
    }
    match (session.is_json(), printed) {
        (true, 0) => session.write("[]\n"),
        (true, _) => session.write("\n]\n"),
        (false, 0) => session.write(&format!("{nothing}\n")),
        (false, _) => Ok(()),
    }
}

/// Elements of an array, indented as in a whole one.
fn json_part<T: Serialize>(items: &[T], is_first: bool) -> serde_json::Result<String> {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        text.push_str(if is_first && index == 0 { "[\n  " } else { ",\n  " });
        text.push_str(&serde_json::to_string_pretty(item)?.replace('\n', "\n  "));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_a_pretty_array() {
        let items = [serde_json::json!({"a": "x\ny"}), serde_json::json!({"a": [2]})];
        let parts = [json_part(&items[..1], true).unwrap(), json_part(&items[1..], false).unwrap()];
        let whole = format!("{}{}\n]", parts[0], parts[1]);
        assert_eq!(whole, serde_json::to_string_pretty(&items).unwrap());
    }
}
