//! The report: one table for people, one line of JSON for programs.

use serde_json::{Map, Value, json};

/// What a scenario found. Rows with the same labels are rounds of one measurement.
#[derive(Debug)]
pub struct Report {
    scenario: &'static str,
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Row {
    labels: Vec<(&'static str, String)>,
    rounds: Vec<Vec<(&'static str, f64)>>,
}

impl Row {
    pub fn new<const N: usize>(labels: [(&'static str, String); N]) -> Self {
        Self {
            labels: labels.into(),
            rounds: vec![Vec::new()],
        }
    }

    /// Adds a figure; its unit is in its name.
    pub fn figure(mut self, name: &'static str, value: f64) -> Self {
        self.rounds[0].push((name, value));
        self
    }

    /// Each figure's value in all rounds, in ascending order.
    fn figures(&self) -> Vec<(&'static str, Vec<f64>)> {
        let names = self.rounds[0].iter().enumerate();
        names
            .map(|(column, (name, _))| {
                let mut values: Vec<_> = self.rounds.iter().map(|round| round[column].1).collect();
                values.sort_by(f64::total_cmp);
                (*name, values)
            })
            .collect()
    }
}

impl Report {
    pub fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn add(&mut self, row: Row) {
        match self
            .rows
            .iter_mut()
            .find(|known| known.labels == row.labels)
        {
            Some(known) => known.rounds.extend(row.rounds),
            None => self.rows.push(row),
        }
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn print(&self) {
        self.print_table();
        for note in &self.notes {
            println!("note: {note}");
        }
        println!("{}", self.json());
    }

    fn print_table(&self) {
        let Some(first) = self.rows.first() else {
            return;
        };
        let labels = first.labels.iter().map(|(name, _)| (*name).to_owned());
        let figures = first.figures().into_iter().map(|(name, _)| name.to_owned());
        let mut lines = vec![labels.chain(figures).collect::<Vec<_>>()];
        for row in &self.rows {
            let labels = row.labels.iter().map(|(_, label)| label.clone());
            let figures = row.figures().into_iter();
            lines.push(
                labels
                    .chain(figures.map(|(_, values)| rounded(median(&values))))
                    .collect(),
            );
        }
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
        let widths: Vec<_> = (0..lines[0].len()).filter_map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).enumerate();
            let cells: Vec<_> = cells
                .map(|(column, (cell, width))| {
                    if column < first.labels.len() {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            println!("{}", cells.join("  "));
        }
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let labels = row
                .labels
                .iter()
                .map(|(name, label)| ((*name).to_owned(), json!(label)));
            let figures = row.figures().into_iter().map(|(name, values)| {
                let spread = json!({
                    "median": median(&values), "min": values[0], "max": values[values.len() - 1],
                });
                (name.to_owned(), spread)
            });
            labels.chain(figures).collect::<Map<_, _>>()
        });
        json!({ "scenario": self.scenario, "rows": rows.collect::<Vec<_>>(), "notes": self.notes })
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

fn rounded(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
