//! The generated part of `docs/selection-study.md`, and its plots.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::connectivity::Connectivity;
use super::figures::{Figure, Part};
use super::markdown::{table, write_page};
use super::selection::{Study, StudyPlan};
use super::svg::Chart;
use super::targets::TARGETS;
use crate::tracker::{NUMWANT_MAX, Strategy};

/// Everything that a page tells.
#[derive(Debug)]
pub struct Results {
    /// What was found, world by world.
    pub worlds: Vec<WorldResults>,
    /// Whether swarms stay in one piece; empty if that was not tried.
    pub connectivity: BTreeMap<Strategy, Connectivity>,
    /// Peers of the swarms of which that was tried.
    pub connectivity_peers: usize,
}

/// What was found in one kind of world.
#[derive(Debug)]
pub struct WorldResults {
    /// As in headings.
    pub name: &'static str,
    /// As in the names of its plots.
    pub slug: &'static str,
    /// What was run.
    pub plan: StudyPlan,
    /// What came of it.
    pub study: Study,
}

impl Results {
    /// Writes the page's part, and the plots, below a directory of documents.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or the page has lost its markers.
    pub fn write(&self, docs: &Path) -> Result<()> {
        let charts = self.worlds.iter().flat_map(WorldResults::charts);
        write_page(docs, "selection", &self.markdown(), charts)
    }

    /// All tables.
    pub fn markdown(&self) -> String {
        let mut out = self.promises();
        for world in &self.worlds {
            let _ = writeln!(out, "## {}\n", world.name);
            out += &world.markdown();
        }
        out.trim_end().to_owned()
    }

    /// What has to hold in every run.
    fn promises(&self) -> String {
        let verdict = |met: bool| if met { "met" } else { "**missed**" }.to_owned();
        let mut rows = Vec::new();
        for world in &self.worlds {
            let (replies, short) = world.study.seeder_slots();
            rows.push([
                "all".to_owned(),
                format!("{}: leechers given fewer seeders than they could have had", world.name),
                format!("0 of {replies}"),
                short.to_string(),
                verdict(short == 0),
            ]);
        }
        for (strategy, found) in &self.connectivity {
            rows.push([
                strategy.name().to_owned(),
                format!("graphs of {} peers in one piece", self.connectivity_peers),
                format!("{} of {}", found.runs, found.runs),
                format!("{} of {}", found.connected, found.runs),
                verdict(found.connected == found.runs),
            ]);
        }
        let header = ["Strategy", "Promise", "Target", "Found", ""];
        format!("## What has to hold always\n\n{}", table(&header, &rows))
    }
}

impl WorldResults {
    fn markdown(&self) -> String {
        let mut out = self.introduction();
        out += &self.targets();
        for (name, chart) in self.charts() {
            let _ = writeln!(out, "![{}](images/{name})\n", chart.title);
        }
        out += &self.ratios();
        out += &self.means();
        out
    }

    fn introduction(&self) -> String {
        let world = &self.plan.world;
        let runs = self.study.runs_of(Strategy::Uniform).unwrap_or_default();
        let count = runs.len().max(1) as f64;
        let bytes = runs.iter().map(|run| run.bytes as f64).sum::<f64>() / count / 1e12;
        let downloads = runs.iter().map(|run| run.downloads as f64).sum::<f64>() / count;
        let announces = runs.iter().map(|run| run.announces as f64).sum::<f64>() / count;
        let first = self.plan.seeds.seed(0);
        let last = self.plan.seeds.seed(self.plan.seed_count.saturating_sub(1));
        format!(
            "{} seeds ({first}–{last}), each a world of its own: {} users, {} torrents, {} hours, \
             of which the first {} are not measured. Replies have {NUMWANT_MAX} peers at most. On \
             average a run under uniform has {announces:.0} announces, {downloads:.0} downloads \
             that are measured, and moves {bytes:.1} TB. Figures are means over the seeds, with \
             95 % confidence intervals in parentheses; ratios are taken seed by seed.\n\n",
            self.plan.seed_count,
            world.users,
            world.torrents.len(),
            world.hours,
            world.warm_up_hours,
        )
    }

    fn targets(&self) -> String {
        let mut rows = Vec::new();
        for target in TARGETS {
            let Some(verdict) = target.judge(&self.study) else { continue };
            let bound = target.bound_found(&self.study);
            rows.push([
                target.strategy.name().to_owned(),
                target.figure.name().to_owned(),
                target.bound_shown(),
                target.found_shown(&verdict.found),
                verdict.shown().to_owned(),
                bound.map_or_else(|| "–".to_owned(), |bound| target.found_shown(&bound)),
            ]);
        }
        let header = ["Strategy", "Figure", "Target", "Found", "", "An oracle reaches"];
        format!("### Are the targets met?\n\n{}", table(&header, &rows))
    }

    fn others(&self) -> impl Iterator<Item = Strategy> + '_ {
        self.study.strategies.iter().copied().filter(|strategy| *strategy != Strategy::Uniform)
    }

    fn ratios(&self) -> String {
        let mut out = String::new();
        for part in Part::ALL {
            let mut header = vec!["Figure, by that of uniform"];
            header.extend(self.others().map(Strategy::name));
            let mut rows = Vec::new();
            // Replies are counted over all torrents, and some figures are 0 as they should be.
            for figure in Figure::ALL.into_iter().filter(|it| *it < Figure::SeederSlots) {
                if part == Part::FlashCrowds && figure == Figure::Young {
                    continue;
                }
                let mut row = vec![figure.name().to_owned()];
                let ratio = |strategy| self.study.ratio(strategy, part, figure);
                row.extend(self.others().filter_map(ratio).map(|found| {
                    format!("{:.2} ({:.2}–{:.2})", found.mean, found.low, found.high)
                }));
                rows.push(row);
            }
            let _ = writeln!(out, "### By those of uniform: {}\n", part.name());
            out += &table(&header, &rows);
        }
        out
    }

    fn means(&self) -> String {
        let mut header = vec!["Figure, all torrents"];
        header.extend(self.study.strategies.iter().map(|strategy| strategy.name()));
        let mut rows = Vec::new();
        for figure in Figure::ALL {
            let mut row = vec![figure.name().to_owned()];
            let all = self.study.strategies.iter();
            let mean = |strategy: &Strategy| self.study.mean(*strategy, Part::All, figure);
            let means = all.filter_map(mean);
            row.extend(means.map(|found| figure.shown(found.mean)));
            rows.push(row);
        }
        format!("### The figures themselves\n\n{}", table(&header, &rows))
    }

    fn charts(&self) -> Vec<(String, Chart)> {
        let charts: [(_, _, &[(Figure, &str)]); 3] = [
            (
                "traffic",
                "bytes between regions and networks, by those of uniform",
                &[(Figure::InterRegion, "between regions"), (Figure::InterNetwork, "between AS")],
            ),
            (
                "times",
                "download times, by those of uniform",
                &[(Figure::Median, "p50"), (Figure::P95, "p95")],
            ),
            (
                "sharing",
                "who uploads: shares by those of uniform",
                &[(Figure::SlowHalf, "slower half"), (Figure::Young, "younger than a day")],
            ),
        ];
        let chart = |(name, title, figures): (&'static str, &str, &[(Figure, &str)])| {
            let bars = |strategy| {
                let ratios = figures
                    .iter()
                    .map(|(figure, _)| self.study.ratio(strategy, Part::All, *figure));
                (strategy.name().to_owned(), ratios.flatten().collect())
            };
            let chart = Chart {
                title: format!("{}: {title}", self.name),
                series: figures.iter().map(|(_, name)| (*name).to_owned()).collect(),
                groups: self.others().map(bars).collect(),
                mark: Some(1.0),
            };
            (format!("selection-{}-{name}.svg", self.slug), chart)
        };
        charts.map(chart).into()
    }
}
