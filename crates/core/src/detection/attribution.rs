//! Who reports too much: robust non-negative least squares over all closed epochs.
//!
//! Each epoch is a row: its excess is what users' fake upload, and downloads they did not report,
//! add up to. `x_c` in 0..=1 is the fake part of all that user `c` says to have uploaded, or the
//! part received in silence of all that `c` could have received:
//!
//! `minimise Σ_e Huber((y_e − Σ_c x_c·A_ec) / σ_e) + ½·RIDGE·Σ_c x_c²`
//!
//! by coordinate descent, the weights of large residuals reduced and found again five times.

/// One epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Excess in bytes.
    pub(super) excess: f64,
    /// One standard deviation of it, in bytes.
    pub(super) sigma: f64,
}

/// What one column has in one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) row: u32,
    pub(super) column: u32,
    /// Bytes.
    pub(super) amount: f64,
}

/// Residuals above so many standard deviations count no longer by their square.
pub(super) const HUBER: f64 = 3.0;
/// What no row says more than: in standard deviations.
const AMOUNT_CLIP: f64 = 6.0;
/// Keeps columns that nothing tells apart from moving without end.
const RIDGE: f64 = 1e-3;
const ROUNDS: usize = 5;
const SWEEPS: usize = 60;
/// Sweeps over columns that changed in the last sweep over all.
const SWEEPS_OF_MOVING: usize = 6;
const CLOSE_ENOUGH: f64 = 1e-5;

/// Huber's loss of a residual in standard deviations.
pub(super) fn huber(residual: f64) -> f64 {
    let size = residual.abs();
    if size <= HUBER { size * size / 2.0 } else { HUBER * (size - HUBER / 2.0) }
}

fn weight(residual: f64) -> f64 {
    (HUBER / residual.abs().max(HUBER)).min(1.0)
}

/// A system and its solution so far.
#[derive(Debug)]
pub(super) struct System {
    rows: Vec<Row>,
    /// Sorted by column; amounts in standard deviations of their rows.
    by_column: Vec<Cell>,
    column_starts: Vec<u32>,
    /// Columns of each row.
    by_row: Vec<u32>,
    row_starts: Vec<u32>,
    /// Of each column.
    pub(super) fractions: Vec<f64>,
    /// Of each row, in standard deviations.
    residuals: Vec<f64>,
    weights: Vec<f64>,
}

/// What one row tells of a column; residuals in standard deviations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) row: u32,
    /// Bytes of the column in the row.
    pub(super) amount: f64,
    /// One standard deviation of the row in bytes.
    pub(super) sigma: f64,
    /// The residual if there were no such column.
    pub(super) without: f64,
    /// The residual as it is.
    pub(super) with: f64,
    /// What would be left if all that the column has in the row were fake: nobody adds the same
    /// part everywhere.
    pub(super) left: f64,
}

/// How well a column is needed.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    /// The part that is fake.
    pub(super) fraction: f64,
    /// Its distance from zero in standard deviations: the smaller one of
    /// `x·√Σ min(√w·A/σ, 6)²` and `√(2·Δ)`, where Δ is how much larger the loss is without it.
    pub(super) z: f64,
    /// The same for the earlier and the later rows, by the second formula.
    pub(super) z_halves: [f64; 2],
    /// Of the loss without it in rows that speak for it, the part that it cannot explain.
    pub(super) unexplained: f64,
    /// Of each row of the column.
    pub(super) rows: Vec<Told>,
}

impl System {
    pub(super) fn new(rows: Vec<Row>, mut cells: Vec<Cell>, columns: usize) -> Self {
        cells.retain(|cell| (cell.column as usize) < columns && (cell.row as usize) < rows.len());
        for cell in &mut cells {
            let sigma = rows.get(cell.row as usize).map_or(1.0, |row| row.sigma);
            cell.amount /= sigma;
        }
        cells.sort_by_key(|cell| cell.row);
        let row_starts = starts(cells.iter().map(|cell| cell.row), rows.len());
        let by_row = cells.iter().map(|cell| cell.column).collect();
        cells.sort_by_key(|cell| cell.column);
        let column_starts = starts(cells.iter().map(|cell| cell.column), columns);
        let residuals = rows.iter().map(|row| row.excess / row.sigma).collect();
        let weights = vec![1.0; rows.len()];
        let fractions = vec![0.0; columns];
        Self {
            rows,
            by_column: cells,
            column_starts,
            by_row,
            row_starts,
            fractions,
            residuals,
            weights,
        }
    }

    fn cells(&self, column: u32) -> &[Cell] {
        range_of(&self.column_starts, column)
            .and_then(|range| self.by_column.get(range))
            .unwrap_or_default()
    }

    fn columns_of(&self, row: u32) -> &[u32] {
        range_of(&self.row_starts, row).and_then(|range| self.by_row.get(range)).unwrap_or_default()
    }

    fn fraction(&self, column: u32) -> f64 {
        self.fractions.get(column as usize).copied().unwrap_or(0.0)
    }

    pub(super) fn solve(&mut self) {
        let all: Vec<u32> = (0..self.fractions.len() as u32).collect();
        for _ in 0..ROUNDS {
            self.reweigh();
            self.descend(&all, SWEEPS);
        }
        self.reweigh();
    }

    fn reweigh(&mut self) {
        let weights = self.weights.iter_mut().zip(&self.residuals);
        weights.for_each(|(to, residual)| *to = weight(*residual));
    }

    /// Sweeps over some columns until none changes any more. Most never do, so that after each
    /// sweep over all of them there are some over those that did.
    fn descend(&mut self, columns: &[u32], sweeps: usize) {
        let mut moving: Vec<u32> = Vec::new();
        for _ in 0..sweeps.div_ceil(SWEEPS_OF_MOVING) {
            moving.clear();
            for column in columns {
                if self.improve(*column) >= CLOSE_ENOUGH {
                    moving.push(*column);
                }
            }
            for _ in 0..SWEEPS_OF_MOVING {
                let mut largest: f64 = 0.0;
                for column in &moving {
                    largest = largest.max(self.improve(*column));
                }
                if largest < CLOSE_ENOUGH {
                    break;
                }
            }
            if moving.is_empty() {
                return;
            }
        }
    }

    /// Sets one column to its best value, all others as they are; returns the change.
    fn improve(&mut self, column: u32) -> f64 {
        let old = self.fraction(column);
        let (mut slope, mut curvature) = (0.0, RIDGE);
        for cell in self.cells(column) {
            let row = cell.row as usize;
            let residual = self.residuals.get(row).copied().unwrap_or(0.0);
            let weight = self.weights.get(row).copied().unwrap_or(0.0);
            slope += weight * cell.amount * (residual + cell.amount * old);
            curvature += weight * cell.amount * cell.amount;
        }
        let new = (slope / curvature).clamp(0.0, 1.0);
        self.set(column, new);
        (new - old).abs()
    }

    fn set(&mut self, column: u32, fraction: f64) {
        let change = fraction - self.fraction(column);
        if change == 0.0 {
            return;
        }
        let Some(range) = range_of(&self.column_starts, column) else { return };
        for cell in self.by_column.get(range).unwrap_or_default() {
            if let Some(residual) = self.residuals.get_mut(cell.row as usize) {
                *residual -= cell.amount * change;
            }
        }
        if let Some(place) = self.fractions.get_mut(column as usize) {
            *place = fraction;
        }
    }

    /// `x·√Σ min(√w·A/σ, 6)²`: how far a column is from zero, if nothing else could explain it.
    pub(super) fn z_plain(&self, column: u32) -> f64 {
        let information: f64 = self
            .cells(column)
            .iter()
            .map(|cell| {
                let weight = self.weights.get(cell.row as usize).copied().unwrap_or(0.0);
                (weight.sqrt() * cell.amount).min(AMOUNT_CLIP).powi(2)
            })
            .sum();
        self.fraction(column) * information.sqrt()
    }

    /// What it takes to do without a column: it is set to zero, and those that share rows with it
    /// explain as much as they can instead, but for those of the same user, which is no excuse.
    /// `is_later` tells which rows are of the later half.
    pub(super) fn prove(
        &mut self,
        column: u32,
        is_same_user: impl Fn(u32) -> bool,
        is_later: impl Fn(u32) -> bool,
    ) -> Proof {
        let z_plain = self.z_plain(column);
        let fraction = self.fraction(column);
        let rows: Vec<u32> = self.cells(column).iter().map(|cell| cell.row).collect();
        let mut others: Vec<u32> =
            rows.iter().flat_map(|row| self.columns_of(*row)).copied().collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|other| *other != column && !is_same_user(*other));
        let mut touched: Vec<u32> =
            others.iter().flat_map(|other| self.cells(*other)).map(|cell| cell.row).collect();
        touched.extend(&rows);
        touched.sort_unstable();
        touched.dedup();
        let before = self.residuals_of(&touched);
        let kept: Vec<f64> = others.iter().map(|other| self.fraction(*other)).collect();
        let weights = self.weights.clone();

        self.set(column, 0.0);
        for _ in 0..2 {
            self.descend(&others, SWEEPS / 2);
            self.reweigh();
        }
        let without = self.residuals_of(&touched);

        others.iter().zip(kept).for_each(|(other, fraction)| self.set(*other, fraction));
        self.set(column, fraction);
        self.weights = weights;

        let mut gains = [0.0, 0.0];
        let mut proof_rows = Vec::with_capacity(rows.len());
        for ((row, with), without) in touched.iter().zip(before).zip(without) {
            let gain = huber(without) - huber(with);
            let [earlier, later] = &mut gains;
            *(if is_later(*row) { later } else { earlier }) += gain;
            if rows.binary_search(row).is_ok() {
                let (amount, sigma) = (self.amount(*row, column), self.sigma(*row));
                let more = (1.0 - fraction) * amount / sigma;
                let left = if with > 0.0 { (with - more).max(0.0) } else { with };
                proof_rows.push(Told { row: *row, amount, sigma, without, with, left });
            }
        }
        let z_of = |gain: f64| (2.0 * gain.max(0.0)).sqrt();
        let [earlier, later] = gains;
        Proof {
            fraction,
            z: z_plain.min(z_of(earlier + later)),
            z_halves: [z_of(earlier), z_of(later)],
            unexplained: unexplained(&proof_rows),
            rows: proof_rows,
        }
    }

    fn residuals_of(&self, rows: &[u32]) -> Vec<f64> {
        let residual = |row: &u32| self.residuals.get(*row as usize).copied().unwrap_or(0.0);
        rows.iter().map(residual).collect()
    }

    #[cfg(test)]
    pub(super) fn loss(&self) -> f64 {
        self.residuals.iter().copied().map(huber).sum()
    }

    /// What a column has in a row, in bytes.
    fn amount(&self, row: u32, column: u32) -> f64 {
        let cells = self.cells(column).iter().filter(|cell| cell.row == row);
        cells.map(|cell| cell.amount).sum::<f64>() * self.sigma(row)
    }

    /// One standard deviation of a row, in bytes.
    fn sigma(&self, row: u32) -> f64 {
        self.rows.get(row as usize).map_or(1.0, |row| row.sigma)
    }
}

/// A row that the column makes likelier by less does not speak for it.
const SPEAKS_NATS: f64 = 0.5;

/// Of the loss of all rows that speak for a column, the part that it cannot explain even if all of
/// it were fake: much is left where somebody else made up what the column happens to be near.
fn unexplained(rows: &[Told]) -> f64 {
    let speaking = rows.iter().filter(|it| huber(it.without) - huber(it.with) >= SPEAKS_NATS);
    let (without, left) =
        speaking.fold((0.0, 0.0), |sum, it| (sum.0 + huber(it.without), sum.1 + huber(it.left)));
    if without > 0.0 { left / without } else { 1.0 }
}

/// Where the cells of each key begin, of cells that are sorted by it.
fn starts(keys: impl Iterator<Item = u32>, count: usize) -> Vec<u32> {
    let mut starts = vec![0u32; count + 1];
    for key in keys {
        if let Some(next) = starts.get_mut(key as usize + 1) {
            *next += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

fn range_of(starts: &[u32], key: u32) -> Option<std::ops::Range<usize>> {
    let from = *starts.get(key as usize)?;
    let to = *starts.get(key as usize + 1)?;
    Some(from as usize..to as usize)
}

#[cfg(test)]
mod tests;
