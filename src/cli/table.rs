//! Tables for people: columns wide enough for Chinese, two spaces apart, no frame, so that other tools can
//! read them too.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

/// The longest cell, in characters; more is cut with an ellipsis.
const MAX_CELL: usize = 60;

/// Lays out a table. Control characters become spaces, so that a name from the network cannot move the cursor.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    lay_out(head, rows, MAX_CELL)
}

/// The same with nothing cut: for one thing looked at closely.
pub fn whole_table(head: &[&str], rows: &[Vec<String>]) -> String {
    lay_out(head, rows, usize::MAX)
}

fn lay_out(head: &[&str], rows: &[Vec<String>], most: usize) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head.iter().map(|h| h.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| clean(cell, most)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn clean(cell: &str, most: usize) -> String {
    let mut out: String = cell.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cell.chars().count() > most {
        out.pop();
        out.push('…');
    }
    if out.is_empty() {
        out.push('-');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_chinese_and_nothing_moves_the_cursor() {
        let text = table(
            &["id", "名称", "state"],
            &[
                vec!["core-1".into(), "核心交换机".into(), "up".into()],
                vec!["a\u{1b}[2J".into(), String::new(), "x".repeat(70)],
            ],
        );
        assert_eq!(
            text,
            format!("ID      名称        STATE\ncore-1  核心交换机  up\na [2J   -           {}…", "x".repeat(59))
        );
    }
}
