//! A terminal of its own for a program, with a screen that can be read.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use portable_pty::{Child, CommandBuilder, MasterPty, PtyPair, PtySize, native_pty_system};

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(30);

/// The lines of a screen, without blanks at their ends.
pub type Rows = Vec<String>;

/// A program in a terminal. It ends with the test.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    pty: PtyPair,
    settings_before: String,
}

impl Terminal {
    /// Runs the binary in a folder.
    pub fn start(folder: &Path, rows: u16, columns: u16, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mika"));
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env_remove("MIKA_TOKEN");
        let pty = native_pty_system().openpty(size(rows, columns)).unwrap();
        let settings_before = settings(&*pty.master);
        let child = pty.slave.spawn_command(command).unwrap();
        let (rows, columns) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let mut output = pty.master.try_clone_reader().unwrap();
        let keyboard = pty.master.take_writer().unwrap();
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Ends with an error when the terminal is closed.
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                shown.lock().process(&bytes[..length]);
            }
        });
        Self { child, keyboard, screen, pty, settings_before }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let (height, width) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        self.screen.lock().set_size(height, width);
        self.pty.master.resize(size(rows, columns)).unwrap();
    }

    pub fn rows(&self) -> Rows {
        self.look(|screen| {
            let (_, columns) = screen.size();
            screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
        })
    }

    /// Reads the screen as it is now.
    pub fn look<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> T {
        read(self.screen.lock().screen())
    }

    pub fn is_alternate(&self) -> bool {
        self.look(vt100::Screen::alternate_screen)
    }

    /// Waits until the screen is as expected.
    pub fn wait(&self, is_there: impl Fn(&Rows) -> bool) {
        self.wait_while(|| (), is_there);
    }

    /// The same, with something that is done all the time.
    pub fn wait_while(&self, mut work: impl FnMut(), is_there: impl Fn(&Rows) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.rows();
            if is_there(&rows) {
                return;
            }
            assert!(Instant::now() < deadline, "the screen is not as expected:\n{rows:#?}");
            work();
            std::thread::sleep(PAUSE);
        }
    }

    /// Sends a SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end of the program.
    pub fn exit_code(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it goes on:\n{:#?}", self.rows());
            std::thread::sleep(PAUSE);
        }
    }

    /// The first screen is back, with a cursor, and keys are shown again.
    pub fn assert_restored(&self) {
        // What the program wrote last may not have been read yet.
        let deadline = Instant::now() + PATIENCE;
        let is_restored = |screen: &vt100::Screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        };
        while !self.look(is_restored) && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
        }
        assert!(self.look(is_restored), "{:#?}", self.rows());
        assert_eq!(settings(&*self.pty.master), self.settings_before);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// Echo, lines and all that.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}
