//! Step 4 of a private announce: whom the client may talk to.

use mika_protocol::PeerId;

use super::{Change, Visit};
use crate::address::is_local;
use crate::hash::HashKey;
use crate::reply::PeerList;
use crate::selection::weighted::{Choice, select_weighted};
use crate::selection::{self, Asker, Picker};
use crate::shard::Shard;
use crate::swarm::session::{Flags, Private, SessionId};
use crate::swarm::{Dense, Peer};

impl Visit<'_> {
    pub(in crate::tracker) fn select_peers(
        &self,
        shard: &Shard<Private>,
        slot: u32,
        change: &Change,
        choice: Option<&Choice<'_>>,
        list: &mut PeerList,
    ) {
        let want = self.rules.settings.numwant(self.request);
        let wanted = !change.gone && want > 0 && change.withheld.is_none();
        let Some(torrent) = shard.torrents.get(slot).filter(|_| wanted) else {
            return;
        };
        let asker = Asker {
            user: self.user.index,
            wants_no_data: self.request.left == 0 || change.after.flags.has(Flags::PAUSED),
            local: is_local(self.source.ip),
            now_seconds: self.now_seconds,
            peer_timeout_seconds: self.rules.settings.peer_timeout_seconds,
        };
        let one_family = self.source.one_family;
        let both = self.rules.settings.site.both_families;
        let v4 = (both || change.after.has_v4()) && !(one_family && self.source.ip.is_ipv6());
        let v6 = (both || change.v6.is_some()) && !(one_family && self.source.ip.is_ipv4());
        let extra = torrent.swarm.extra.as_deref();
        let ids = extra
            .map(|extra| &extra.peer_ids)
            .filter(|ids| ids.len() > 0 && !self.request.compact && !self.request.no_peer_id);
        let key = &self.tracker.hash_key;
        let id_of = |id: SessionId| -> Option<PeerId> {
            let ids = ids?;
            Some(ids.get(ids.find(&id, key)?)?.peer_id)
        };
        let id_of: Option<IdOf<'_>> = ids.map(|_| &id_of as IdOf<'_>);
        let by = By { asker: &asker, choice, key };
        let PeerList { v4: v4_rows, v6: v6_rows, v4_ids, v6_ids, picker, .. } = list;
        let mut give_v6 = |want: usize, picker: &mut Picker| {
            v6_rows.clear();
            v6_ids.clear();
            let Some(table) = extra.map(|extra| &extra.v6).filter(|_| v6) else { return 0 };
            let to = Given { rows: v6_rows, ids: v6_ids, id_of };
            give(table, by, want, picker, to, |peer| peer.endpoint)
        };
        let share = if v4 { want / 2 } else { want };
        let from_v6 = give_v6(share, picker);
        if !v4 {
            return;
        }
        let to = Given { rows: v4_rows, ids: v4_ids, id_of };
        let from_v4 = give(&torrent.swarm.main, by, want - from_v6, picker, to, |peer| peer.v4);
        // IPv4 has too few: the rest of the list is IPv6's as well.
        if from_v6 == share && from_v4 < want - from_v6 {
            give_v6(want - from_v4, picker);
        }
    }
}

/// What a reply is chosen by.
#[derive(Clone, Copy)]
struct By<'a> {
    asker: &'a Asker,
    /// `None` for uniformly at random.
    choice: Option<&'a Choice<'a>>,
    key: &'a HashKey,
}

impl By<'_> {
    #[inline(always)]
    fn select<P: Peer>(
        &self,
        table: &Dense<P>,
        want: usize,
        picker: &mut Picker,
        take: impl FnMut(&P),
    ) -> usize {
        match self.choice {
            None => selection::select(table, self.asker, want, picker, take),
            Some(choice) => {
                select_weighted(table, self.asker, choice, want, picker, self.key, take)
            }
        }
    }
}

/// The peer id of a session, if it is kept.
type IdOf<'a> = &'a dyn Fn(SessionId) -> Option<PeerId>;

/// Where the peers of one family go.
struct Given<'a> {
    rows: &'a mut Vec<u8>,
    ids: &'a mut Vec<PeerId>,
    /// How to find peer ids, if the client wants them.
    id_of: Option<IdOf<'a>>,
}

/// Selects peers of one family and writes their endpoints down; returns how many there were.
fn give<P: Peer<Id = SessionId>, const N: usize>(
    table: &Dense<P>,
    by: By<'_>,
    want: usize,
    picker: &mut Picker,
    to: Given<'_>,
    endpoint: impl Fn(&P) -> [u8; N],
) -> usize {
    let Given { rows, ids, id_of } = to;
    rows.reserve(want.min(table.len()) * N);
    let Some(id_of) = id_of else {
        let take = |peer: &P| rows.extend_from_slice(&endpoint(peer));
        return by.select(table, want, picker, take);
    };
    by.select(table, want, picker, |peer| {
        if let Some(peer_id) = id_of(peer.id()) {
            rows.extend_from_slice(&endpoint(peer));
            ids.push(peer_id);
        }
    })
}
