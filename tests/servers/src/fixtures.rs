//! The tables of the sites that mika has presets for, with a few rows.
//!
//! They are made for MariaDB and MySQL from what is known of the sites' tables: names, types,
//! defaults and keys, as far as a tracker or a row for one needs them.

use crate::client::QueryError;
use crate::database::Database;
use crate::options::SqlMode;

/// The tables of one site, and rows for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixture {
    /// Its name, that of its files.
    pub name: &'static str,
    /// The `CREATE TABLE` statements.
    pub tables: &'static str,
    /// The `INSERT` statements.
    pub rows: &'static str,
    /// The strictest `sql_mode` that takes the tables.
    pub strictest: SqlMode,
}

macro_rules! fixture {
    ($name:literal, $strictest:expr) => {
        Fixture {
            name: $name,
            tables: include_str!(concat!("../fixtures/", $name, ".sql")),
            rows: include_str!(concat!("../fixtures/", $name, ".rows.sql")),
            strictest: $strictest,
        }
    };
}

/// UNIT3D 9.2.0: users 1 and 11 to 20, torrents 101 to 112, six groups, peers and history of 101.
pub const UNIT3D: Fixture = fixture!("unit3d", SqlMode::Strict);
/// Orpheus Gazelle of 2025: users alice (1) to eve (5), torrents 10 to 13.
pub const GAZELLE_OPS: Fixture = fixture!("gazelle-ops", SqlMode::Strict);
/// What.CD Gazelle of 2016: the same users and torrents. Its dates of zero are refused in strict
/// mode.
pub const GAZELLE_WCD: Fixture = fixture!("gazelle-wcd", SqlMode::StrictButZeroDates);
/// XBT from 2011 to 2019: four users, two torrents.
pub const XBT_G2: Fixture = fixture!("xbt-g2", SqlMode::Strict);
/// XBT since 2019: the same users and torrents.
pub const XBT_G3: Fixture = fixture!("xbt-g3", SqlMode::Strict);

/// All of them.
pub const ALL: [Fixture; 5] = [UNIT3D, GAZELLE_OPS, GAZELLE_WCD, XBT_G2, XBT_G3];

impl Fixture {
    /// Makes the tables in an empty database of MariaDB or MySQL, and fills them.
    ///
    /// # Errors
    ///
    /// What the client says, if the server does not take a statement.
    pub fn load(&self, database: &Database) -> Result<(), QueryError> {
        database.query(self.tables)?;
        database.query(self.rows)?;
        Ok(())
    }
}
