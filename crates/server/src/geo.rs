//! Where addresses are: geo data from files, for peer selection and for people.
//!
//! * [`Database`]: one file in the MaxMind DB format; [`Found`]: what it knows about an address.
//! * [`Geo`]: all files of a configuration together, replaced while the tracker runs.
//! * [`geodesic_km`]: how far two points are from each other.
//! * [`update`]: fetches files from MaxMind or DB-IP.
//!
//! An announce asks for the place of an address when the peer is new or its address has changed,
//! never for a file: everything is in memory. Without files, or with damaged ones, every place is
//! unknown, which is neutral for selection; what is wrong is in the log and in the metrics.

mod answer;
mod continent;
mod database;
mod distance;
mod files;
mod found;
mod numbers;
mod settings;
pub mod update;
mod watch;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use mika_core::selection::place::{PlaceId, PlaceTable, Places};
use parking_lot::Mutex;

pub use answer::answer;
pub use database::{
    DB_IP_ATTRIBUTION, Database, DatabaseError, GEOLITE_ATTRIBUTION, attribution_of,
};
pub use distance::geodesic_km;
pub use files::{FileState, Role};
pub use found::{Country, Found, Point};
pub use numbers::GeoNumbers;
pub use settings::GeoSettings;
pub use watch::WATCH_SECONDS;
pub(crate) use watch::watch;

use files::Files;

/// The geo data of a tracker. Shared by everybody; files are replaced behind it.
#[derive(Debug, Default)]
pub struct Geo {
    files: ArcSwap<Files>,
    settings: Mutex<GeoSettings>,
    /// One for as long as the tracker runs, whatever becomes of the files: peers have its numbers.
    places: PlaceTable,
    numbers: GeoNumbers,
}

impl Places for Geo {
    fn place_of(&self, address: IpAddr) -> PlaceId {
        self.places.intern(self.find(address).place())
    }

    fn table(&self) -> &PlaceTable {
        &self.places
    }
}

impl Geo {
    /// Reads the files that the settings name. What cannot be read is missing, and in the log.
    ///
    /// Reads from disk: some tenths of a second for the largest files.
    pub fn open(settings: GeoSettings) -> Arc<Self> {
        let (files, _) = Files::default().reload(&settings);
        files.tell();
        Arc::new(Self {
            files: ArcSwap::from_pointee(files),
            places: PlaceTable::new(settings.places_max),
            settings: Mutex::new(settings),
            numbers: GeoNumbers::default(),
        })
    }

    /// Takes new settings, and reads files that have changed or are new. A file that cannot be
    /// read leaves what was read from the same path before.
    ///
    /// Reads from disk; whoever asks for places meanwhile is not held up.
    pub fn reload(&self, settings: GeoSettings) {
        let mut held = self.settings.lock();
        *held = settings;
        self.read_again(&held);
    }

    /// Reads files that have changed.
    pub fn refresh(&self) {
        let held = self.settings.lock();
        self.read_again(&held);
    }

    fn read_again(&self, settings: &GeoSettings) {
        let (files, changed) = self.files.load().reload(settings);
        if changed {
            files.tell();
            self.numbers.reloads_total.fetch_add(1, Ordering::Relaxed);
        }
        self.files.store(Arc::new(files));
    }

    /// What the files know about an address, the first file first.
    pub fn find(&self, address: IpAddr) -> Found {
        let found = self.files.load().find(address, &self.numbers);
        self.numbers.count(&found);
        found
    }

    /// The same for somebody else than a peer.
    fn find_uncounted(&self, address: IpAddr) -> Found {
        self.files.load().find(address, &self.numbers)
    }

    /// What became of each file of the configuration.
    pub fn states(&self) -> Vec<FileState> {
        self.files.load().states()
    }

    /// Whether there is any file that places can come from.
    pub fn has_data(&self) -> bool {
        self.files.load().has_data()
    }

    /// What the licences of the files want to be shown.
    pub fn attributions(&self) -> Vec<String> {
        self.files.load().attributions()
    }

    /// What was counted.
    pub fn numbers(&self) -> &GeoNumbers {
        &self.numbers
    }
}
