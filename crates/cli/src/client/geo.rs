//! `mika client geo`.

use clap::Args;
use mika_client::types::GeoQuery;

use super::session::Session;
use crate::geo::words;

#[derive(Debug, Args)]
pub struct GeoArguments {
    /// An IPv4 or IPv6 address.
    address: String,
    /// Another one; the distance between the two is told, too.
    other: Option<String>,
}

impl GeoArguments {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = GeoQuery { address: self.address, other: self.other };
        session.print(&session.client.geo(&query).await?, words)
    }
}
