//! `mika client session`: who announces now.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use mika_client::types::{AddressQuery, CursorQuery, Session as Peer};
use mika_protocol::InfoHash;

use super::pages;
use super::session::Session;
use super::values::CursorArguments;
use super::watch::Watch;
use crate::{output, time};

/// What an empty list says.
const NOTHING: &str = "no sessions";

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Who is on a torrent now.
    Torrent {
        /// Either of its info-hashes.
        #[arg(value_parser = InfoHash::from_hex)]
        info_hash: InfoHash,
        #[command(flatten)]
        list: List,
    },
    /// What a user has running now.
    User {
        /// Name, id or passkey.
        user: String,
        #[command(flatten)]
        list: List,
    },
    /// What runs at an address now, whatever its port.
    Address {
        /// IPv4 or IPv6 address, without a port.
        address: IpAddr,
        #[command(flatten)]
        list: List,
    },
}

#[derive(Debug, Clone, Args)]
pub struct List {
    #[command(flatten)]
    part: CursorArguments,
    #[command(flatten)]
    watch: Watch,
}

impl SessionCommand {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = &session.client;
        let List { part: CursorArguments { cursor, limit }, watch } = self.list().clone();
        let show = async || {
            let fetch = async |cursor: Option<String>, limit| {
                let page = CursorQuery { cursor, limit: Some(limit) };
                match &self {
                    Self::Torrent { info_hash, .. } => {
                        client.torrent_sessions(*info_hash, &page).await
                    }
                    Self::User { user, .. } => client.user_sessions(user, &page).await,
                    Self::Address { address, .. } => {
                        let CursorQuery { cursor, limit } = page;
                        let query = AddressQuery { address: address.to_string(), cursor, limit };
                        client.address_sessions(&query).await
                    }
                }
            };
            pages::print(session, (cursor.clone(), limit), fetch, table, NOTHING).await
        };
        watch.repeat(session, show).await
    }

    fn list(&self) -> &List {
        match self {
            Self::Torrent { list, .. } | Self::User { list, .. } | Self::Address { list, .. } => {
                list
            }
        }
    }
}

fn table(peers: &[Peer]) -> output::Table {
    let titles = [
        "INFO HASH",
        "#USER",
        "ADDRESS",
        "IPV6",
        "STATE",
        "#UPLOADED",
        "#DOWNLOADED",
        "#LEFT",
        "LAST ANNOUNCE",
    ];
    let mut table = output::Table::new(&titles);
    for peer in peers {
        table.row([
            peer.info_hash.to_string(),
            output::optional(peer.user_id),
            output::optional(peer.address_v4.as_deref()),
            output::optional(peer.address_v6.as_deref()),
            state(peer).to_owned(),
            output::bytes(peer.uploaded),
            output::bytes(peer.downloaded),
            peer.left.map_or_else(|| "-".to_owned(), output::bytes),
            time::format(peer.announced_at),
        ]);
    }
    table
}

fn state(peer: &Peer) -> &'static str {
    match (peer.visible, peer.seeder, peer.paused) {
        (false, _, _) => "hidden",
        (true, true, _) => "seeder",
        (true, false, true) => "partial seed",
        (true, false, false) => "leecher",
    }
}
