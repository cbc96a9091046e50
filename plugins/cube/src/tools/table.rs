//! Tables as `column -t` lays them out: columns two blanks apart, the last one as long as it is.

/// The lines of a table. A cell is never empty and holds no blank.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row
            .iter()
            .enumerate()
            .map(|(n, cell)| if n == last { cell.clone() } else { format!("{cell:<width$}", width = widths[n]) });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["name", "type"], ["cube-a", "runc"], ["b", "--"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(super::lines(&rows), ["name    type", "cube-a  runc", "b       --"]);
        assert!(super::lines(&[]).is_empty());
    }
}
