//! What providers offer, and what it is called.

use crate::config::GeoProvider;

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Coordinates and countries.
    City,
    /// Autonomous systems.
    Asn,
}

/// How a file comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// As it is, compressed.
    Gzip,
    /// In a compressed archive, with its licence.
    TarGzip,
}

impl Product {
    /// Its name in keys of the configuration: `city`, `asn`.
    pub fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Asn => "asn",
        }
    }

    /// What its file is called here; `None` without a provider.
    pub fn file_name(self, provider: GeoProvider) -> Option<&'static str> {
        match (provider, self) {
            (GeoProvider::None, _) => None,
            (GeoProvider::Maxmind, Self::City) => Some("GeoLite2-City.mmdb"),
            (GeoProvider::Maxmind, Self::Asn) => Some("GeoLite2-ASN.mmdb"),
            (GeoProvider::Dbip, Self::City) => Some("dbip-city-lite.mmdb"),
            (GeoProvider::Dbip, Self::Asn) => Some("dbip-asn-lite.mmdb"),
        }
    }

    /// Paths at which a provider may have it, the newest first, and how it is packed.
    ///
    /// DB-IP names its files after the month, and has those of a new one some time after the
    /// month's begin.
    pub(super) fn addresses(
        self,
        provider: GeoProvider,
        now_seconds: u64,
    ) -> (Vec<String>, Packing) {
        match provider {
            GeoProvider::None => (Vec::new(), Packing::Gzip),
            GeoProvider::Maxmind => {
                let edition = if self == Self::City { "GeoLite2-City" } else { "GeoLite2-ASN" };
                let path = format!("/geoip/databases/{edition}/download?suffix=tar.gz");
                (vec![path], Packing::TarGzip)
            }
            GeoProvider::Dbip => {
                let path = |(year, month): (u64, u64)| {
                    format!("/free/dbip-{}-lite-{year:04}-{month:02}.mmdb.gz", self.name())
                };
                (months(now_seconds).map(path).to_vec(), Packing::Gzip)
            }
        }
    }
}

/// Whose server it is.
pub(super) fn base_url(provider: GeoProvider) -> &'static str {
    match provider {
        GeoProvider::Dbip => "https://download.db-ip.com",
        GeoProvider::None | GeoProvider::Maxmind => "https://download.maxmind.com",
    }
}

/// Year and month of a Unix time, and of the month before.
fn months(now_seconds: u64) -> [(u64, u64); 2] {
    // Days since March of the year 0; years that begin in March have the leap day at their end
    // (Hinnant, "chrono-compatible low-level date algorithms").
    let days = (now_seconds / 86_400).saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = (day_of_era / 1460).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leaps).saturating_add(day_of_era / 36_524) / 365;
    let first_day = (year_of_era * 365).saturating_add(year_of_era / 4);
    let day_of_year = day_of_era.saturating_add(year_of_era / 100).saturating_sub(first_day);
    let from_march = (day_of_year.saturating_mul(5).saturating_add(2)) / 153;
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    let (year, month) = match from_march {
        0..=9 => (year, from_march.saturating_add(3)),
        _ => (year.saturating_add(1), from_march.saturating_sub(9)),
    };
    let before = if month == 1 { (year.saturating_sub(1), 12) } else { (year, month - 1) };
    [(year, month), before]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn db_ip_is_asked_for_this_month_and_then_for_the_last() {
        let paths = |now| Product::City.addresses(GeoProvider::Dbip, now).0;
        assert_eq!(
            paths(1_795_378_000),
            ["/free/dbip-city-lite-2026-11.mmdb.gz", "/free/dbip-city-lite-2026-10.mmdb.gz"]
        );
        // The first second of a year, and the last of one.
        assert_eq!(months(1_767_225_600), [(2026, 1), (2025, 12)]);
        assert_eq!(months(1_767_225_599), [(2025, 12), (2025, 11)]);
        // A leap day, and the day after.
        assert_eq!(months(1_709_164_800), [(2024, 2), (2024, 1)]);
        assert_eq!(months(1_709_251_200), [(2024, 3), (2024, 2)]);
        assert_eq!(months(0), [(1970, 1), (1969, 12)]);
    }

    #[test]
    fn maxmind_is_asked_for_its_permalink() {
        let (paths, packing) = Product::Asn.addresses(GeoProvider::Maxmind, 0);
        assert_eq!(paths, ["/geoip/databases/GeoLite2-ASN/download?suffix=tar.gz"]);
        assert_eq!(packing, Packing::TarGzip);
    }
}
