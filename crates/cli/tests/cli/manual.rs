//! Completions and manual pages know every command.

use super::support::{mika, mika_in};

/// Every command, as its words: `client user add`. Read from the help texts.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(command) = waiting.pop() {
        let words: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = mika(&words).output;
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in lines.take_while(|line| !line.is_empty()) {
            // A long explanation goes on in lines that are indented further.
            let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) else {
                continue;
            };
            let name = name.split(' ').next().unwrap();
            if name != "help" {
                waiting.push([command.clone(), vec![name.to_owned()]].concat());
            }
        }
        if !command.is_empty() {
            found.push(command);
        }
    }
    assert!(found.len() > 80, "{}", found.len());
    found
}

#[test]
fn completions_know_every_command() {
    let shells = ["bash", "zsh", "fish"].map(|shell| {
        let run = mika(&["completions", shell]);
        assert_eq!(run.code, 0);
        (shell, run.output)
    });
    for command in commands() {
        for (shell, text) in &shells {
            let name = match *shell {
                "bash" => format!("mika__subcmd__{}", command.join("__subcmd__")),
                "zsh" => format!("_mika__subcmd__{}_commands", command.join("__subcmd__")),
                _ => format!("-a \"{}\"", command.last().unwrap()),
            };
            let dashed = name.replace('-', "__subcmd__");
            let is_known = text.contains(&name) || text.contains(&dashed);
            assert!(is_known, "{shell} does not know {command:?}: {name}");
        }
    }
    assert_eq!(mika(&["completions", "tcsh"]).code, 2);
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let script = mika(&["completions", "bash"]).output;
    std::fs::write(folder.path().join("mika.bash"), script).unwrap();
    let complete = |words: &str, word: &str, before: &str| {
        let command = format!(
            "set -e; source ./mika.bash; COMP_WORDS=(mika {words} '{word}'); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _mika mika '{word}' '{before}'; \
             echo \"${{COMPREPLY[@]}}\""
        );
        let output = std::process::Command::new("bash")
            .args(["--noprofile", "--norc", "-c", &command])
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete("client", "us", "client"), "user");
    assert_eq!(complete("client dead-letter", "re", "dead-letter"), "retry");
    assert_eq!(complete("client user set alice", "--new", "alice"), "--new-passkey");
    assert_eq!(complete("completions", "f", "completions"), "fish");
}

#[test]
fn every_command_has_a_manual_page_with_its_options() {
    let folder = tempfile::tempdir().unwrap();
    let run = mika_in(folder.path(), &[], &["man", "pages"]);
    assert_eq!((run.code, run.output.as_str()), (0, "the pages are in pages\n"));
    for command in commands() {
        let path = folder.path().join(format!("pages/mika-{}.1", command.join("-")));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {path:?}"));
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{path:?}");
    }
    let page = std::fs::read_to_string(folder.path().join("pages/mika-client-user-set.1")).unwrap();
    assert!(page.contains("\\-\\-new\\-passkey") && page.contains("\\-\\-ca\\-file"), "{page}");
    let whole = mika(&["man"]).output;
    assert!(whole.contains("mika\\-client(1)"), "{whole}");
}
