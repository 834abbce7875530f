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
#![forbid(unsafe_code)]

mod client;
mod error;
mod event_stream;
pub mod types;

pub use client::{Client, Exported};
pub use error::Error;
pub use event_stream::EventStream;
