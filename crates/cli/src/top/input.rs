//! What a key means.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Lines that a page key moves.
const PAGE: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Quit,
    NextColumn,
    PreviousColumn,
    Reverse,
    Pause,
    Help,
    Up(usize),
    Down(usize),
    /// Nothing of its own; it takes the help away.
    Other,
}

/// The keys, for people.
pub const HELP: [(&str, &str); 8] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("s, →", "sort by the next column"),
    ("←", "sort by the column before"),
    ("S", "turn the order round"),
    ("↑ ↓", "move through the swarms"),
    ("PgUp PgDn Home End", "the same, faster"),
    ("p, space", "pause, and go on"),
    ("?, h", "this help"),
];

/// What is to be done about an event; `None` of one that is no key, for which the screen is drawn
/// again and no more.
pub fn action(event: &Event) -> Option<Action> {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else { return None };
    if *kind == KeyEventKind::Release {
        return None;
    }
    if modifiers.contains(KeyModifiers::CONTROL) {
        let quits = *code == KeyCode::Char('c');
        return Some(if quits { Action::Quit } else { Action::Other });
    }
    Some(match code {
        KeyCode::Char('q') | KeyCode::Esc => Action::Quit,
        KeyCode::Char('s') | KeyCode::Right => Action::NextColumn,
        KeyCode::Left => Action::PreviousColumn,
        KeyCode::Char('S') => Action::Reverse,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('?' | 'h') => Action::Help,
        KeyCode::Up | KeyCode::Char('k') => Action::Up(1),
        KeyCode::Down | KeyCode::Char('j') => Action::Down(1),
        KeyCode::PageUp => Action::Up(PAGE),
        KeyCode::PageDown => Action::Down(PAGE),
        KeyCode::Home => Action::Up(usize::MAX),
        KeyCode::End => Action::Down(usize::MAX),
        _ => Action::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Action> {
        action(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_mean_what_the_help_says() {
        let plain = |code| key(code, KeyModifiers::NONE);
        assert_eq!(plain(KeyCode::Char('q')), Some(Action::Quit));
        assert_eq!(plain(KeyCode::Char('s')), Some(Action::NextColumn));
        assert_eq!(key(KeyCode::Char('S'), KeyModifiers::SHIFT), Some(Action::Reverse));
        assert_eq!(plain(KeyCode::Left), Some(Action::PreviousColumn));
        assert_eq!(plain(KeyCode::Char('p')), Some(Action::Pause));
        assert_eq!(plain(KeyCode::Char('?')), Some(Action::Help));
        assert_eq!(plain(KeyCode::PageDown), Some(Action::Down(10)));
        assert_eq!(plain(KeyCode::Char('x')), Some(Action::Other));
    }

    #[test]
    fn control_and_c_quits_and_control_with_others_does_nothing() {
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::Quit));
        assert_eq!(key(KeyCode::Char('s'), KeyModifiers::CONTROL), Some(Action::Other));
        assert_eq!(action(&Event::Resize(80, 24)), None);
    }
}
