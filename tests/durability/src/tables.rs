//! The tables of a site in a database server: filled, and compared with the model.

mod gazelle;
mod mika;
mod unit3d;

use std::collections::BTreeMap;

use mika_test_servers::{Database, Kind, fixtures};

use crate::model::{Machine, Phase, Population, Seat, Terms};
use crate::totals::{Difference, compare};

/// Credit that users have before anybody announces.
const BEFORE_BYTES: u64 = 5_000_000_000;
/// Ids of the users and torrents that are made up begin here; the fixtures' are below.
const FIRST_ID: usize = 1000;
/// The passkey of probes.
pub const PROBE_PASSKEY: &str = "00000000000000000000000000009999";

/// Whose tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// The tracker's own.
    Mika,
    /// Those of UNIT3D.
    Unit3d,
    /// Those of Gazelle.
    Gazelle,
}

/// Rows as they are or have to be: what they are of, and what they say.
type Rows = BTreeMap<String, String>;

impl Tables {
    /// The name of the schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Mika => "mika",
            Self::Unit3d => "unit3d",
            Self::Gazelle => "gazelle",
        }
    }

    /// The multipliers that they have a place for.
    pub fn terms(self) -> Terms {
        match self {
            Self::Mika => Terms::MIKA,
            Self::Unit3d => unit3d::TERMS,
            Self::Gazelle => gazelle::TERMS,
        }
    }

    /// The lines of `[store]`.
    pub fn config(self, kind: Kind, url: &str) -> String {
        let kind = if kind == Kind::PostgreSql { "postgres" } else { "mysql" };
        format!("kind = \"{kind}\"\nurl = \"{url}\"\nschema = \"{}\"", self.schema())
    }

    /// Makes the tables of a site with everybody in them; the tracker makes its own ones.
    pub fn fill(self, population: &Population, database: &Database) {
        let (fixture, rows) = match self {
            Self::Mika => return,
            Self::Unit3d => (fixtures::UNIT3D, unit3d::rows(population)),
            Self::Gazelle => (fixtures::GAZELLE_OPS, gazelle::rows(population)),
        };
        fixture.load(database).expect("the tables of the site");
        database.query(&rows).expect("the rows of the site");
    }

    /// How far they are from what they have to say.
    pub fn difference<'m>(
        self,
        population: &Population,
        machines: impl Iterator<Item = &'m Machine>,
        database: &Database,
    ) -> Difference {
        let machines: Vec<_> = machines.collect();
        match self {
            Self::Mika => {
                compare(&population.totals(machines.iter().copied()), &mika::totals(database))
            }
            Self::Unit3d => rows_difference(
                &unit3d::expected(population, &machines),
                &found(database, &unit3d::QUERIES),
            ),
            Self::Gazelle => rows_difference(
                &gazelle::expected(population, &machines),
                &found(database, &gazelle::QUERIES),
            ),
        }
    }
}

/// Runs queries of two columns.
fn found(database: &Database, queries: &[&str]) -> Rows {
    let mut rows = Rows::new();
    for query in queries {
        let text = database.query(query).expect("the tables can be read");
        let lines = text.lines().map(|line| line.split_once('\t').expect("two columns"));
        rows.extend(lines.map(|(of, is)| (of.to_owned(), is.to_owned())));
    }
    rows
}

/// Sessions that are over leave rows behind, which the site's own jobs remove. All other rows have
/// to be there, and no more of them.
fn rows_difference(expected: &Rows, found: &Rows) -> Difference {
    let mut difference = Difference::default();
    for (of, must) in expected {
        difference.note(of, &Some(must), &found.get(of));
    }
    let surplus = found.iter().filter(|(of, _)| !expected.contains_key(*of));
    for (of, is) in surplus.filter(|(of, _)| !of.starts_with("peer ")) {
        difference.note(of, &None, &Some(is));
    }
    difference
}

/// The sessions that are alive, with the ids of their users and torrents.
fn live<'m>(machines: &[&'m Machine]) -> impl Iterator<Item = (usize, usize, &'m Seat)> {
    let seats = machines.iter().flat_map(|machine| {
        machine.seats.iter().map(|seat| (machine.user + FIRST_ID, seat.torrent + FIRST_ID, seat))
    });
    seats.filter(|(_, _, seat)| seat.phase != Phase::Absent)
}

/// The name of a live session's row.
fn peer(user_id: usize, torrent_id: usize, seat: &Seat) -> String {
    let name: String = seat.peer_id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("peer {user_id} {torrent_id} {name}")
}
