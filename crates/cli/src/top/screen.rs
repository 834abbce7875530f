//! The terminal, which is left as it was however the program ends.

use std::io;

use anyhow::Context;
use ratatui::DefaultTerminal;

use super::draw;
use super::model::Model;

/// A terminal in raw mode, on its second screen. Dropping it restores it; a panic does, too, before
/// it says anything.
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    pub fn open() -> anyhow::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                // It may have got halfway.
                restore();
                Err(error).context("the terminal cannot be used: --once prints one frame")
            }
        }
    }

    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| draw::draw(frame, model)).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// A terminal that has gone, as after a hang-up, need not be restored.
fn restore() {
    let _ = ratatui::try_restore();
    let _ = crossterm::execute!(io::stdout(), crossterm::cursor::Show);
}

#[cfg(test)]
mod tests;
