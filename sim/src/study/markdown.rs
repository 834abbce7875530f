//! Tables in Markdown, and pages of the documents of which a study writes a part.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::svg::Chart;

/// Rows below a header.
pub(crate) fn table<Row: AsRef<[String]>>(header: &[&str], rows: &[Row]) -> String {
    let mut out = format!("| {} |\n|{}\n", header.join(" | "), " --- |".repeat(header.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.as_ref().join(" | "));
    }
    out.push('\n');
    out
}

/// Writes what a subcommand of `mika-sim` has found into its page below a directory of documents,
/// and its plots, each under the name of a file, into the directory of images.
///
/// # Errors
///
/// A file cannot be written, or the page has lost the markers of its generated part.
pub(crate) fn write_page<Name: AsRef<Path>>(
    docs: &Path,
    command: &str,
    generated: &str,
    charts: impl IntoIterator<Item = (Name, Chart)>,
) -> Result<()> {
    let path = docs.join(format!("{command}-study.md"));
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let page = put_between(&page, command, generated)
        .with_context(|| format!("{} has lost its markers", path.display()))?;
    for (name, chart) in charts {
        fs::write(docs.join("images").join(name), chart.svg())?;
    }
    Ok(fs::write(path, page)?)
}

/// Where the part of a page begins and ends that a subcommand writes.
fn markers(command: &str) -> [String; 2] {
    [
        format!("<!-- Begin: written by mika-sim {command} --write; edit that instead. -->"),
        format!("<!-- End of what mika-sim {command} --write wrote. -->"),
    ]
}

/// The page with its generated part replaced; `None` if it has not both markers.
fn put_between(page: &str, command: &str, generated: &str) -> Option<String> {
    let [begin, end] = markers(command);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{generated}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let [begin, end] = markers("selection");
        let page = format!("# Study\n\n{begin}\nold\n{end}\n\nafter\n");
        let new = put_between(&page, "selection", "new").unwrap();
        assert_eq!(new, format!("# Study\n\n{begin}\n\nnew\n\n{end}\n\nafter\n"));
        assert_eq!(put_between(&new, "selection", "new").unwrap(), new);
        assert!(put_between("no markers", "selection", "new").is_none());
        assert!(put_between(&page, "detection", "new").is_none());
    }

    #[test]
    fn a_table_is_markdown() {
        let rows = [["1".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["a", "b"], &rows), "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
    }
}
