//! Bar charts with whiskers, as SVG.

use std::fmt::Write as _;

use super::statistics::Estimate;

/// A chart of bars in groups, one group below the other.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The line above it.
    pub title: String,
    /// What the bars of each group are, in order.
    pub series: Vec<String>,
    /// Groups with their bars.
    pub groups: Vec<(String, Vec<Estimate>)>,
    /// Where a line is drawn across, if anywhere.
    pub mark: Option<f64>,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 64.0;
const BAR: f64 = 16.0;
const GAP: f64 = 12.0;
const COLOURS: [&str; 4] = ["#2b7a4b", "#5b83b5", "#b8862b", "#8a5bb5"];
const INK: &str = "#222222";

impl Chart {
    /// The picture.
    pub fn svg(&self) -> String {
        let bars = |group: &(String, Vec<Estimate>)| group.1.len() as f64 * BAR + GAP;
        let height = TOP + self.groups.iter().map(bars).sum::<f64>() + 28.0;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" \
             role=\"img\">\n<title>{0}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"12\" y=\"24\" font-size=\"15\" fill=\"{INK}\">{0}</text>\n",
            escaped(&self.title)
        );
        self.legend(&mut out);
        let scale = (WIDTH - LEFT - RIGHT) / self.largest();
        let mut y = TOP;
        for (name, bars) in &self.groups {
            let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
            let name = escaped(name);
            text(&mut out, LEFT - 8.0, middle, "end", &name);
            for (bar, colour) in bars.iter().zip(COLOURS.iter().cycle()) {
                draw_bar(&mut out, y, bar, scale, colour);
                y += BAR;
            }
            y += GAP;
        }
        if let Some(mark) = self.mark {
            let x = LEFT + mark * scale;
            let _ = writeln!(
                out,
                "<path d=\"M{x:.1} {:.1}V{y:.1}\" stroke=\"{INK}\" stroke-dasharray=\"4 3\"/>",
                TOP - 6.0
            );
            text(&mut out, x, y + 12.0, "middle", &format!("{mark}"));
        }
        out.push_str("</svg>\n");
        out
    }

    fn legend(&self, out: &mut String) {
        let mut x = 12.0;
        for (name, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.0}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{colour}\"/>"
            );
            text(out, x + 17.0, 46.5, "start", &escaped(name));
            x += 40.0 + name.chars().count() as f64 * 7.0;
        }
    }

    fn largest(&self) -> f64 {
        let bars = self.groups.iter().flat_map(|(_, bars)| bars);
        let highs = bars.map(|bar| bar.high.max(bar.mean));
        highs.chain(self.mark).fold(1e-9, f64::max)
    }
}

fn draw_bar(out: &mut String, y: f64, bar: &Estimate, scale: f64, colour: &str) {
    let (width, low, high) = (bar.mean * scale, bar.low * scale, bar.high * scale);
    let (top, middle) = (y + 1.0, y + BAR / 2.0);
    let thick = BAR - 2.0;
    let _ = writeln!(
        out,
        "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{thick}\" \
         fill=\"{colour}\"/>\n\
         <path d=\"M{0:.1} {middle:.1}H{1:.1}\" stroke=\"{INK}\" fill=\"none\"/>",
        LEFT + low.max(0.0),
        LEFT + high
    );
    text(out, LEFT + high.max(width) + 6.0, middle + 4.5, "start", &format!("{:.2}", bar.mean));
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    // A string takes everything.
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{INK}\">{text}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_value_and_escapes_its_texts() {
        let bar = |mean| Estimate { mean, low: mean - 0.1, high: mean + 0.1 };
        let chart = Chart {
            title: "a < b".to_owned(),
            series: vec!["one".to_owned(), "other".to_owned()],
            groups: vec![("x".to_owned(), vec![bar(1.0), bar(0.5)])],
            mark: Some(1.0),
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("<rect").count(), 5, "two bars, two of the legend, the ground");
        assert!(svg.contains("<title>a &lt; b</title>"));
        assert!(svg.ends_with("</svg>\n"));
    }
}
