//! Who is where: the sessions of a torrent, a user or an address.

use std::net::IpAddr;

use mika_client::types::{CursorPage, CursorQuery, PageQuery, Session};
use mika_core::{Mode, SessionPlace, SessionView, SessionsOf};
use mika_protocol::InfoHash;

use super::cursor::{from_hex, not_a_cursor, to_hex};
use super::paging::page_limit;
use super::{Control, ControlError, now_seconds};

impl Control {
    /// The sessions of a torrent, by either of its hashes.
    pub async fn torrent_sessions(
        &self,
        info_hash: InfoHash,
        page: CursorQuery,
    ) -> Result<CursorPage<Session>, ControlError> {
        self.sessions(SessionsOf::Torrent(info_hash), page).await
    }

    /// The sessions of a user, named by id, name or passkey.
    pub async fn user_sessions(
        &self,
        user: &str,
        page: CursorQuery,
    ) -> Result<CursorPage<Session>, ControlError> {
        let user = self.find_user(user).await?;
        self.sessions(SessionsOf::User(user.id), page).await
    }

    /// The sessions at an address.
    pub async fn address_sessions(
        &self,
        address: &str,
        page: CursorQuery,
    ) -> Result<CursorPage<Session>, ControlError> {
        let ip: IpAddr = address.parse().map_err(|_| {
            let detail = format!("{address:?} is no IPv4 or IPv6 address (without a port)");
            ControlError::Invalid(detail)
        })?;
        self.sessions(SessionsOf::Address(ip.to_canonical()), page).await
    }

    async fn sessions(
        &self,
        of: SessionsOf,
        page: CursorQuery,
    ) -> Result<CursorPage<Session>, ControlError> {
        let limit = page_limit(page.limit, PageQuery::LIMIT_MAX)?;
        let after = page.cursor.as_deref().map(place_of).transpose()?;
        let control = self.clone();
        // All swarms may have to be looked at, which takes longer than a task may.
        let look = move || {
            let tracker = control.tracker();
            let is_private = tracker.mode() == Mode::Private;
            let found = tracker.sessions(of, after, limit, now_seconds());
            found.map(|page| CursorPage {
                items: page.sessions.iter().map(|it| session_json(it, is_private)).collect(),
                next_cursor: page.next.as_ref().map(cursor_of),
            })
        };
        let found = tokio::task::spawn_blocking(look).await;
        found.map_err(|_| ControlError::Interrupted)?.ok_or_else(|| {
            let detail = "the tracker has no torrent with this info-hash".to_owned();
            ControlError::not_found("torrent_not_found", detail)
        })
    }
}

fn session_json(session: &SessionView, is_private: bool) -> Session {
    Session {
        torrent_id: session.torrent_id,
        info_hash: session.info_hash,
        user_id: session.user_id,
        peer_id: session.peer_id.map(|peer_id| to_hex(peer_id.0)),
        address_v4: session.address_v4.map(|v4| v4.to_string()),
        address_v6: session.address_v6.map(|v6| v6.to_string()),
        uploaded: session.uploaded_bytes,
        downloaded: session.downloaded_bytes,
        left: session.left_bytes,
        seeder: session.seeder,
        paused: session.paused,
        visible: session.visible,
        started_at: is_private.then_some(session.started_at_seconds),
        announced_at: session.announced_at_seconds,
    }
}

fn cursor_of(place: &SessionPlace) -> String {
    to_hex(place.part.to_be_bytes().into_iter().chain(place.info_hash.0).chain(place.name))
}

fn place_of(cursor: &str) -> Result<SessionPlace, ControlError> {
    let bytes = from_hex::<42>(cursor).ok_or_else(not_a_cursor)?;
    let parts = bytes.split_first_chunk::<4>().and_then(|(part, rest)| {
        let (hash, name) = rest.split_first_chunk::<20>()?;
        Some((u32::from_be_bytes(*part), InfoHash(*hash), name.try_into().ok()?))
    });
    let (part, info_hash, name) = parts.ok_or_else(not_a_cursor)?;
    Ok(SessionPlace { part, info_hash, name })
}
