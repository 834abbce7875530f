//! A typed client of mika's admin API.
//!
//! [`Client`] has one method per route; the JSON bodies are in [`types`], which the server uses
//! too, so that the two cannot drift apart.
//!
//! ```no_run
//! # async fn example() -> Result<(), mika_client::Error> {
//! use mika_client::{Client, types::NewUser};
//!
//! let client = Client::new("http://127.0.0.1:34001", "the contents of admin.token")?;
//! let user = client.add_user(&NewUser::named("alice")).await?;
//! println!("{} announces to {}", user.name, user.announce_url);
//! # Ok(())
//! # }
//! ```
//!
//! Every method returns [`Error`]; [`Error::code`] is the stable word for what went wrong.
//!
//! # Finding a method
//!
//! * Users: [`users_where`](Client::users_where), [`user`](Client::user),
//!   [`add_user`](Client::add_user), [`update_user`](Client::update_user),
//!   [`delete_user`](Client::delete_user).
//! * Torrents, roles, client rules, tokens and events in the same way.
//! * Many records at once: [`bulk_users`](Client::bulk_users) and its like.
//! * Who announces now: [`torrent_sessions`](Client::torrent_sessions),
//!   [`user_sessions`](Client::user_sessions), [`address_sessions`](Client::address_sessions).
//! * Counts of all swarms: [`swarms`](Client::swarms), [`swarm_changes`](Client::swarm_changes).
//! * What happens: [`notification_stream`](Client::notification_stream),
//!   [`webhooks`](Client::webhooks), [`trace_stream`](Client::trace_stream).
//! * The server: [`stats`](Client::stats), [`ready`](Client::ready), [`config`](Client::config),
//!   [`flush`](Client::flush), [`dead_letters`](Client::dead_letters),
//!   [`export`](Client::export), [`import_stream`](Client::import_stream).
//! * Who may do that, and who did: [`api_tokens`](Client::api_tokens), [`audit`](Client::audit).
//!
//! # A list that is longer than a page
//!
//! ```no_run
//! # async fn example(client: mika_client::Client) -> Result<(), mika_client::Error> {
//! use mika_client::types::UserQuery;
//!
//! let mut query = UserQuery { role: Some("vip".to_owned()), ..UserQuery::default() };
//! loop {
//!     let page = client.users_where(&query).await?;
//!     for user in page.items {
//!         println!("{}", user.name);
//!     }
//!     match page.next_after_id {
//!         Some(next) => query.after_id = next,
//!         None => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Only if nobody else has changed it
//!
//! ```no_run
//! # async fn example(client: mika_client::Client) -> Result<(), mika_client::Error> {
//! use mika_client::types::UserChange;
//!
//! let read = client.versioned_user("alice").await?;
//! let wait_seconds = Some(read.record.wait_seconds + 3600);
//! let change = UserChange { wait_seconds, ..UserChange::default() };
//! match client.only_if(&read.version)?.update_user("alice", &change).await {
//!     Err(error) if error.status() == Some(412) => println!("somebody was faster: read it again"),
//!     other => println!("{} s", other?.wait_seconds),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The example `site` in this crate goes through the life of a user.
#![forbid(unsafe_code)]

mod client;
mod error;
mod event_stream;
pub mod types;

pub use client::{Client, Exported, Versioned};
pub use error::Error;
pub use event_stream::EventStream;
