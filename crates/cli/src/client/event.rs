//! `mika client event`.

use clap::{Args, Subcommand};
use mika_client::types::{Event, EventChange, NewEvent};

use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// List the events by name.
    List(Watch),
    /// Add an event; without percents it is a freeleech.
    Add {
        /// Unique name, 1 to 64 characters.
        name: String,
        /// When it ends: +7d, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds.
        #[arg(long, value_name = "TIME", value_parser = time::parse)]
        ends: u32,
        /// When it starts [default: now].
        #[arg(long, value_name = "TIME", value_parser = time::parse)]
        starts: Option<u32>,
        /// Upload multiplier in percent [default: 100].
        #[arg(long, value_name = "PERCENT")]
        upload_percent: Option<u16>,
        /// Download multiplier in percent [default: 0].
        #[arg(long, value_name = "PERCENT")]
        download_percent: Option<u16>,
    },
    /// Show an event.
    Get {
        /// Its name.
        name: String,
    },
    /// Change an event, also one that has begun.
    Set {
        /// Its name.
        name: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Delete an event, which ends it at once.
    Delete {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ChangeArguments {
    /// When it ends: +7d, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    ends: Option<u32>,
    /// When it starts.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    starts: Option<u32>,
    /// Upload multiplier in percent.
    #[arg(long, value_name = "PERCENT")]
    upload_percent: Option<u16>,
    /// Download multiplier in percent.
    #[arg(long, value_name = "PERCENT")]
    download_percent: Option<u16>,
}

impl ChangeArguments {
    fn into_change(self) -> EventChange {
        EventChange {
            upload_percent: self.upload_percent,
            download_percent: self.download_percent,
            starts_at: self.starts,
            ends_at: self.ends,
        }
    }
}

impl EventCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List(watch) => {
                let show = async || session.print(&client.events().await?, |events| table(events));
                watch.repeat(session, show).await
            }
            Self::Add { name, ends, starts, upload_percent, download_percent } => {
                let starts_at = starts;
                let new =
                    NewEvent { name, upload_percent, download_percent, starts_at, ends_at: ends };
                let event = client.add_event(&new).await?;
                session.print(&event, |event| table(std::slice::from_ref(event)))
            }
            Self::Get { name } => {
                let event = client.event(&name).await?;
                session.print(&event, |event| table(std::slice::from_ref(event)))
            }
            Self::Set { name, change } => {
                let event = client.update_event(&name, &change.into_change()).await?;
                session.print(&event, |event| table(std::slice::from_ref(event)))
            }
            Self::Delete { name } => {
                client.delete_event(&name).await?;
                session.print(&serde_json::json!({ "deleted": name }), |_| {
                    format!("the event {name} is deleted\n")
                })
            }
        }
    }
}

fn table(events: &[Event]) -> String {
    let mut table = output::Table::new(&["NAME", "#UPLOAD", "#DOWNLOAD", "STARTS", "ENDS"]);
    for event in events {
        table.row([
            event.name.clone(),
            format!("{} %", event.upload_percent),
            format!("{} %", event.download_percent),
            time::format(event.starts_at),
            time::format(event.ends_at),
        ]);
    }
    table.render("no events")
}
