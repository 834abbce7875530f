//! Cheater detection.

use mika_protocol::InfoHash;
use reqwest::Method;

use super::listing::pairs;
use super::{Client, Exported, Versioned, segment};
use crate::error::Error;
use crate::types::{
    CursorPage, DetectionStatus, ExemptTorrent, Finding, FindingConfirmation, FindingDismissal,
    FindingQuery, RestraintChange, Suspect, SuspectQuery, WithheldCredit,
};

impl Client {
    /// What detection has seen and holds, and what people made of its findings.
    pub async fn detection(&self) -> Result<DetectionStatus, Error> {
        self.get(&["api", "v1", "detection"], &[]).await
    }

    /// Findings, the newest first.
    pub async fn findings(&self, query: &FindingQuery) -> Result<CursorPage<Finding>, Error> {
        self.get(&["api", "v1", "detection", "findings"], &pairs(query)).await
    }

    /// One finding.
    pub async fn finding(&self, id: u64) -> Result<Finding, Error> {
        self.get(&["api", "v1", "detection", "findings", &id.to_string()], &[]).await
    }

    /// One finding, with its version.
    pub async fn versioned_finding(&self, id: u64) -> Result<Versioned<Finding>, Error> {
        self.versioned(&["api", "v1", "detection", "findings", &id.to_string()]).await
    }

    /// Takes back what a finding added to the score.
    pub async fn dismiss_finding(&self, id: u64, reason: &str) -> Result<Finding, Error> {
        let body = FindingDismissal { reason: reason.to_owned() };
        let id = id.to_string();
        let path = ["api", "v1", "detection", "findings", id.as_str(), "dismiss"];
        self.call(Method::POST, &path, Some(&body)).await
    }

    /// Says that a finding is right.
    pub async fn confirm_finding(&self, id: u64, label: &str) -> Result<Finding, Error> {
        let body = FindingConfirmation { label: label.to_owned() };
        let id = id.to_string();
        let path = ["api", "v1", "detection", "findings", id.as_str(), "confirm"];
        self.call(Method::POST, &path, Some(&body)).await
    }

    /// All findings that are kept as JSON lines, the oldest first.
    pub async fn export_findings(&self) -> Result<Exported, Error> {
        self.download(&["api", "v1", "detection", "export"]).await
    }

    /// Users that something is held against, the highest score first.
    pub async fn suspects(&self, query: &SuspectQuery) -> Result<CursorPage<Suspect>, Error> {
        self.get(&["api", "v1", "detection", "suspects"], &pairs(query)).await
    }

    /// What is held against a user, named as in [`Client::user`].
    pub async fn suspect(&self, user: &str) -> Result<Suspect, Error> {
        let user = segment(user);
        self.get(&["api", "v1", "detection", "suspects", user.as_str()], &[]).await
    }

    /// Does something about a user, or undoes it.
    pub async fn restrain(&self, user: &str, change: &RestraintChange) -> Result<Suspect, Error> {
        let user = segment(user);
        let path = ["api", "v1", "detection", "suspects", user.as_str()];
        self.call(Method::PATCH, &path, Some(change)).await
    }

    /// Gives a user the credit that was withheld.
    pub async fn release_withheld(&self, user: &str) -> Result<WithheldCredit, Error> {
        self.withheld(user, "release").await
    }

    /// Drops the credit that was withheld from a user: it is never given.
    pub async fn drop_withheld(&self, user: &str) -> Result<WithheldCredit, Error> {
        self.withheld(user, "drop").await
    }

    async fn withheld(&self, user: &str, what: &str) -> Result<WithheldCredit, Error> {
        let user = segment(user);
        let path = ["api", "v1", "detection", "suspects", user.as_str(), "withheld", what];
        self.call(Method::POST, &path, None::<&()>).await
    }

    /// Torrents that others track, too.
    pub async fn exempt_torrents(&self) -> Result<Vec<ExemptTorrent>, Error> {
        self.items(&["api", "v1", "detection", "exempt-torrents"], &[]).await
    }

    /// Says that others track a torrent, too: its books need not balance.
    pub async fn exempt_torrent(&self, info_hash: InfoHash) -> Result<ExemptTorrent, Error> {
        let hash = info_hash.to_string();
        let path = ["api", "v1", "detection", "exempt-torrents", hash.as_str()];
        self.call(Method::PUT, &path, None::<&()>).await
    }

    /// Says that all peers of a torrent are known here.
    pub async fn unexempt_torrent(&self, info_hash: InfoHash) -> Result<(), Error> {
        let hash = info_hash.to_string();
        self.delete(&["api", "v1", "detection", "exempt-torrents", hash.as_str()]).await
    }
}
