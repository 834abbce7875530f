//! Compares the instruction counts of `benches/instructions.rs` with the checked-in reference and
//! fails when something has become dearer, or when an announce costs more in a large swarm.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use mika_bench::ANNOUNCES_PER_RUN;

/// More than this above its reference fails a benchmark.
const GROWTH_PERCENT_MAX: f64 = 3.0;

/// An announce in the largest swarm may cost this much of one in a small swarm, which has no index
/// and returns as many peers, of rows so near to each other that none is asked for in advance.
const SCALING_PERCENT_MAX: f64 = 115.0;
const SMALLEST: &str = "announce.want_15_of_17";
const LARGEST: &str = "announce.want_15_of_1m";

#[derive(Debug, Parser)]
#[command(about = "Fails when an operation costs more instructions than bench/instructions.toml")]
struct Arguments {
    /// Rewrite the reference instead of failing.
    #[arg(long)]
    update: bool,
    /// Read the benchmarks' JSON output from a file instead of running them.
    #[arg(long)]
    from: Option<PathBuf>,
}

/// Instructions per operation, by benchmark.
type Counts = BTreeMap<String, u64>;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let reference_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml");
    let output = match &arguments.from {
        Some(path) => std::fs::read_to_string(path)?,
        None => run_benchmarks()?,
    };
    let new = read_counts(&output)?;
    let rustc = rustc_version()?;
    if arguments.update {
        std::fs::write(&reference_path, reference_text(&rustc, &new))?;
        println!("wrote {} benchmarks to bench/instructions.toml", new.len());
        return Ok(ExitCode::SUCCESS);
    }
    let text = std::fs::read_to_string(&reference_path)
        .context("no bench/instructions.toml: run scripts/check-instructions --update")?;
    let reference: toml::Table = text.parse()?;
    if let Some(old) =
        reference.get("rustc").and_then(toml::Value::as_str).filter(|it| *it != rustc)
    {
        println!("note: the reference is of rustc {old}, this is {rustc}: counts may differ");
    }
    let mut failures = compare(&reference_counts(&reference)?, &new);
    failures.extend(scaling_failure(&new));
    failures.iter().for_each(|failure| println!("FAILED {failure}"));
    if failures.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "if this is meant: scripts/check-instructions --update, and say in the commit what it buys"
    );
    Ok(ExitCode::FAILURE)
}

/// Runs the benchmarks, several at once: they wait for nothing but the processor.
fn run_benchmarks() -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--locked", "--package", "mika-bench", "--bench", "instructions", "--"])
        .args(["--output-format=json", "--parallel=2"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the benchmarks have failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Reads one JSON object per line and benchmark.
fn read_counts(output: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let record: serde_json::Value = serde_json::from_str(line)?;
        let text = |name: &str| record.get(name).and_then(serde_json::Value::as_str);
        let function = text("function_name").context("a benchmark without a function")?;
        let name = format!("{function}.{}", text("id").unwrap_or("all"));
        let instructions = record
            .pointer("/profiles/0/data/total/metrics/Ir/values/new")
            .and_then(serde_json::Value::as_u64)
            .with_context(|| format!("{name} has no instruction count"))?;
        let operations = if function == "announce" { u64::from(ANNOUNCES_PER_RUN) } else { 1 };
        counts.insert(name, instructions.div_ceil(operations));
    }
    ensure!(!counts.is_empty(), "the benchmarks have printed no counts");
    Ok(counts)
}

fn rustc_version() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    let version = String::from_utf8(output.stdout)?;
    Ok(version.split_whitespace().nth(1).context("rustc names no version")?.to_owned())
}

fn reference_text(rustc: &str, counts: &Counts) -> String {
    let mut text = format!(
        "# Instructions per operation on x86-64, counted by callgrind.\n\
         # Written by scripts/check-instructions --update.\nrustc = \"{rustc}\"\n\n[instructions]\n"
    );
    for (name, count) in counts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\"{name}\" = {count}");
    }
    text
}

fn reference_counts(reference: &toml::Table) -> Result<Counts> {
    let table = reference.get("instructions").and_then(toml::Value::as_table);
    let table = table.context("bench/instructions.toml has no table [instructions]")?;
    let count = |(name, value): (&String, &toml::Value)| {
        let count = value.as_integer().and_then(|count| u64::try_from(count).ok());
        Ok((name.clone(), count.with_context(|| format!("{name} is not a count"))?))
    };
    table.iter().map(count).collect()
}

/// Prints all counts and returns what is wrong with them.
fn compare(reference: &Counts, new: &Counts) -> Vec<String> {
    let mut failures = Vec::new();
    println!("{:<40} {:>9} {:>9} {:>8}", "instructions per operation", "reference", "now", "");
    for (name, count) in new {
        let Some(old) = reference.get(name) else {
            println!("{name:<40} {:>9} {count:>9}", "-");
            failures.push(format!("{name} has no reference"));
            continue;
        };
        let growth_percent = percent(*count, *old) - 100.0;
        println!("{name:<40} {old:>9} {count:>9} {growth_percent:>+7.2}%");
        if growth_percent > GROWTH_PERCENT_MAX {
            failures.push(format!("{name} costs {growth_percent:.2} % more"));
        }
    }
    let gone = reference.keys().filter(|name| !new.contains_key(*name));
    failures.extend(gone.map(|name| format!("{name} was not measured")));
    failures
}

fn scaling_failure(counts: &Counts) -> Option<String> {
    let (Some(smallest), Some(largest)) = (counts.get(SMALLEST), counts.get(LARGEST)) else {
        return Some(format!("{SMALLEST} and {LARGEST} are needed to judge the scaling"));
    };
    let scaling_percent = percent(*largest, *smallest);
    println!("{LARGEST} is {scaling_percent:.1} % of {SMALLEST}");
    (scaling_percent > SCALING_PERCENT_MAX)
        .then(|| format!("an announce costs {scaling_percent:.1} % in the largest swarm"))
}

fn percent(part: u64, of: u64) -> f64 {
    part as f64 * 100.0 / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn three_percent_more_pass_and_a_little_above_fails() {
        let reference = counts(&[("a", 1000), ("b", 1000)]);
        let failures = compare(&reference, &counts(&[("a", 1030), ("b", 1031)]));
        assert_eq!(failures, ["b costs 3.10 % more"]);
    }

    #[test]
    fn a_benchmark_that_is_new_or_gone_fails() {
        let failures = compare(&counts(&[("old", 1)]), &counts(&[("new", 1)]));
        assert_eq!(failures, ["new has no reference", "old was not measured"]);
    }

    #[test]
    fn a_tenth_more_in_the_largest_swarm_passes_and_a_little_above_fails() {
        assert_eq!(scaling_failure(&counts(&[(SMALLEST, 1000), (LARGEST, 1150)])), None);
        let failure = scaling_failure(&counts(&[(SMALLEST, 1000), (LARGEST, 1151)]));
        assert_eq!(failure.as_deref(), Some("an announce costs 115.1 % in the largest swarm"));
    }

    #[test]
    fn announces_are_counted_each_and_the_reference_comes_back() {
        let line = r#"{"function_name":"announce","id":"x","profiles":[{"data":{"total":{"metrics":
            {"Ir":{"values":{"new":1600}}}}}}]}"#;
        let read = read_counts(&line.replace('\n', " ")).unwrap();
        assert_eq!(read, counts(&[("announce.x", 100)]));
        let reference = reference_text("1.0.0", &read).parse().unwrap();
        assert_eq!(reference_counts(&reference).unwrap(), read);
    }
}
