//! What people read: aligned tables, sizes, durations.

use std::io::{self, Write};

/// Writes to standard output.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// A text without what would steer a terminal; line breaks stay.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Rows of cells with a header, aligned in columns.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Column {
    title: &'static str,
    is_number: bool,
}

impl Table {
    /// A table with these columns; a title that begins with `#` stands above numbers.
    pub fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('#') {
            Some(title) => Column { title, is_number: true },
            None => Column { title, is_number: false },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let one_line = |cell: String| printable(&cell).replace('\n', "\u{fffd}");
        self.rows.push(cells.into_iter().map(one_line).collect());
    }

    /// The table as text, or `nothing` if it has no rows.
    pub fn render(&self, nothing: &str) -> String {
        if self.rows.is_empty() { format!("{nothing}\n") } else { self.render_part(true) }
    }

    /// The rows as text, with or without a header.
    pub fn render_part(&self, with_header: bool) -> String {
        let titles: Vec<_> = self.columns.iter().map(|column| column.title.to_owned()).collect();
        let lines = || with_header.then_some(&titles).into_iter().chain(&self.rows);
        let width = |index: usize| {
            lines().filter_map(|line| line.get(index)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<_> = (0..self.columns.len()).map(|at| width(at).unwrap_or(0)).collect();
        let mut text = String::new();
        for line in lines() {
            let cells = line.iter().zip(&self.columns).zip(&widths);
            let cells: Vec<_> = cells
                .map(|((cell, column), width)| match column.is_number {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:<width$}"),
                })
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// One record: a line per field, the names aligned.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let value = printable(value).replace('\n', "\u{fffd}");
        format!("{}\n", format!("{name:<width$}  {value}").trim_end())
    };
    fields.iter().map(line).collect()
}

/// An amount in the unit that leaves up to four digits before the point.
pub fn bytes(amount: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if amount < 1024 {
        return format!("{amount} B");
    }
    let mut value = amount as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.2} {unit}")
}

/// A duration in its two largest units.
pub fn duration(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// `yes` or `no`.
pub fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// Upload over download.
pub fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// Something that may be missing.
pub fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let mut table = Table::new(&["#ID", "NAME", "#UP"]);
        table.row(["7".to_owned(), "zoë".to_owned(), "1 B".to_owned()]);
        table.row(["1234".to_owned(), "a".to_owned(), "10 B".to_owned()]);
        let expected = "  ID  NAME    UP\n   7  zoë    1 B\n1234  a     10 B\n";
        assert_eq!(table.render("none"), expected);
        assert_eq!(Table::new(&["ID"]).render("no users"), "no users\n");
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        let mut table = Table::new(&["NAME"]);
        table.row(["\u{1b}[2Jx\ny".to_owned()]);
        assert_eq!(table.render(""), "NAME\n\u{fffd}[2Jx\u{fffd}y\n");
    }

    #[test]
    fn sizes_and_durations_are_short() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.50 KiB");
        assert_eq!(bytes(u64::MAX), "16.00 EiB");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(3_725), "1 h 2 min");
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
