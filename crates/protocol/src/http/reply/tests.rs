use super::{AnnounceReply, FailureReply, Peers, RetryIn};
use crate::ids::PeerId;

const V4: &[u8] = &[192, 0, 2, 1, 0x1a, 0xe1, 10, 0, 0, 1, 0, 80];
const V6: &[u8] = &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x1a, 0xe2];

const REPLY: AnnounceReply<'_> = AnnounceReply {
    interval_seconds: 1800,
    min_interval_seconds: 900,
    seeders: 12,
    leechers: 3,
    snatches: 4567,
    peers: Peers::Compact { v4: &[], v6: &[] },
    external_ip: None,
    tracker_id: None,
    warning: None,
};

fn text(reply: AnnounceReply<'_>) -> String {
    let mut out = Vec::new();
    reply.encode(&mut out);
    out.escape_ascii().to_string()
}

#[test]
fn peers_are_present_even_when_there_is_none() {
    assert_eq!(
        text(REPLY),
        "d8:completei12e10:downloadedi4567e10:incompletei3e8:intervali1800e\
         12:min intervali900e5:peers0:e"
    );
}

#[test]
fn a_compact_reply_carries_rows_as_they_are() {
    assert_eq!(
        text(AnnounceReply { peers: Peers::Compact { v4: V4, v6: V6 }, ..REPLY }),
        "d8:completei12e10:downloadedi4567e10:incompletei3e8:intervali1800e\
         12:min intervali900e5:peers12:\\xc0\\x00\\x02\\x01\\x1a\\xe1\\n\\x00\\x00\\x01\\x00P\
         6:peers618: \\x01\\r\\xb8\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\
         \\x1a\\xe2e"
    );
}

#[test]
fn every_optional_key_is_in_its_place() {
    let full = AnnounceReply {
        external_ip: Some([192, 0, 2, 65].into()),
        tracker_id: Some(b"t1"),
        warning: Some("be nice"),
        ..REPLY
    };
    assert_eq!(
        text(full),
        "d8:completei12e10:downloadedi4567e11:external ip4:\\xc0\\x00\\x02A10:incompletei3e\
         8:intervali1800e12:min intervali900e5:peers0:10:tracker id2:t1\
         15:warning message7:be nicee"
    );
    let v6 = text(AnnounceReply { external_ip: Some([0x41; 16].into()), ..REPLY });
    assert!(v6.contains("e11:external ip16:AAAAAAAAAAAAAAAA10:incomplete"), "{v6}");
}

#[test]
fn dictionaries_carry_peer_ids_unless_told_otherwise() {
    let ids_v4 = [PeerId([b'a'; 20]), PeerId([b'b'; 20])];
    let ids_v6 = [PeerId([b'c'; 20])];
    let peer_ids = Some((ids_v4.as_slice(), ids_v6.as_slice()));
    let with = AnnounceReply { peers: Peers::Dictionaries { v4: V4, v6: V6, peer_ids }, ..REPLY };
    let head = "d8:completei12e10:downloadedi4567e10:incompletei3e8:intervali1800e\
                12:min intervali900e";
    assert_eq!(
        text(with),
        format!(
            "{head}5:peersld2:ip9:192.0.2.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee\
             d2:ip8:10.0.0.17:peer id20:bbbbbbbbbbbbbbbbbbbb4:porti80ee\
             d2:ip11:2001:db8::17:peer id20:cccccccccccccccccccc4:porti6882eeee"
        )
    );
    let peers = Peers::Dictionaries { v4: V4, v6: V6, peer_ids: None };
    assert_eq!(
        text(AnnounceReply { peers, ..REPLY }),
        format!(
            "{head}5:peersld2:ip9:192.0.2.14:porti6881eed2:ip8:10.0.0.14:porti80ee\
             d2:ip11:2001:db8::14:porti6882eeee"
        )
    );
    let peers = Peers::Dictionaries { v4: &[], v6: &[], peer_ids: None };
    assert_eq!(text(AnnounceReply { peers, ..REPLY }), format!("{head}5:peerslee"));
}

#[test]
fn the_longest_address_fits() {
    let mut row = [0xff; 18];
    row[16] = 0;
    let peers = Peers::Dictionaries { v4: &[255; 6], v6: &row, peer_ids: None };
    let text = text(AnnounceReply { peers, ..REPLY });
    assert!(text.contains("d2:ip15:255.255.255.2554:porti65535ee"), "{text}");
    assert!(text.contains("d2:ip39:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff4:porti255ee"), "{text}");
}

#[test]
fn a_failure_says_when_to_come_back() {
    let encode = |reply: FailureReply<'_>| {
        let mut out = Vec::new();
        reply.encode(&mut out);
        String::from_utf8(out).unwrap()
    };
    let reply = FailureReply { reason: "no", ..Default::default() };
    assert_eq!(encode(reply), "d14:failure reason2:noe");
    let delayed = FailureReply {
        interval_seconds: Some(30),
        min_interval_seconds: Some(20),
        retry_in: Some(RetryIn::Minutes(5)),
        ..reply
    };
    assert_eq!(
        encode(delayed),
        "d14:failure reason2:no8:intervali30e12:min intervali20e8:retry ini5ee"
    );
    let never = FailureReply { retry_in: Some(RetryIn::Never), ..reply };
    assert_eq!(encode(never), "d14:failure reason2:no8:retry in5:nevere");
    let at_once = FailureReply { retry_in: Some(RetryIn::Minutes(0)), ..reply };
    assert_eq!(encode(at_once), "d14:failure reason2:no8:retry ini1ee");
}
