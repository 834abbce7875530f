//! Findings, and the users they are about.

use mika_client::types::{
    CursorPage, DetectionStatus, ExemptTorrent, Finding, FindingQuery, Page, RestraintChange,
    Suspect, SuspectQuery, UserChange,
};
use mika_protocol::InfoHash;

use super::{Control, ControlError, Expected};
use crate::detection::Inspector;

/// What is done with credit that was withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// The user gets it.
    Release,
    /// Nobody ever gets it.
    Drop,
}

impl Control {
    /// Says what looks at announces.
    pub fn set_detection(&self, inspector: Inspector) {
        // There is one, and it is set once.
        let _ = self.shared.detection.set(inspector);
    }

    /// What looks at announces; none on a public tracker.
    pub fn detection(&self) -> Option<&Inspector> {
        self.shared.detection.get()
    }

    /// Asks for something that may have to wait for books to be balanced.
    pub(crate) async fn inspect<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Inspector) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let Some(inspector) = self.detection().cloned() else {
            let detail = "this tracker looks for no cheaters: it is public".to_owned();
            return Err(ControlError::Unavailable(detail));
        };
        let asked = tokio::task::spawn_blocking(move || ask(&inspector)).await;
        asked.unwrap_or(Err(ControlError::Interrupted))
    }

    pub(crate) async fn detection_status(&self) -> Result<DetectionStatus, ControlError> {
        self.inspect(|inspector| Ok(inspector.status())).await
    }

    pub(crate) async fn findings(
        &self,
        query: FindingQuery,
    ) -> Result<CursorPage<Finding>, ControlError> {
        let user_id = match query.user.as_deref() {
            Some(user) => Some(self.find_user(user).await?.id),
            None => None,
        };
        self.inspect(move |inspector| inspector.findings(&query, user_id)).await
    }

    pub(crate) async fn suspects(
        &self,
        query: SuspectQuery,
    ) -> Result<CursorPage<Suspect>, ControlError> {
        self.inspect(move |inspector| inspector.suspects(&query)).await
    }

    pub(crate) async fn suspect(&self, user: &str) -> Result<Suspect, ControlError> {
        let user_id = self.find_user(user).await?.id;
        self.inspect(move |inspector| Ok(inspector.suspect(user_id))).await
    }

    /// Does what a person decides about a user.
    pub(crate) async fn restrain(
        &self,
        user: &str,
        change: RestraintChange,
    ) -> Result<Suspect, ControlError> {
        let user_id = self.find_user(user).await?.id;
        self.inspect(move |inspector| inspector.change_restraint(user_id, &change)).await?;
        if let Some(disabled) = change.disabled {
            let deleted = UserChange { deleted: Some(disabled), ..UserChange::default() };
            self.update_user(format!("id:{user_id}"), deleted, Expected::Anything).await?;
            self.inspect(move |inspector| inspector.note_disabled(user_id, disabled)).await?;
        }
        self.inspect(move |inspector| Ok(inspector.suspect(user_id))).await
    }

    /// Decides about credit that was withheld from a user; it is done with the next flush.
    pub(crate) async fn decide_withheld(
        &self,
        user: &str,
        decision: Withheld,
    ) -> Result<(u32, u64), ControlError> {
        let user_id = self.find_user(user).await?.id;
        let tracker = self.tracker();
        let bytes = match decision {
            Withheld::Release => tracker.release_withheld(user_id),
            Withheld::Drop => tracker.drop_withheld(user_id),
        };
        Ok((user_id, bytes))
    }

    pub(crate) async fn exempt_torrents(&self) -> Result<Page<ExemptTorrent>, ControlError> {
        let all = self.inspect(|inspector| Ok(inspector.exempt())).await?;
        let of = |(info_hash, torrent_id)| ExemptTorrent { torrent_id, info_hash };
        Ok(Page { items: all.into_iter().map(of).collect(), next_after_id: None })
    }

    pub(crate) async fn exempt_torrent(
        &self,
        info_hash: InfoHash,
    ) -> Result<ExemptTorrent, ControlError> {
        let torrent = self.catalog().torrent(info_hash).await?.ok_or_else(not_registered)?;
        let (torrent_id, info_hash) = (torrent.id, torrent.info_hash);
        self.inspect(move |inspector| inspector.add_exempt(info_hash, torrent_id)).await?;
        Ok(ExemptTorrent { torrent_id, info_hash })
    }

    /// False if it was not exempt.
    pub(crate) async fn unexempt_torrent(&self, info_hash: InfoHash) -> Result<(), ControlError> {
        // One that was deleted meanwhile is known by the hash that was given.
        let primary = match self.catalog().torrent(info_hash).await? {
            Some(torrent) => torrent.info_hash,
            None => info_hash,
        };
        match self.inspect(move |inspector| inspector.remove_exempt(primary)).await? {
            true => Ok(()),
            false => Err(ControlError::not_found("exempt_torrent_not_found", "it is not exempt")),
        }
    }
}

fn not_registered() -> ControlError {
    ControlError::not_found("torrent_not_found", "there is no torrent with this info-hash")
}
