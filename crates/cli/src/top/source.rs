//! What the admin API says: the statistics, the first swarms, and their titles.

use std::collections::HashMap;
use std::sync::Arc;

use mika_client::types::{Stats, SwarmRankQuery, SwarmRanking};
use mika_client::{Client, Error};
use mika_protocol::InfoHash;
use tokio::sync::Mutex;

use super::model::Order;

/// Swarms that are asked for: more than most screens have lines.
const SWARMS: u32 = 100;
/// Titles that are asked for each time.
const TITLES_AT_ONCE: usize = 20;
/// Titles that are kept.
const TITLES_MAX: usize = 2000;

/// What was seen at one look.
#[derive(Debug, Clone)]
pub struct Seen {
    pub stats: Stats,
    pub ranking: SwarmRanking,
    /// Titles by hash, as far as they are known; empty of a torrent that has none.
    pub titles: HashMap<InfoHash, String>,
}

/// Where it comes from. Clones share the titles.
#[derive(Clone)]
pub struct Source {
    client: Client,
    titles: Arc<Mutex<HashMap<InfoHash, String>>>,
}

impl Source {
    pub fn new(client: Client) -> Self {
        Self { client, titles: Arc::default() }
    }

    pub fn url(&self) -> &str {
        self.client.url()
    }

    pub async fn look(&self, order: Order) -> Result<Seen, Error> {
        let query =
            SwarmRankQuery { by: order.by, ascending: order.ascending, limit: Some(SWARMS) };
        let stats = self.client.stats().await?;
        let ranking = self.client.swarm_ranking(&query).await?;
        let titles = self.titles(&ranking).await?;
        Ok(Seen { stats, ranking, titles })
    }

    /// The titles of the swarms. A store is asked for few at a time, and for each once.
    async fn titles(&self, ranking: &SwarmRanking) -> Result<HashMap<InfoHash, String>, Error> {
        let hashes = || ranking.items.iter().map(|item| item.swarm.info_hash);
        let mut known = self.titles.lock().await;
        if known.len() > TITLES_MAX {
            known.clear();
        }
        let unknown: Vec<_> = hashes().filter(|hash| !known.contains_key(hash)).collect();
        for hash in unknown.into_iter().take(TITLES_AT_ONCE) {
            let title = match self.client.torrent(hash).await {
                Ok(torrent) => torrent.title,
                // Of a torrent that no store knows, or of a store that is down.
                Err(Error::Problem(problem)) if problem.status == 503 => break,
                Err(Error::Problem(_)) => String::new(),
                Err(error) => return Err(error),
            };
            known.insert(hash, title);
        }
        Ok(hashes().filter_map(|hash| Some((hash, known.get(&hash)?.clone()))).collect())
    }
}
