//! Announces, refusals and the store.

use mika_client::types::{FlushStats, Stats};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::model::Model;
use super::super::rates::Rates;
use super::{BAD, DIM, GOOD, PLAIN, panel, rate};
use crate::output;

/// A store that lags so long cannot keep up.
const LAG_SECONDS: u64 = 10;

/// Draws them side by side.
pub fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let [announces, refused, store] = Layout::horizontal([
        Constraint::Percentage(36),
        Constraint::Percentage(36),
        Constraint::Percentage(28),
    ])
    .areas(area);
    frame.render_widget(panel(" Per second ", rates(model, inner(announces))), announces);
    frame.render_widget(panel(" Refused/s (all) ", reasons(model, inner(refused))), refused);
    frame.render_widget(panel(" Store ", flush(model, inner(store))), store);
}

/// The most important of them in one line.
pub fn short(model: &Model) -> Paragraph<'static> {
    let Some(stats) = model.stats() else { return Paragraph::default() };
    let (store, style) = store(&stats.flush);
    let mut spans = vec![Span::raw("store "), Span::styled(store, style)];
    if let Some(rates) = &model.rates {
        let (announces, refused) = (rate(rates.announces), rate(rates.refused));
        spans.insert(0, Span::raw(format!("{announces} ann/s  {refused} refused/s  ")));
    }
    Paragraph::new(Line::from(spans))
}

fn inner(area: Rect) -> usize {
    area.width.saturating_sub(2).into()
}

/// A name at the left and a value at the right of so many columns.
fn pair(name: &str, value: &str, width: usize) -> String {
    let room = width.saturating_sub(value.chars().count() + 1);
    let name: String = name.chars().take(room).collect();
    format!("{name:<room$} {value}")
}

fn rates(model: &Model, width: usize) -> Vec<Line<'static>> {
    let Some(rates) = &model.rates else {
        return vec![Line::styled("two looks are needed", DIM)];
    };
    let left = [
        ("answered", rates.announces),
        ("HTTP", rates.http),
        ("UDP", rates.udp),
        ("IPv4", rates.v4),
        ("IPv6", rates.v6),
        ("refused", rates.refused),
    ];
    let right = [
        ("regular", rates.event("none")),
        ("started", rates.event("started")),
        ("completed", rates.event("completed")),
        ("stopped", rates.event("stopped")),
        ("scrapes", rates.scrapes),
        ("malformed", rates.malformed),
    ];
    let half = width.saturating_sub(2) / 2;
    let both = left.into_iter().zip(right).map(|((name, value), (other, second))| {
        let left = pair(name, &rate(value), half);
        let right = pair(other, &rate(second), width.saturating_sub(half + 2));
        Line::raw(format!("{left}  {right}"))
    });
    both.collect()
}

fn reasons(model: &Model, width: usize) -> Vec<Line<'static>> {
    let counted = |rates: &Rates| {
        let reason = |it: &super::super::rates::Rate| {
            let value = format!("{} ({})", rate(it.per_second), it.total);
            let style = if it.per_second > 0.0 { PLAIN } else { DIM };
            Line::styled(pair(&it.name, &value, width), style)
        };
        rates.reasons.iter().map(reason).collect::<Vec<_>>()
    };
    let lines = model.rates.as_ref().map(counted).unwrap_or_default();
    if lines.is_empty() { vec![Line::styled("nothing", DIM)] } else { lines }
}

fn store(flush: &FlushStats) -> (&'static str, Style) {
    match (flush.store_available, flush.journal_writable) {
        (_, false) => ("journal stuck", BAD),
        (false, true) => ("down", BAD),
        (true, true) => ("up", GOOD),
    }
}

fn flush(model: &Model, width: usize) -> Vec<Line<'static>> {
    let Some(Stats { flush, .. }) = model.stats() else { return Vec::new() };
    let (state, style) = store(flush);
    let lag = output::duration(flush.lag_seconds);
    let batch =
        match flush.last_batch_number - flush.applied_batch_number.min(flush.last_batch_number) {
            0 => flush.last_batch_number.to_string(),
            behind => format!("{} (-{behind})", flush.last_batch_number),
        };
    let warn = |bad: bool| if bad { BAD } else { PLAIN };
    let line = |name: &str, value: &str, style| Line::styled(pair(name, value, width), style);
    vec![
        line("store", state, style),
        line("flush lag", &lag, warn(flush.lag_seconds >= LAG_SECONDS)),
        line("batch", &batch, PLAIN),
        line("journal", &output::bytes(flush.journal_bytes), warn(!flush.journal_writable)),
        line("pending rows", &flush.pending_rows.to_string(), PLAIN),
        line("dead letters", &flush.dead_letters.to_string(), warn(flush.dead_letters > 0)),
    ]
}
