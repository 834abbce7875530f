//! The keys that take one of a few words.

use serde::{Deserialize, Serialize};

use super::section::KeyType;

macro_rules! choice {
    (
        $(#[$attribute:meta])*
        pub enum $Choice:ident: $expected:literal { $($body:tt)* }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $Choice { $($body)* }

        impl KeyType for $Choice {
            const EXPECTED: &'static str = $expected;
        }
    };
}

choice! {
    /// Who may announce.
    pub enum Mode: "\"private\" or \"public\"" {
        /// Users with passkeys; what they transfer is accounted.
        Private,
        /// Anybody; nothing is accounted.
        Public,
    }
}

choice! {
    /// What is done about users whose reports cannot be.
    pub enum DetectionMode: "\"off\", \"shadow\" or \"enforce\"" {
        /// Nothing is looked at.
        Off,
        /// Findings, and nothing else.
        Shadow,
        /// Findings, and what is configured for each level.
        Enforce,
    }
}

choice! {
    /// Which BitTorrent clients may announce.
    pub enum ClientRules: "\"open\", \"whitelist\" or \"whitelist_unless_empty\"" {
        /// All but those that the longest rule that fits them blacklists.
        Open,
        /// Only those that the longest rule that fits them whitelists.
        Whitelist,
        /// The same, but everyone while nothing is whitelisted.
        WhitelistUnlessEmpty,
    }
}

choice! {
    /// What keeps users, torrents and totals.
    pub enum StoreKind: "\"sqlite\", \"postgres\", \"mysql\", \"redis\" or \"http\"" {
        /// One SQLite file.
        Sqlite,
        /// A PostgreSQL database.
        Postgres,
        /// A MariaDB or MySQL database.
        #[serde(alias = "mariadb")]
        Mysql,
        /// A Redis or Valkey server.
        Redis,
        /// The site's own HTTP API.
        Http,
    }
}

choice! {
    /// How a tracker's reports are told to Gazelle.
    pub enum ReportFormat: "\"auto\", \"json\" or \"text\"" {
        /// As the site's preset expects it.
        Auto,
        /// JSON, for Orpheus' Gazelle.
        Json,
        /// Lines of text, for What.CD's.
        Text,
    }
}

choice! {
    /// When the journal is forced to the disk.
    pub enum JournalSync: "\"always\", \"interval\" or \"os\"" {
        /// After every batch: nothing that was flushed is lost by a power cut.
        Always,
        /// At most every `flush.journal_sync_interval_milliseconds`.
        Interval,
        /// When the operating system sees fit: a crash of the process loses nothing, a power cut
        /// may lose the last half minute.
        Os,
    }
}

choice! {
    /// Where geo data comes from.
    pub enum GeoProvider: "\"none\", \"maxmind\" or \"dbip\"" {
        /// Nothing is fetched.
        None,
        /// GeoLite2 City and ASN by MaxMind, with an account.
        Maxmind,
        /// City Lite and ASN Lite by DB-IP.
        Dbip,
    }
}

choice! {
    /// What a line of the log looks like.
    pub enum LogFormat: "\"text\" or \"json\"" {
        /// For people.
        Text,
        /// One JSON object per line.
        Json,
    }
}
