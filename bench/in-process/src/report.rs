//! The figures as text, and those of the codec as JSON.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::codec::{Codec, Round};
use crate::sequence::spread;
use crate::swarms::Swarms;

/// A table, for people.
pub fn swarms(swarms: &[Swarms]) -> Result<String> {
    let rounds = swarms.first().map_or(0, |case| case.aquatic_ns.len());
    let mut lines = vec![
        format!("CPU ns per announce, min/median/max of {rounds} rounds"),
        format!(
            "{:<19}{:<21}{:<21}{:<21}{}",
            "torrents x peers",
            "aquatic",
            "mika private",
            "mika public",
            "aquatic : private, public"
        ),
    ];
    for case in swarms {
        let [aquatic, private, public] = [&case.aquatic_ns, &case.private_ns, &case.public_ns]
            .map(|figures| spread(figures.clone()).context("no rounds"));
        let (aquatic, private, public) = (aquatic?, private?, public?);
        lines.push(format!(
            "{:<19}{:<21}{:<21}{:<21}{:.2}, {:.2}",
            format!("{} x {}", case.torrents, case.peers_per_torrent),
            shown(aquatic),
            shown(private),
            shown(public),
            aquatic.1 / private.1,
            aquatic.1 / public.1,
        ));
    }
    Ok(lines.join("\n"))
}

/// What the bytes of HTTP cost, for people.
pub fn codec(codec: &Codec, rounds: &[Round]) -> Result<String> {
    let of =
        |value: fn(&Round) -> f64| spread(rounds.iter().map(value).collect()).context("no rounds");
    let mut lines = vec![format!(
        "HTTP, CPU ns: {} bytes of a request, {} peers of a reply",
        codec.request_bytes(),
        codec.peers()
    )];
    let mika = (of(|it| it.mika_parse_ns)?, of(|it| it.mika_encode_ns)?);
    let aquatic = (of(|it| it.aquatic_parse_ns)?, of(|it| it.aquatic_encode_ns)?);
    for (name, (parse, encode)) in [("aquatic_http", aquatic), ("mika", mika)] {
        lines.push(format!("{name:<19}parse {:<19} encode {}", shown(parse), shown(encode)));
    }
    let both = |(parse, encode): ((f64, f64, f64), (f64, f64, f64))| parse.1 + encode.1;
    lines.push(format!("aquatic : mika     {:.2}", both(aquatic) / both(mika)));
    Ok(lines.join("\n"))
}

/// The same for programs.
pub fn codec_json(codec: &Codec, rounds: &[Round]) -> Value {
    let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    let [mika_reply_bytes, aquatic_reply_bytes] = codec.reply_bytes();
    json!({
        "request_bytes": codec.request_bytes(),
        "peers": codec.peers(),
        "mika_reply_bytes": mika_reply_bytes,
        "aquatic_reply_bytes": aquatic_reply_bytes,
        "mika_parse_ns": of(|it| it.mika_parse_ns),
        "mika_encode_ns": of(|it| it.mika_encode_ns),
        "aquatic_parse_ns": of(|it| it.aquatic_parse_ns),
        "aquatic_encode_ns": of(|it| it.aquatic_encode_ns),
    })
}

fn shown((low, middle, high): (f64, f64, f64)) -> String {
    format!("{low:.0}/{middle:.0}/{high:.0}")
}
