//! Long lists, printed part by part, so that a million users need no more memory than a thousand.

use clap::Args;
use mika_client::Error;
use mika_client::types::{Page, PageQuery};
use serde::Serialize;

use super::session::Session;
use crate::output::{self, Table};

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only those with a higher id.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after_id: u32,
    /// At most so many.
    #[arg(long)]
    limit: Option<u32>,
}

/// Prints what `fetch` gives, as a JSON array or as tables of which the first has a header.
pub async fn print<T: Serialize>(
    session: &Session,
    arguments: &ListArguments,
    fetch: impl AsyncFn(PageQuery) -> Result<Page<T>, Error>,
    table: impl Fn(&[T]) -> Table,
    nothing: &str,
) -> anyhow::Result<()> {
    let mut after_id = arguments.after_id;
    let mut left = arguments.limit.unwrap_or(u32::MAX);
    let mut printed = 0;
    while left > 0 {
        let limit = Some(left.min(PageQuery::LIMIT_MAX));
        let page = fetch(PageQuery { after_id, limit }).await?;
        if session.is_json() {
            output::print(&json_part(&page.items, printed == 0)?)?;
        } else if !page.items.is_empty() {
            output::print(&table(&page.items).render_part(printed == 0))?;
        }
        printed += page.items.len();
        left = left.saturating_sub(u32::try_from(page.items.len())?);
        match page.next_after_id {
            Some(next) => after_id = next,
            None => break,
        }
    }
    match (session.is_json(), printed) {
        (true, 0) => output::print("[]\n")?,
        (true, _) => output::print("\n]\n")?,
        (false, 0) => output::print(&format!("{nothing}\n"))?,
        (false, _) => {}
    }
    Ok(())
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
