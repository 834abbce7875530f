//! `mika geo`: files of geo data, fetched and asked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use mika_client::types::{GeoAnswer, GeoPlace};
use mika_server::config::Config;
use mika_server::geo::update::{Order, Product, Updated};
use mika_server::geo::{Geo, GeoSettings, WATCH_SECONDS, answer, attribution_of};
use serde_json::json;

use crate::config::environment;
use crate::exit::FAILED;
use crate::{output, time};

#[derive(Debug, Subcommand)]
pub enum GeoCommand {
    /// Fetch the files that geo.provider has, if they are newer than those that are there.
    ///
    /// A file replaces the old one only once it has been looked through; whatever goes wrong, the
    /// old one stays. A running tracker reads new files by itself. Exits with 1 if a file could
    /// not be fetched.
    Update(UpdateArguments),
    /// Say where an address is, or two, and how far they are from each other.
    ///
    /// Reads the files of the configuration; no tracker has to run.
    Lookup(LookupArguments),
}

#[derive(Debug, Args)]
struct Place {
    /// The configuration file; without it the defaults and the environment count.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The tracker's data directory, in which the files are.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the data is from, in place of geo.provider.
    #[arg(long)]
    provider: Option<Provider>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Provider {
    /// GeoLite2 City and ASN, with an account.
    Maxmind,
    /// City Lite and ASN Lite, which are to be named as the source.
    Dbip,
}

#[derive(Debug, Args)]
pub struct UpdateArguments {
    #[command(flatten)]
    place: Place,
    /// A mirror, in place of https://download.maxmind.com or https://download.db-ip.com. MaxMind's
    /// account and key are sent to it.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

#[derive(Debug, Args)]
pub struct LookupArguments {
    #[command(flatten)]
    place: Place,
    /// An IPv4 or IPv6 address.
    address: IpAddr,
    /// Another one: the distance is told, too.
    other: Option<IpAddr>,
}

impl GeoCommand {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Update(arguments) => arguments.run(),
            Self::Lookup(arguments) => arguments.run(),
        }
    }
}

impl Place {
    fn config(&self) -> anyhow::Result<Config> {
        let mut overrides = Vec::new();
        if let Some(dir) = &self.data_dir {
            let dir = dir.to_str().context("--data-dir is not UTF-8")?;
            overrides.push(("data.dir".to_owned(), dir.to_owned()));
        }
        if let Some(provider) = self.provider {
            let name = match provider {
                Provider::Maxmind => "maxmind",
                Provider::Dbip => "dbip",
            };
            overrides.push(("geo.provider".to_owned(), name.to_owned()));
        }
        Ok(Config::load(self.config.as_deref(), environment(), overrides)?)
    }
}

impl UpdateArguments {
    fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.config()?;
        let mut order = Order::of(&config)?;
        if let Some(url) = self.base_url {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                bail!("--base-url has to begin with http:// or https://");
            }
            order.base_url = Some(url);
        }
        if order.files.is_empty() {
            bail!("geo.city_path and geo.asn_path are empty: there is no place for a file");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut told, mut failed, mut replaced) = (Vec::new(), false, false);
        let mut attributions: Vec<&str> = Vec::new();
        for (product, path) in &order.files {
            let updated = runtime.block_on(order.update(*product));
            failed |= updated.is_err();
            if let Ok(Updated::Replaced { kind, .. }) = &updated {
                replaced = true;
                attributions.extend(attribution_of(kind));
            }
            let updated = updated.map_err(|error| error.to_string());
            told.push(Told { product: *product, path: path.display().to_string(), updated });
        }
        attributions.dedup();
        if self.place.json {
            let files: Vec<_> = told.iter().map(Told::json).collect();
            let all = json!({ "files": files, "attributions": attributions });
            output::print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        } else {
            let mut text: String = told.iter().map(Told::words).collect();
            if replaced {
                text.push_str(&format!("a running tracker reads it within {WATCH_SECONDS} s\n"));
            }
            for attribution in attributions {
                text.push_str(&format!("\n{attribution}\n"));
            }
            output::print(&text)?;
        }
        Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
    }
}

/// What became of a file, for people and for programs.
struct Told {
    product: Product,
    path: String,
    updated: Result<Updated, String>,
}

impl Told {
    fn words(&self) -> String {
        let (name, path) = (self.product.name(), &self.path);
        let text = match &self.updated {
            Ok(Updated::Unchanged) => format!("{name}: there is nothing newer than {path}"),
            Ok(Updated::Replaced { kind, built_at_seconds, bytes }) => {
                let built = built(*built_at_seconds);
                format!("{name}: {kind}, built {built}, {}: {path}", output::bytes(*bytes))
            }
            Err(error) => format!("{name}: NOT UPDATED: {error}"),
        };
        format!("{}\n", output::printable(&text))
    }

    fn json(&self) -> serde_json::Value {
        let (file, path) = (self.product.name(), &self.path);
        match &self.updated {
            Ok(Updated::Unchanged) => json!({ "file": file, "path": path, "result": "unchanged" }),
            Ok(Updated::Replaced { kind, built_at_seconds, bytes }) => json!({
                "file": file,
                "path": path,
                "result": "replaced",
                "kind": kind,
                "built_at": built_at_seconds,
                "bytes": bytes,
            }),
            Err(error) => json!({ "file": file, "path": path, "result": "failed", "error": error }),
        }
    }
}

fn built(seconds: u64) -> String {
    u32::try_from(seconds).map_or_else(|_| "in a far future".to_owned(), time::format)
}

impl LookupArguments {
    fn run(self) -> anyhow::Result<ExitCode> {
        let settings = GeoSettings::of(&self.place.config()?);
        if settings.files.is_empty() {
            bail!(
                "there is no geo data: set geo.provider and run `mika geo update`, or name a file \
                 in geo.city_path"
            );
        }
        let geo = Geo::open(settings);
        let answer = answer(&geo, self.address, self.other);
        if self.place.json {
            output::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
        } else {
            output::print(&words(&answer))?;
        }
        let is_readable = answer.files.iter().any(|file| file.built_at.is_some());
        Ok(if is_readable { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    }
}

/// For people.
pub fn words(answer: &GeoAnswer) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for place in &answer.places {
        lines.push(("address", place.address.clone()));
        lines.push(("point", point(place)));
        lines.push(("country", output::optional(place.country.as_ref())));
        lines.push(("continent", output::optional(place.continent.as_ref())));
        lines.push(("AS number", output::optional(place.asn)));
    }
    if answer.places.len() > 1 {
        let distance = answer.distance_km.map(|km| format!("{km:.1} km"));
        lines.push(("distance", output::optional(distance)));
    }
    for file in &answer.files {
        let age = file.built_at.map(|seconds| format!("{}, built {}", file.kind, built(seconds)));
        let old = if file.old { ", OLD" } else { "" };
        let problem = match file.problem.as_str() {
            "" => String::new(),
            problem => format!("NOT READ: {problem}"),
        };
        let what = age.map_or_else(|| problem.clone(), |age| format!("{age}{old} {problem}"));
        lines.push(("file", format!("{}: {}", file.role, what.trim_end())));
    }
    output::fields(&lines)
}

fn point(place: &GeoPlace) -> String {
    let degrees = |degrees: f64, positive, negative| {
        format!("{:.4}° {}", degrees.abs(), if degrees < 0.0 { negative } else { positive })
    };
    match (place.latitude, place.longitude) {
        (Some(north), Some(east)) => {
            format!("{}, {}", degrees(north, "N", "S"), degrees(east, "E", "W"))
        }
        _ => "-".to_owned(),
    }
}
