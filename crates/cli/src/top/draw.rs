//! The model as a frame of any size: what does not fit is left out, the least important first.

mod panels;
mod swarms;

use mika_client::types::Stats;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Sparkline};

use super::input;
use super::model::{Link, Model};
use crate::{output, time};

/// Below this width there are no panels, but a line.
const PANELS_WIDTH: u16 = 72;
const HEAD_HEIGHT: u16 = 3;
const PANELS_HEIGHT: u16 = 8;
/// Lines without which the list of swarms is not worth its frame.
const SWARMS_HEIGHT: u16 = 5;

const DIM: Style = Style::new().fg(Color::DarkGray);
const TITLE: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
const GOOD: Style = Style::new().fg(Color::Green);
const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const PLAIN: Style = Style::new();

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, model: &Model) {
    let area = frame.area();
    let [main, footer] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    body(frame, main, model, true);
    frame.render_widget(keys(footer.width), footer);
    if model.shows_help {
        help(frame, area);
    }
}

/// The same without what needs keys, or more than two looks.
pub fn draw_for_scripts(frame: &mut Frame<'_>, model: &Model) {
    body(frame, frame.area(), model, false);
}

/// How many lines that takes for all swarms that were seen.
pub fn height_for_scripts(model: &Model, width: u16) -> u16 {
    let swarms = model.seen.as_ref().map_or(0, |seen| seen.ranking.items.len());
    let list = u16::try_from(swarms).unwrap_or(u16::MAX).saturating_add(3).max(SWARMS_HEIGHT);
    let panels = if width >= PANELS_WIDTH { PANELS_HEIGHT } else { 1 };
    list.saturating_add(HEAD_HEIGHT + panels)
}

fn body(frame: &mut Frame<'_>, area: Rect, model: &Model, with_curve: bool) {
    let with_panels =
        area.width >= PANELS_WIDTH && area.height >= HEAD_HEIGHT + PANELS_HEIGHT + SWARMS_HEIGHT;
    let panels_height = if with_panels { PANELS_HEIGHT } else { 1 };
    let left = area.height.saturating_sub(HEAD_HEIGHT + panels_height + SWARMS_HEIGHT);
    let curve_height = match left {
        _ if model.history.is_empty() || !with_curve => 0,
        0..5 => 0,
        5..10 => 3,
        _ => 5,
    };
    let [head, panels, curve, list] = Layout::vertical([
        Constraint::Length(HEAD_HEIGHT),
        Constraint::Length(panels_height),
        Constraint::Length(curve_height),
        Constraint::Min(0),
    ])
    .areas(area);
    header(frame, head, model);
    if with_panels {
        panels::draw(frame, panels, model);
    } else {
        frame.render_widget(panels::short(model), panels);
    }
    if curve_height > 0 {
        announces_curve(frame, curve, model);
    }
    swarms::draw(frame, list, model);
}

/// Who is watched, whether it answers, and how much there is of everything.
fn header(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let mut lines = Vec::new();
    let (name, totals, machine) = match model.stats() {
        Some(stats) => (identity(model, stats), totals(stats), machine(model, stats)),
        None => (model.url.clone(), String::new(), String::new()),
    };
    let (state, style) = state(model);
    let room = usize::from(area.width).saturating_sub(state.chars().count());
    let gap = room.saturating_sub(name.chars().count());
    if gap > 0 || model.link == Link::Up {
        let name: String = name.chars().take(room.saturating_sub(1)).collect();
        let gap = room.saturating_sub(name.chars().count());
        lines.push(Line::from(vec![
            Span::styled(name, TITLE),
            Span::raw(" ".repeat(gap)),
            Span::styled(state, style),
        ]));
    } else {
        // That it does not answer is more important than its name.
        lines.push(Line::styled(state, style));
    }
    lines.push(Line::raw(totals));
    lines.push(Line::raw(machine));
    frame.render_widget(Paragraph::new(lines), area);
}

fn identity(model: &Model, stats: &Stats) -> String {
    let up = output::duration(stats.uptime_seconds);
    output::printable(&format!("mika {} {}, up {up}, {}", stats.version, stats.mode, model.url))
}

fn state(model: &Model) -> (String, Style) {
    match &model.link {
        Link::Down { since_seconds, reason } => {
            let since = u32::try_from(*since_seconds).unwrap_or(u32::MAX);
            let since = time::format(since);
            let clock = since.split(' ').nth(1).unwrap_or_default();
            let reason = output::printable(reason);
            (format!("not reachable since {clock} UTC: {reason}"), BAD)
        }
        Link::Up if model.is_paused => {
            ("paused".to_owned(), Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD))
        }
        Link::Up => (format!("every {} s", model.interval_seconds), DIM),
    }
}

fn totals(stats: &Stats) -> String {
    format!(
        "seeders {}  leechers {}  swarms {}  torrents {}  users {}",
        stats.seeders, stats.leechers, stats.swarms, stats.torrents, stats.users
    )
}

fn machine(model: &Model, stats: &Stats) -> String {
    let memory = match stats.memory_resident_bytes {
        0 => "unknown".to_owned(),
        bytes => output::bytes(bytes),
    };
    let Some(rates) = &model.rates else { return format!("memory {memory}") };
    let per_second = |bytes: f64| output::bytes(bytes.round() as u64);
    format!(
        "memory {memory}  CPU {:.1} %  in {}/s  out {}/s",
        rates.cpu_percent,
        per_second(rates.received_bytes),
        per_second(rates.sent_bytes)
    )
}

fn announces_curve(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let width = usize::from(area.width.saturating_sub(2));
    let skipped = model.history.len().saturating_sub(width);
    let data: Vec<u64> = model.history.iter().skip(skipped).copied().collect();
    let most = data.iter().max().copied().unwrap_or_default();
    let now = data.last().copied().unwrap_or_default();
    let title = format!(" Announces/s: {now} now, {most} at most ");
    let block = Block::bordered().border_style(DIM).title(Line::styled(title, TITLE));
    let curve = Sparkline::default().block(block).style(Style::new().fg(Color::Green));
    frame.render_widget(curve.data(data).max(most.max(1)), area);
}

fn keys(width: u16) -> Line<'static> {
    let all = [
        ("q", "quit"),
        ("?", "help"),
        ("s", "sort"),
        ("S", "turn round"),
        ("p", "pause"),
        ("←→", "column"),
        ("↑↓", "scroll"),
    ];
    let (mut spans, mut used) = (Vec::new(), 0);
    for (key, what) in all {
        used += key.chars().count() + what.chars().count() + 3;
        if used > usize::from(width) + 2 {
            break;
        }
        spans.push(Span::styled(key, TITLE));
        spans.push(Span::raw(format!(" {what}  ")));
    }
    Line::from(spans)
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let line = |(keys, what): (&str, &str)| {
        Line::from(vec![Span::styled(format!(" {keys:<19}"), TITLE), Span::raw(what.to_owned())])
    };
    let mut lines: Vec<_> = input::HELP.into_iter().map(line).collect();
    lines.push(Line::raw(""));
    lines.push(Line::styled(" ANN/MIN, UP and DOWN: of the last minute", DIM));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let (width, height) = (area.width.min(50), area.height.min(height));
    let middle = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered().title(Line::styled(" Keys ", TITLE));
    frame.render_widget(Clear, middle);
    frame.render_widget(Paragraph::new(lines).block(block), middle);
}

/// A rate in four or five characters.
fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate < 99.95 => format!("{rate:.1}"),
        rate if rate < 9_999.5 => format!("{rate:.0}"),
        rate if rate < 999_950.0 => format!("{:.1}k", rate / 1e3),
        rate => format!("{:.1}M", rate / 1e6),
    }
}

/// A panel with a title.
fn panel<'a>(title: &'a str, lines: Vec<Line<'a>>) -> Paragraph<'a> {
    let block = Block::bordered().border_style(DIM).title(Line::styled(title, TITLE));
    Paragraph::new(lines).block(block).alignment(Alignment::Left)
}

#[cfg(test)]
mod tests;
