//! `mika completions` and `mika man`: what shells and `man` are told about the commands.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command, ValueEnum};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::output;

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell; its own manual says where the file belongs.
    shell: KnownShell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KnownShell {
    /// `mika completions bash > /etc/bash_completion.d/mika`
    Bash,
    /// `mika completions zsh > /usr/local/share/zsh/site-functions/_mika`
    Zsh,
    /// `mika completions fish > ~/.config/fish/completions/mika.fish`
    Fish,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// Directory for a page per command, such as /usr/local/share/man/man1; it is made if it is
    /// not there. Without it the page of `mika` itself is printed.
    dir: Option<PathBuf>,
}

impl CompletionsArguments {
    pub fn run(self, mut command: Command) -> anyhow::Result<ExitCode> {
        let shell = match self.shell {
            KnownShell::Bash => Shell::Bash,
            KnownShell::Zsh => Shell::Zsh,
            KnownShell::Fish => Shell::Fish,
        };
        let mut text = Vec::new();
        generate(shell, &mut command, "mika", &mut text);
        output::print(&String::from_utf8_lossy(&text))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ManArguments {
    pub fn run(self, command: Command) -> anyhow::Result<ExitCode> {
        let Some(dir) = self.dir else {
            let mut page = Vec::new();
            Man::new(command.disable_help_subcommand(true)).render(&mut page)?;
            output::print(&String::from_utf8_lossy(&page))?;
            return Ok(ExitCode::SUCCESS);
        };
        let failed = || format!("the pages cannot be written to {}", dir.display());
        std::fs::create_dir_all(&dir).with_context(failed)?;
        clap_mangen::generate_to(command, &dir).with_context(failed)?;
        output::print(&format!("the pages are in {}\n", dir.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
