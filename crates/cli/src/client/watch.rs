//! `--watch`: what a command prints, again and again, on one screen.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::{Args, value_parser};
use mika_client::Error;

use super::session::Session;
use crate::{output, time};

#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Watch {
    /// Print it again every so many seconds [default: 2], as much of it as the terminal shows.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = value_parser!(u32).range(1..=86_400),
    )]
    watch: Option<u32>,
    /// Stop after so many times.
    #[arg(long, value_name = "NUMBER", requires = "watch")]
    times: Option<u32>,
}

/// What is printed while it is watched, up to the size of the screen.
#[derive(Debug)]
pub(super) struct Frame {
    lines_max: usize,
    columns_max: usize,
    text: RefCell<String>,
}

impl Frame {
    fn new(lines: u16, columns: u16) -> Self {
        let text = RefCell::default();
        Self { lines_max: lines.max(2).into(), columns_max: columns.max(10).into(), text }
    }

    /// Rows of a list that are worth asking for.
    pub(super) fn lines_max(&self) -> usize {
        self.lines_max
    }

    /// Takes text in, and forgets what is far below the end of the screen.
    pub(super) fn write(&self, text: &str) {
        let mut kept = self.text.borrow_mut();
        if kept.lines().count() <= self.lines_max {
            kept.push_str(text);
        }
    }

    /// The screen, and an empty one for the next time.
    fn take(&self, head: &str) -> String {
        let text = self.text.take();
        let cut = |line: &str| line.chars().take(self.columns_max).collect::<String>();
        let lines = [head].into_iter().chain(text.lines()).take(self.lines_max);
        // Each line ends with "erase to the end of the line", the last with "and all below".
        let lines: Vec<_> = lines.map(cut).collect();
        format!("\u{1b}[H{}\u{1b}[K\u{1b}[J", lines.join("\u{1b}[K\n"))
    }
}

impl Watch {
    /// Prints once, or as often as was said.
    pub async fn repeat(
        self,
        session: &Session,
        show: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(seconds) = self.watch else { return show().await };
        let is_terminal = io::stdout().is_terminal();
        if is_terminal {
            output::print("\u{1b}[2J")?;
        }
        for round in 0..self.times.unwrap_or(u32::MAX) {
            if round > 0 {
                tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            }
            if is_terminal {
                let (lines, columns) = console::Term::stdout().size();
                session.begin_frame(Frame::new(lines, columns));
            }
            let shown = show().await;
            let now = u32::try_from(time::now_seconds()).unwrap_or(u32::MAX);
            let mut head = format!("every {seconds} s, {}", time::format(now));
            match shown {
                // It comes back; the first time it has to be there.
                Err(error) if round > 0 && is_unreachable(&error) => {
                    head = format!("{head}: {}", output::printable(&error.to_string()));
                    if !is_terminal {
                        eprintln!("mika: {head}");
                    }
                }
                other => other?,
            }
            if let Some(frame) = session.end_frame() {
                output::print(&frame.take(&head))?;
            }
        }
        if is_terminal { Ok(output::print("\n")?) } else { Ok(()) }
    }
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Error>(), Some(Error::Unreachable { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_no_larger_than_the_screen() {
        let frame = Frame::new(3, 10);
        frame.write("0123456789abc\nb\n");
        frame.write("c\nd\n");
        frame.write("e\n");
        let expected = "\u{1b}[Hhead\u{1b}[K\n0123456789\u{1b}[K\nb\u{1b}[K\u{1b}[J";
        assert_eq!(frame.take("head"), expected);
        assert_eq!(frame.take("head"), "\u{1b}[Hhead\u{1b}[K\u{1b}[J");
    }

    #[test]
    fn what_nobody_sees_is_not_kept() {
        let frame = Frame::new(5, 80);
        for _ in 0..1000 {
            frame.write("line\n");
        }
        assert_eq!(frame.text.borrow().lines().count(), 6);
    }
}
