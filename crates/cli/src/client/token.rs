//! `mika client token`.

use clap::Subcommand;
use mika_client::types::{NewToken, Token};
use mika_protocol::InfoHash;

use super::session::Session;
use super::watch::Watch;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List the tokens of a user, or the first 1000 of all.
    List {
        /// Name, id or passkey of the user.
        user: Option<String>,
        #[command(flatten)]
        watch: Watch,
    },
    /// Show a user's token on a torrent.
    Get {
        /// Name, id or passkey of the user.
        user: String,
        /// Either of the torrent's info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
    },
    /// Give a user a token on a torrent, in place of one that is there.
    Add {
        /// Name, id or passkey of the user.
        user: String,
        /// Either of the torrent's info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
        /// Upload multiplier in percent [default: 100].
        #[arg(long, value_name = "PERCENT")]
        upload_percent: Option<u16>,
        /// Download multiplier in percent [default: 0].
        #[arg(long, value_name = "PERCENT")]
        download_percent: Option<u16>,
        /// When it ends: +7d, 2027-01-31, 2027-01-31T18:00:00Z or Unix seconds [default: never].
        #[arg(long, value_name = "TIME", value_parser = time::parse)]
        ends: Option<u32>,
    },
    /// Take a user's token on a torrent away.
    Delete {
        /// Name, id or passkey of the user.
        user: String,
        /// Either of the torrent's info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
    },
}

impl TokenCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        match self {
            Self::List { user, watch } => {
                let show = async || {
                    let tokens = client.tokens(user.as_deref()).await?;
                    session.print(&tokens, |tokens| table(tokens))
                };
                watch.repeat(session, show).await
            }
            Self::Get { user, info_hash } => {
                let token = client.token(&user, info_hash).await?;
                session.print(&token, |token| table(std::slice::from_ref(token)))
            }
            Self::Add { user, info_hash, upload_percent, download_percent, ends } => {
                let new = NewToken { upload_percent, download_percent, ends_at: ends };
                let token = client.put_token(&user, info_hash, &new).await?;
                session.print(&token, |token| table(std::slice::from_ref(token)))
            }
            Self::Delete { user, info_hash } => {
                client.delete_token(&user, info_hash).await?;
                let deleted = serde_json::json!({ "deleted": info_hash.to_string() });
                session.print(&deleted, |_| format!("the token on {info_hash} is deleted\n"))
            }
        }
    }
}

fn table(tokens: &[Token]) -> String {
    let mut table = output::Table::new(&["USER", "INFO HASH", "#UPLOAD", "#DOWNLOAD", "ENDS"]);
    for token in tokens {
        table.row([
            token.user.clone(),
            token.info_hash.to_string(),
            format!("{} %", token.upload_percent),
            format!("{} %", token.download_percent),
            time::format_optional(token.ends_at),
        ]);
    }
    table.render("no tokens")
}
