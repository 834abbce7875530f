//! One frame without colours, for scripts.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mika_client::types::{RankedSwarm, Stats};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use serde::Serialize;

use super::draw;
use super::model::{Model, Order};
use super::rates::Rates;
use super::source::Source;
use crate::client::Session;
use crate::output;
use crate::time::now_seconds;

/// The width of something that has none.
const WIDTH: u16 = 80;
const WIDTH_MAX: u16 = 400;

/// The same for programs.
#[derive(Serialize)]
struct Frame<'a> {
    stats: &'a Stats,
    per_second: &'a Option<Rates>,
    swarms: &'a [RankedSwarm],
    activity_seconds: u32,
}

/// Looks twice, an interval apart, and prints what was seen.
pub async fn print(
    session: &Session,
    source: &Source,
    order: Order,
    interval_seconds: u32,
) -> anyhow::Result<ExitCode> {
    let mut model = Model::new(source.url(), order, interval_seconds);
    let started = Instant::now();
    model.see(source.look(order).await?, started.elapsed(), now_seconds());
    tokio::time::sleep(Duration::from_secs(interval_seconds.into())).await;
    model.see(source.look(order).await?, started.elapsed(), now_seconds());
    if let Some(seen) = model.seen.as_ref().filter(|_| session.is_json()) {
        session.print_json(&Frame {
            stats: &seen.stats,
            per_second: &model.rates,
            swarms: &seen.ranking.items,
            activity_seconds: seen.ranking.activity_seconds,
        })?;
    } else {
        output::print(&text(&model, width())?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The width of the terminal that is printed to, or what the variable says.
fn width() -> u16 {
    let variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || crossterm::terminal::size().ok().map(|(width, _)| width);
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let width = variable.or_else(|| terminal().filter(|_| is_terminal)).unwrap_or(WIDTH);
    width.clamp(1, WIDTH_MAX)
}

fn text(model: &Model, width: u16) -> anyhow::Result<String> {
    let height = draw::height_for_scripts(model, width);
    let mut terminal = Terminal::new(TestBackend::new(width, height))?;
    terminal.draw(|frame| draw::draw_for_scripts(frame, model))?;
    Ok(lines(terminal.backend().buffer()))
}

/// The characters of a frame, without blanks at the ends of its lines and empty lines at its end.
pub fn lines(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let line = |cells: &[ratatui::buffer::Cell]| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    };
    let lines: Vec<_> = buffer.content.chunks(width).map(line).collect();
    format!("{}\n", lines.join("\n").trim_end())
}
