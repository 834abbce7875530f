//! Where addresses are.

use super::Client;
use crate::error::Error;
use crate::types::{About, GeoAnswer, GeoQuery};

impl Client {
    /// What runs there, and whose data it uses. Needs no token.
    pub async fn about(&self) -> Result<About, Error> {
        self.get(&["about"], &[]).await
    }

    /// Where an address is, or two, and how far they are from each other.
    pub async fn geo(&self, query: &GeoQuery) -> Result<GeoAnswer, Error> {
        let other = query.other.iter().map(|other| ("other", other.clone()));
        let pairs: Vec<_> = [("address", query.address.clone())].into_iter().chain(other).collect();
        self.get(&["api", "v1", "geo"], &pairs).await
    }
}
