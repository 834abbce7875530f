use std::io::Read;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::*;
use crate::top::model::tests::model;

const VARIABLE: &str = "MIKA_TEST_TOP_PANICS";
const NAME: &str = "top::screen::tests::a_panic_gives_the_terminal_back_before_it_is_told";

/// Runs itself once more, in a terminal, where it panics.
#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    if std::env::var_os(VARIABLE).is_some() {
        let mut screen = Screen::open().unwrap();
        screen.draw(&model()).unwrap();
        panic!("on purpose");
    }
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).unwrap();
    let settings = format!("{:?}", pty.master.get_termios());
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]);
    command.env(VARIABLE, "1");
    command.env("TERM", "xterm-256color");
    let mut output = pty.master.try_clone_reader().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // On Linux a terminal that has no program any more is an error.
        let _ = output.read_to_end(&mut bytes);
        bytes
    });
    let mut child = pty.slave.spawn_command(command).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(format!("{:?}", pty.master.get_termios()), settings);
    drop(pty.slave);
    let bytes = reader.join().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let (drawn, told) = (text.find("PEERS").unwrap(), text.find("on purpose").unwrap());
    let left = text.find("\x1b[?1049l").expect("the second screen was not left");
    assert!(drawn < left && left < told, "{text:?}");
    assert!(text.contains("\x1b[?25h"), "the cursor is hidden: {text:?}");
}
