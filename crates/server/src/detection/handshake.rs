//! Asks a client for a handshake (BEP 3): whether there is a BitTorrent client where one announces
//! from, with the torrent that it announces.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mika_core::detection::Probe;
use mika_protocol::{InfoHash, PeerId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Waits, so that a test need not be as patient as a prober.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the connection.
    pub(super) connect: Duration,
    /// For the first byte of the client's handshake, and for each part of it.
    pub(super) handshake: Duration,
    /// For a message after the handshake.
    pub(super) message: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let [connect, handshake, message] = [10, 30, 10].map(Duration::from_secs);
        Self { connect, handshake, message }
    }
}

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";
/// Extension messages (BEP 10) and the fast extension (BEP 6): so that a client says something even
/// if it has no piece.
const RESERVED: [u8; 8] = [0, 0, 0, 0, 0, 0x10, 0, 0x04];
const HANDSHAKE_BYTES: usize = 68;
/// Bitfield, have all, have none, extended: what a client says first if it is one.
const OF_A_CLIENT: [u8; 4] = [5, 14, 15, 20];
/// A client that sends more of others before them is none.
const SKIPPED_BYTES_MAX: u64 = 64 * 1024;

/// Asks, as a client of the name `own`. `peer_id` is the client's name for itself, if it is known.
pub(super) async fn ask(
    endpoint: SocketAddr,
    info_hash: InfoHash,
    peer_id: Option<PeerId>,
    own: PeerId,
    patience: Patience,
) -> Probe {
    let connected = timeout(patience.connect, TcpStream::connect(endpoint)).await;
    let Ok(Ok(mut stream)) = connected else { return Probe::Inconclusive };
    let mut hello = Vec::with_capacity(HANDSHAKE_BYTES);
    hello.extend_from_slice(PROTOCOL);
    hello.extend_from_slice(&RESERVED);
    hello.extend_from_slice(&info_hash.0);
    hello.extend_from_slice(&own.0);
    if stream.write_all(&hello).await.is_err() {
        return Probe::Inconclusive;
    }
    let mut first = [0];
    match timeout(patience.handshake, stream.read_exact(&mut first)).await {
        Err(_) => return Probe::Silent,
        Ok(Err(_)) => return Probe::Inconclusive,
        Ok(Ok(_)) => {}
    }
    let mut rest = [0; HANDSHAKE_BYTES - 1];
    let arrived = timeout(patience.handshake, stream.read_exact(&mut rest)).await;
    let answer = [first.as_slice(), rest.as_slice()].concat();
    // Another protocol, another torrent, another client: not what announced, but nothing that it
    // could be blamed for either.
    if !matches!(arrived, Ok(Ok(_))) || !is_of(&answer, info_hash, peer_id) {
        return Probe::Inconclusive;
    }
    match timeout(patience.message, says_what_it_has(&mut stream)).await {
        Ok(Ok(true)) => Probe::Real,
        Ok(Ok(false) | Err(_)) | Err(_) => Probe::HandshakeOnly,
    }
}

fn is_of(answer: &[u8], info_hash: InfoHash, peer_id: Option<PeerId>) -> bool {
    let (protocol, rest) = answer.split_at_checked(PROTOCOL.len()).unwrap_or_default();
    let (_, rest) = rest.split_at_checked(RESERVED.len()).unwrap_or_default();
    let (hash, name) = rest.split_at_checked(info_hash.0.len()).unwrap_or_default();
    protocol == PROTOCOL && hash == info_hash.0 && peer_id.is_none_or(|it| it.0 == name)
}

/// Reads messages up to one that only a client sends.
async fn says_what_it_has(stream: &mut TcpStream) -> io::Result<bool> {
    let mut skipped = 0_u64;
    while skipped <= SKIPPED_BYTES_MAX {
        let bytes = stream.read_u32().await?;
        skipped = skipped.saturating_add(4).saturating_add(bytes.into());
        let Some(rest) = bytes.checked_sub(1) else { continue };
        if OF_A_CLIENT.contains(&stream.read_u8().await?) {
            return Ok(true);
        }
        if u64::from(rest) > SKIPPED_BYTES_MAX {
            return Ok(false);
        }
        tokio::io::copy(&mut (&mut *stream).take(rest.into()), &mut tokio::io::sink()).await?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);
    const NAME: PeerId = PeerId(*b"-TR4050-abcdefghijkl");
    const QUICK: Patience = Patience {
        connect: Duration::from_secs(5),
        handshake: Duration::from_millis(200),
        message: Duration::from_millis(200),
    };

    /// What a client says that has been asked, and whether it hangs up then.
    struct Client {
        says: Vec<u8>,
        hangs_up: bool,
    }

    fn hello(hash: InfoHash) -> Vec<u8> {
        [PROTOCOL.as_slice(), &[0; 8], &hash.0, &NAME.0].concat()
    }

    async fn asked(client: Client) -> (Probe, Vec<u8>) {
        asked_for(client, Some(NAME)).await
    }

    async fn asked_for(client: Client, name: Option<PeerId>) -> (Probe, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; HANDSHAKE_BYTES];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(&client.says).await.unwrap();
            let held = (!client.hangs_up).then_some(stream);
            (heard, held)
        });
        let probe = ask(endpoint, HASH, name, PeerId(*b"-XX0000-mnopqrstuvwx"), QUICK).await;
        let (heard, _held) = serving.await.unwrap();
        (probe, heard)
    }

    fn client(parts: &[&[u8]], hangs_up: bool) -> Client {
        Client { says: parts.concat(), hangs_up }
    }

    #[tokio::test]
    async fn a_client_that_says_what_it_has_is_real() {
        let bitfield: &[u8] = &[0, 0, 0, 3, 5, 0xff, 0xf0];
        let have_all: &[u8] = &[0, 0, 0, 1, 14];
        let keep_alive: &[u8] = &[0, 0, 0, 0];
        let unchoke: &[u8] = &[0, 0, 0, 1, 1];
        let port: &[u8] = &[0, 0, 0, 3, 9, 0x1a, 0xe1];
        for messages in [vec![bitfield], vec![have_all], vec![keep_alive, unchoke, port, bitfield]]
        {
            let says = [vec![hello(HASH).as_slice()], messages].concat().concat();
            let (probe, heard) = asked(Client { says, hangs_up: false }).await;
            assert_eq!(probe, Probe::Real);
            let expected: Vec<u8> =
                [PROTOCOL.as_slice(), &RESERVED, &HASH.0, b"-XX0000-mnopqrstuvwx"].concat();
            assert_eq!(heard, expected);
        }
    }

    #[tokio::test]
    async fn a_handshake_without_a_message_is_a_handshake_only() {
        let zeros: &[u8] = &[0; 64];
        let many: &[u8] = &[0, 1, 0, 1, 7];
        for (parts, hangs_up) in [
            (vec![], true),
            (vec![], false),
            (vec![zeros], false),
            (vec![zeros], true),
            (vec![many], false),
        ] {
            let says = [vec![hello(HASH).as_slice()], parts].concat().concat();
            let (probe, _) = asked(Client { says, hangs_up }).await;
            assert_eq!(probe, Probe::HandshakeOnly);
        }
    }

    #[tokio::test]
    async fn a_connection_without_a_word_is_silent() {
        let (probe, _) = asked(client(&[], false)).await;
        assert_eq!(probe, Probe::Silent);
    }

    #[tokio::test]
    async fn what_breaks_before_the_handshake_or_is_of_another_kind_says_nothing() {
        let other = hello(InfoHash([8; 20]));
        for (says, hangs_up) in [
            (vec![], true),
            (hello(HASH)[..40].to_vec(), true),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(4), false),
            (other, false),
        ] {
            assert_eq!(asked(Client { says, hangs_up }).await.0, Probe::Inconclusive);
        }
        let have_all: &[u8] = &[0, 0, 0, 1, 14];
        let parts = [hello(HASH), have_all.to_vec()].concat();
        let stranger = Some(PeerId(*b"-qB5000-abcdefghijkl"));
        let answered = client(&[&parts], false);
        assert_eq!(asked_for(answered, stranger).await.0, Probe::Inconclusive);
        assert_eq!(asked_for(client(&[&parts], false), None).await.0, Probe::Real);
    }

    #[tokio::test]
    async fn a_closed_port_says_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap();
        drop(listener);
        let probe = ask(endpoint, HASH, None, NAME, QUICK).await;
        assert_eq!(probe, Probe::Inconclusive);
    }
}
