//! The picture of `mika top` in the documentation: a real screen, with what a small crowd does.
//!
//! `MIKA_UPDATE=1 cargo nextest run -p mika -E 'test(the_picture)'` makes it anew.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::live::free_port;
use super::super::support::Tracker;
use super::crowd::{Crowd, NOBODY, Peer};
use super::{has, watch};

const FILE: &str = "../../docs/images/top.svg";
const TITLES: [&str; 12] = [
    "debian-13.2.0-amd64-netinst.iso",
    "archlinux-2026.11.01-x86_64.iso",
    "Fedora-Workstation-43",
    "ubuntu-26.04-desktop-amd64.iso",
    "openSUSE-Leap-16.0",
    "linuxmint-22.3-cinnamon",
    "tails-amd64-7.2",
    "kali-linux-2026.3",
    "FreeBSD-15.0-RELEASE",
    "raspios-trixie-arm64",
    "NixOS 26.05 minimal",
    "alpine-standard-3.23",
];
/// Users of the largest swarm; each further one has fewer.
const USERS: usize = 120;
/// Looks at the tracker, a second apart: as many as fill most of the curve.
const LOOKS: usize = 75;

#[test]
fn the_picture_in_the_documentation_shows_every_part_of_the_screen() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("MIKA_UPDATE").is_some() {
        std::fs::write(&path, take()).unwrap();
    }
    let svg = std::fs::read_to_string(path).unwrap();
    for part in ["Per", "Refused/s", "Store", "Announces/s:", "PEERS▼", "flush", TITLES[0]] {
        assert!(svg.contains(part), "{part} is missing");
    }
    assert_eq!(svg.matches("<svg").count(), 1);
    assert!(svg.ends_with("</svg>\n"));
}

/// Runs a tracker with a crowd for a while, and draws what is on the screen then.
fn take() -> String {
    let port = free_port();
    let config = format!(
        "[http]\nlisten = [\"127.0.0.1:{port}\", \"[::1]:{port}\"]\nworkers = 1\n\
         [udp]\nlisten = [\"127.0.0.1:{port}\", \"[::1]:{port}\"]\nworkers = 1\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n"
    );
    let tracker = Tracker::start_with(&config);
    drop(Crowd::new(&tracker, port, &TITLES, USERS));
    let done = AtomicBool::new(false);
    let mut svg = String::new();
    std::thread::scope(|scope| {
        let _end = End(&done);
        for ip in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv4Addr::LOCALHOST.into(),
            Ipv6Addr::LOCALHOST.into(),
        ] {
            let done = &done;
            scope.spawn(move || live(Crowd::connect(ip, port), done));
        }
        let top = watch(&tracker, 34, 100, &[]);
        std::thread::sleep(Duration::from_secs(LOOKS as u64));
        top.wait(|rows| has(rows, "raspios"));
        svg = top.look(draw);
    });
    svg
}

/// Tells the crowd to stop, also when the rest fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Announces in waves until it is told to stop.
fn live(mut crowd: Crowd, done: &AtomicBool) {
    let mut random: u64 = 7;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut step = 0_u64;
    while !done.load(Ordering::Relaxed) {
        step += 1;
        let torrent = (next(12) * next(12) / 11) as usize;
        let user = next((USERS / (torrent + 1)) as u64) as usize;
        let is_seeder = !user.is_multiple_of(4);
        let moved = step * (30 << 10);
        let (uploaded, downloaded) = if is_seeder { (moved, 0) } else { (moved / 4, moved) };
        let has_finished = user.is_multiple_of(8) && step > 60 * user as u64;
        let left = if is_seeder || has_finished { 0 } else { 1 << 30 };
        let event = match next(300) {
            0..25 => "started",
            25 => "completed",
            _ => "",
        };
        let peer = Peer { torrent, user, uploaded, downloaded, left, event };
        match next(60) {
            0 => crowd.refused(user),
            1 => crowd.refused(NOBODY),
            2..32 => crowd.udp(peer),
            _ => crowd.http(peer),
        }
        let wave = (step as f64 / 700.0).sin() * 2.0 + 4.0;
        std::thread::sleep(Duration::from_micros((wave * 800.0) as u64));
    }
}

const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const EDGE: f64 = 12.0;

/// The cells of a screen as a picture: a text per run of cells that look the same.
fn draw(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f64::from(columns) * WIDTH + 2.0 * EDGE;
    let height = f64::from(rows) * HEIGHT + 2.0 * EDGE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\">\n<title>mika top</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#16181d\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let style = style(screen, row, column);
            let first = column;
            let mut text = String::new();
            while column < columns && self::style(screen, row, column) == style {
                let cell = screen.cell(row, column).unwrap();
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
            }
            if text.trim().is_empty() {
                continue;
            }
            let x = f64::from(first) * WIDTH + EDGE;
            let y = f64::from(row) * HEIGHT + EDGE + 13.0;
            let length = f64::from(column - first) * WIDTH;
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" \
                 xml:space=\"preserve\" {style}>{text}</text>"
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}

fn style(screen: &vt100::Screen, row: u16, column: u16) -> String {
    let cell = screen.cell(row, column).unwrap();
    let colour = match cell.fgcolor() {
        vt100::Color::Idx(1) => "#ff6b6b",
        vt100::Color::Idx(2) => "#7ec97e",
        vt100::Color::Idx(3) => "#e5c07b",
        vt100::Color::Idx(6) => "#61c8d6",
        vt100::Color::Idx(8) => "#767c88",
        _ => "#d7dae0",
    };
    let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
    format!("fill=\"{colour}\"{weight}")
}
