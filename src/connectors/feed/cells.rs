//! The filled cells of one row, before anybody knows whether it will be written.

use std::borrow::Cow;

use super::format::{Row, Spec};

/// Values beside the positions of their columns, in the order of the columns. They are borrowed from the listing
/// where nothing in them had to be changed.
#[derive(Debug, Default)]
pub struct Cells<'a>(Vec<(usize, Cow<'a, str>)>);

impl<'a> Cells<'a> {
    /// Of a row that was read.
    pub fn of(row: &'a Row) -> Self {
        let cells = row.cells.iter().enumerate();
        let filled = cells.flat_map(|(position, values)| {
            let values = values.iter();
            values.map(move |value| (position, Cow::Borrowed(value.as_str())))
        });
        Self(filled.collect())
    }

    /// Replaces the values of a column; blank ones are left out.
    pub fn set(&mut self, position: usize, values: impl IntoIterator<Item = Cow<'a, str>>) {
        let start = self.0.partition_point(|(before, _)| *before < position);
        let length = self.0[start..]
            .iter()
            .take_while(|(at, _)| *at == position)
            .count();
        self.0.drain(start..start + length);
        let filled = values.into_iter().filter(|value| !value.is_empty());
        for (number, value) in filled.enumerate() {
            self.0.insert(start + number, (position, value));
        }
    }

    pub fn first(&self, position: usize) -> Option<&str> {
        let start = self.0.partition_point(|(before, _)| *before < position);
        let (at, value) = self.0.get(start)?;
        (*at == position).then_some(value)
    }

    /// The values of each column from the first to the last, however many there are.
    pub fn by_column(&self, columns: usize) -> impl Iterator<Item = &[(usize, Cow<'a, str>)]> {
        let mut rest = self.0.as_slice();
        (0..columns).map(move |position| {
            let length = rest.iter().take_while(|(at, _)| *at == position).count();
            let (values, behind) = rest.split_at(length);
            rest = behind;
            values
        })
    }

    pub fn into_row(self, spec: &Spec) -> Row {
        let mut row = Row::empty(spec);
        for (position, value) in self.0 {
            row.cells[position].push(value.into_owned());
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::META;
    use super::*;

    #[test]
    fn a_column_is_filled_again_or_emptied() {
        let mut cells = Cells::default();
        cells.set(5, ["a", "", "b"].map(Cow::from));
        cells.set(1, [Cow::from("title")]);
        cells.set(7, [Cow::from("price")]);
        cells.set(5, ["c", "d"].map(Cow::from));
        cells.set(7, [Cow::from("")]);
        assert_eq!((cells.first(5), cells.first(7)), (Some("c"), None));
        let counts: Vec<usize> = cells.by_column(9).map(<[_]>::len).collect();
        assert_eq!(counts, [0, 1, 0, 0, 0, 2, 0, 0, 0]);
        let row = cells.into_row(&META);
        assert_eq!(
            (row.first(1), &*row.cells[5]),
            (Some("title"), &["c".to_owned(), "d".to_owned()][..])
        );
        let again = Cells::of(&row).into_row(&META);
        assert_eq!(row, again);
    }
}
