//! A question before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use super::session::Session;

impl Session {
    /// Asks a person whether to go on. A program, whose input or whose error output is no
    /// terminal, is not asked, nor is who said `--yes`.
    ///
    /// # Errors
    ///
    /// When the answer is not yes.
    pub fn confirm(&self, what: &str) -> anyhow::Result<()> {
        let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal();
        if self.is_sure() || !is_asked {
            return Ok(());
        }
        let mut question = io::stderr().lock();
        write!(question, "{} [y/N] ", crate::output::printable(what))?;
        question.flush()?;
        if is_yes(io::stdin().lock())? {
            return Ok(());
        }
        anyhow::bail!("nothing was done")
    }
}

fn is_yes(mut input: impl BufRead) -> io::Result<bool> {
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (answer, expected) in
            [("y\n", true), ("Yes\n", true), ("\n", false), ("", false), ("no\n", false)]
        {
            assert_eq!(is_yes(answer.as_bytes()).unwrap(), expected, "{answer:?}");
        }
    }
}
