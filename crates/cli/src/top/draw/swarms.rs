//! The list of swarms.

use mika_client::types::{RankedSwarm, SwarmRank, SwarmRanking};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Cell, Row, Table};

use super::super::model::{COLUMNS, Model, per_second, value};
use super::super::source::Seen;
use super::{DIM, TITLE, rate};
use crate::output;

/// Columns for a title at least.
const TITLE_WIDTH: u16 = 14;

/// Draws as much of the list as there is room for.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let Some(seen) = &model.seen else { return };
    let ranking = &seen.ranking;
    let title = format!(" Swarms: the first {} of {} ", ranking.items.len(), seen.stats.swarms);
    let block = Block::bordered().border_style(DIM).title(Line::styled(title, TITLE));
    let columns = columns(block.inner(area).width, model.order.by);
    let arrow = if model.order.ascending { "▲" } else { "▼" };
    let header = columns.iter().map(|column| {
        let is_it = *column == model.order.by;
        let text = if is_it { format!("{}{arrow}", name(*column)) } else { name(*column).into() };
        let style = if is_it { TITLE } else { DIM };
        Cell::from(Text::from(text).right_aligned()).style(style)
    });
    let header = Row::new([Cell::from("TORRENT").style(DIM)].into_iter().chain(header));
    let rows =
        ranking.items.iter().skip(model.scrolled).map(|item| row(seen, item, &columns, model));
    let widths = columns.iter().map(|column| Constraint::Length(width(*column)));
    let widths = [Constraint::Min(TITLE_WIDTH)].into_iter().chain(widths);
    frame.render_widget(Table::new(rows, widths).header(header).block(block), area);
}

fn row<'a>(seen: &Seen, item: &RankedSwarm, columns: &[SwarmRank], model: &Model) -> Row<'a> {
    let title = seen.titles.get(&item.swarm.info_hash).filter(|title| !title.is_empty());
    let title = match title {
        Some(title) => Cell::from(output::printable(title).replace('\n', "\u{fffd}")),
        None => Cell::from(item.swarm.info_hash.to_string()).style(DIM),
    };
    let cells = columns.iter().map(|column| {
        let text = Text::from(shown(*column, item, &seen.ranking)).right_aligned();
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Cell::from(text).style(if *column == model.order.by { bold } else { Style::new() })
    });
    Row::new([title].into_iter().chain(cells))
}

/// The columns for which there is room. That which swarms are sorted by is among them, if any is.
fn columns(room: u16, by: SwarmRank) -> Vec<SwarmRank> {
    let mut left = room.saturating_sub(TITLE_WIDTH);
    let mut fit = |column: SwarmRank| {
        let needed = width(column) + 1;
        let fits = needed <= left;
        left = left.saturating_sub(if fits { needed } else { 0 });
        fits
    };
    let mut chosen: Vec<_> = [by].into_iter().filter(|column| fit(*column)).collect();
    chosen.extend(COLUMNS.into_iter().filter(|column| *column != by && fit(*column)));
    COLUMNS.into_iter().filter(|column| chosen.contains(column)).collect()
}

fn name(column: SwarmRank) -> &'static str {
    match column {
        SwarmRank::Peers => "PEERS",
        SwarmRank::Seeders => "SEED",
        SwarmRank::Leechers => "LEECH",
        SwarmRank::Snatches => "SNATCHES",
        SwarmRank::Announces => "ANN/MIN",
        SwarmRank::Uploaded => "UP/S",
        SwarmRank::Downloaded => "DOWN/S",
    }
}

/// Room for the name with its arrow, and for what is below it.
fn width(column: SwarmRank) -> u16 {
    match column {
        SwarmRank::Peers | SwarmRank::Seeders | SwarmRank::Leechers => 7,
        SwarmRank::Announces => 8,
        SwarmRank::Uploaded | SwarmRank::Downloaded => 11,
        SwarmRank::Snatches => 9,
    }
}

fn shown(column: SwarmRank, item: &RankedSwarm, ranking: &SwarmRanking) -> String {
    let rate_of = |show: fn(f64) -> String| {
        per_second(ranking, column, item).map_or_else(|| "-".to_owned(), show)
    };
    match column {
        SwarmRank::Announces => rate_of(|per_second| rate(per_second * 60.0)),
        SwarmRank::Uploaded | SwarmRank::Downloaded => {
            rate_of(|per_second| output::bytes(per_second.round() as u64))
        }
        _ => value(column, item).to_string(),
    }
}
