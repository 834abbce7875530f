//! `mika client audit`.

use clap::Args;
use mika_client::types::{AuditEntry, AuditQuery};

use super::pages::{self, Part};
use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Args)]
pub struct AuditArguments {
    /// Only entries with a higher number.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after_id: u64,
    /// At most so many.
    #[arg(long)]
    limit: Option<u32>,
    /// Only from this time on: -7d, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = time::parse_past,
        allow_hyphen_values = true,
    )]
    since: Option<u32>,
    /// Only what this one did: the name of an API token, or `admin`.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only paths that begin so, such as /api/v1/users.
    #[arg(long)]
    path: Option<String>,
    #[command(flatten)]
    watch: Watch,
}

impl AuditArguments {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let show = async || {
            let fetch = async |after_id, limit| {
                let query = AuditQuery {
                    after_id,
                    limit: Some(limit),
                    since: self.since,
                    actor: self.actor.clone(),
                    path: self.path.clone(),
                };
                let page = session.client.audit(&query).await?;
                Ok(Part { items: page.items, next: page.next_after_id })
            };
            pages::print(session, (self.after_id, self.limit), fetch, table, "no entries").await
        };
        self.watch.repeat(session, show).await
    }
}

fn table(entries: &[AuditEntry]) -> output::Table {
    let mut table =
        output::Table::new(&["#ID", "AT", "WHO", "FROM", "METHOD", "PATH", "#STATUS", "BODY"]);
    for entry in entries {
        table.row([
            entry.id.to_string(),
            time::format(entry.at),
            entry.actor.clone(),
            entry.address.clone(),
            entry.method.clone(),
            entry.path.clone(),
            output::optional(entry.status),
            entry.request.as_ref().map(body).unwrap_or_default(),
        ]);
    }
    table
}

/// The beginning of a body; `--json` has all of it.
fn body(request: &serde_json::Value) -> String {
    const CHARS_MAX: usize = 60;
    let text = request.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
