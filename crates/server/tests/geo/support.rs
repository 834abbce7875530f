//! Fixtures, and a writer of small databases.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mika_server::geo::{Geo, GeoSettings, Role};

pub const NOW_SECONDS: u64 = 1_795_000_000;
pub const BYTES_MAX: u64 = 1 << 24;

/// A file of the fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/geo/fixtures").join(name)
}

pub fn city_file() -> PathBuf {
    fixture("test-data/GeoLite2-City-Test.mmdb")
}

pub fn asn_file() -> PathBuf {
    fixture("test-data/GeoLite2-ASN-Test.mmdb")
}

/// All files below a folder of the fixtures that are databases.
pub fn all_files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![fixture(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "mmdb") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn settings(files: &[(Role, &Path)]) -> GeoSettings {
    GeoSettings {
        files: files.iter().map(|(role, path)| (*role, path.to_path_buf())).collect(),
        age_max_seconds: 60 * 86_400,
        file_bytes_max: BYTES_MAX,
        places_max: 1000,
        attribution: String::new(),
    }
}

pub fn geo(files: &[(Role, &Path)]) -> Arc<Geo> {
    Geo::open(settings(files))
}

/// A value of a record.
#[derive(Clone)]
pub enum Value {
    Text(&'static str),
    Float(f32),
    Double(f64),
    Short(u16),
    Number(u32),
    Long(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

impl Value {
    /// As in the MaxMind DB file format, version 2.0, "Data Section".
    fn encode(&self, to: &mut Vec<u8>) {
        let short = |kind: u8, length: usize| {
            assert!(length < 29);
            kind << 5 | u8::try_from(length).unwrap()
        };
        match self {
            Self::Text(text) => {
                to.push(short(2, text.len()));
                to.extend(text.as_bytes());
            }
            Self::Double(number) => {
                to.push(short(3, 8));
                to.extend(number.to_be_bytes());
            }
            Self::Short(number) => {
                to.push(short(5, 2));
                to.extend(number.to_be_bytes());
            }
            Self::Number(number) => {
                to.push(short(6, 4));
                to.extend(number.to_be_bytes());
            }
            Self::Map(entries) => {
                to.push(short(7, entries.len()));
                for (key, value) in entries {
                    Self::Text(key).encode(to);
                    value.encode(to);
                }
            }
            // Types from 8 on have a second byte.
            Self::Long(number) => {
                to.extend([short(0, 8), 9 - 7]);
                to.extend(number.to_be_bytes());
            }
            Self::List(items) => {
                to.extend([short(0, items.len()), 11 - 7]);
                items.iter().for_each(|item| item.encode(to));
            }
            Self::Float(number) => {
                to.extend([short(0, 4), 15 - 7]);
                to.extend(number.to_be_bytes());
            }
        }
    }
}

/// A database of IPv4 networks.
pub struct Mmdb {
    kind: &'static str,
    built_at_seconds: u64,
    networks: Vec<(Ipv4Addr, u8, Value)>,
}

impl Mmdb {
    pub fn new(kind: &'static str, built_at_seconds: u64) -> Self {
        Self { kind, built_at_seconds, networks: Vec::new() }
    }

    pub fn with(mut self, network: &str, value: Value) -> Self {
        let (address, length) = network.split_once('/').unwrap();
        self.networks.push((address.parse().unwrap(), length.parse().unwrap(), value));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        // A record of a node is the number of a node, or of a value behind `1 << 31`.
        const NOTHING: u32 = u32::MAX;
        let mut nodes = vec![[NOTHING; 2]];
        let (mut data, mut places) = (Vec::new(), Vec::new());
        for (address, length, value) in &self.networks {
            places.push(u32::try_from(data.len()).unwrap());
            value.encode(&mut data);
            let mut node = 0;
            for bit in 0..*length {
                let side = usize::from(address.to_bits() >> (31 - bit) & 1 == 1);
                if bit + 1 == *length {
                    nodes[node][side] = 1 << 31 | u32::try_from(places.len() - 1).unwrap();
                } else {
                    if nodes[node][side] == NOTHING {
                        nodes[node][side] = u32::try_from(nodes.len()).unwrap();
                        nodes.push([NOTHING; 2]);
                    }
                    node = nodes[node][side] as usize;
                }
            }
        }
        let count = u32::try_from(nodes.len()).unwrap();
        let record = |record: u32| match record {
            NOTHING => count,
            node if node < 1 << 31 => node,
            value => count + 16 + places[(value & !(1 << 31)) as usize],
        };
        let mut bytes = Vec::new();
        for side in nodes.iter().flatten() {
            bytes.extend(record(*side).to_be_bytes());
        }
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let english = Value::Map(vec![("en", Value::Text("made for a test"))]);
        Value::Map(vec![
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("build_epoch", Value::Long(self.built_at_seconds)),
            ("database_type", Value::Text(self.kind)),
            ("description", english),
            ("ip_version", Value::Short(4)),
            ("languages", Value::List(vec![Value::Text("en")])),
            ("node_count", Value::Number(count)),
            ("record_size", Value::Short(32)),
        ])
        .encode(&mut bytes);
        bytes
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).unwrap();
    }
}

/// A record of the flat schema.
pub fn flat(country: &'static str, latitude: f32, longitude: f32) -> Value {
    Value::Map(vec![
        ("city", Value::Text("Somewhere")),
        ("country_code", Value::Text(country)),
        ("latitude", Value::Float(latitude)),
        ("longitude", Value::Float(longitude)),
    ])
}

/// A record of the MaxMind schema, which DB-IP has, too.
pub fn nested(country: &'static str, latitude: f64, longitude: f64) -> Value {
    let point =
        vec![("latitude", Value::Double(latitude)), ("longitude", Value::Double(longitude))];
    Value::Map(vec![
        ("country", Value::Map(vec![("iso_code", Value::Text(country))])),
        ("location", Value::Map(point)),
    ])
}
