//! A table that sorts, pages, selects and leaves as a file. The same cells make the page, the CSV and the XLSX.
//! In files every text is a text: nothing that begins with `=`, `+`, `-` or `@` is ever a formula.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use maud::{Markup, html};

use super::list::{Format, List, MAX_EXPORT};
use super::{form, icon, time};
use crate::console::api::problem::Problem;
use crate::console::web::cx::Cx;
use crate::console::web::text;
use crate::model::Wall;

/// What a cell holds, for files.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    /// Nothing.
    None,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// A time, shown in the console's zone.
    Time(Wall),
}

/// One cell: as the page shows it, and as a file holds it.
#[derive(Debug, Clone)]
pub struct Cell {
    shown: Markup,
    plain: Plain,
}

impl Cell {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: super::or_none(&text), plain: if text.is_empty() { Plain::None } else { Plain::Text(text) } }
    }
    /// A count, right-aligned by its column.
    pub fn count(n: u64) -> Self {
        Self { shown: html! { (super::number::count(n)) }, plain: Plain::Number(n as f64) }
    }
    /// A time.
    pub fn time(cx: &Cx, at: Option<Wall>) -> Self {
        Self { shown: time::maybe(cx, at), plain: at.map_or(Plain::None, Plain::Time) }
    }
    /// Markup for the page, something plain for files.
    pub fn of(shown: Markup, plain: Plain) -> Self {
        Self { shown, plain }
    }
    /// Markup for the page, text for files.
    pub fn html(shown: Markup, plain: impl Into<String>) -> Self {
        Self { shown, plain: Plain::Text(plain.into()) }
    }
    /// A value with its unit; `None` is a dash.
    pub fn value(shown: Option<String>, number: Option<f64>) -> Self {
        Self {
            shown: shown.map_or_else(super::none, |s| html! { (s) }),
            plain: number.map_or(Plain::None, Plain::Number),
        }
    }
}

/// How a column behaves.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name in the address, where it can order.
    pub sort: Option<&'static str>,
    /// Heading.
    pub title: &'static str,
    /// Numbers stand at the right.
    pub number: bool,
    /// Not shown on a phone.
    pub wide: bool,
    /// The first click orders the largest first: times, severities.
    pub down: bool,
}

impl Column {
    /// A column that cannot order.
    pub const fn new(title: &'static str) -> Self {
        Self { sort: None, title, number: false, wide: false, down: false }
    }
    /// A column that can.
    pub const fn sorted(sort: &'static str, title: &'static str) -> Self {
        Self { sort: Some(sort), title, number: false, wide: false, down: false }
    }
    /// Of numbers.
    pub const fn number(self) -> Self {
        Self { number: true, ..self }
    }
    /// Largest first at the first click.
    pub const fn down(self) -> Self {
        Self { down: true, ..self }
    }
    /// Only where there is room.
    pub const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    /// For selecting it.
    pub id: String,
    /// Class of the row, such as a severity; empty for none.
    pub class: &'static str,
    /// Cells, one a column.
    pub cells: Vec<Cell>,
}

/// What can be done with selected rows: buttons of one form, `name` of which says which was pressed.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// Where the form goes.
    pub action: String,
    /// What stands beside the buttons, such as a field for a comment.
    pub fields: Markup,
    /// Value of `do`, and label.
    pub buttons: Vec<(&'static str, &'static str)>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// How it was asked for.
    pub list: &'a List,
    /// What it shows, for readers that cannot see it.
    pub caption: &'a str,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows of this page.
    pub rows: Vec<Row>,
    /// Cursor of the next page.
    pub next: Option<String>,
    /// Rows in all, where that is known.
    pub total: Option<u64>,
    /// Shown instead when there are no rows.
    pub empty: Markup,
    /// What can be done with selected rows.
    pub bulk: Option<Bulk>,
}

impl Table<'_> {
    /// The table as part of a page.
    pub fn show(&self, cx: &Cx) -> Markup {
        if self.rows.is_empty() {
            return html! { (self.empty) @if self.list.after.is_some() { (self.pager(cx)) } };
        }
        match &self.bulk {
            None => {
                html! { div.scroll tabindex="0" role="region" aria-label=(self.caption) { (self.grid(cx, false)) } (self.pager(cx)) }
            }
            Some(bulk) => html! {
                form method="post" action=(bulk.action) data-bulk {
                    (form::csrf(cx))
                    input type="hidden" name="back" value=(self.list.url(&[]));
                    div.scroll tabindex="0" role="region" aria-label=(self.caption) { (self.grid(cx, true)) }
                    div.bulk {
                        span data-selected=(text::table_selected(cx.lang)) { (text::table_select_some(cx.lang)) }
                        (bulk.fields)
                        @for (value, label) in &bulk.buttons { button type="submit" name="do" value=(value) { (label) } }
                    }
                }
                (self.pager(cx))
            },
        }
    }

    fn grid(&self, cx: &Cx, select: bool) -> Markup {
        let class = |c: &Column| match (c.number, c.wide) {
            (true, true) => Some("number wide"),
            (true, false) => Some("number"),
            (false, true) => Some("wide"),
            (false, false) => None,
        };
        html! {
            table.grid {
                caption.unseen { (self.caption) }
                thead { tr {
                    @if select { th.select { input type="checkbox" data-all aria-label=(text::table_select_all(cx.lang)); } }
                    @for column in &self.columns { th scope="col" class=[class(column)] aria-sort=[column.sort.and_then(|sort| order(self.list, sort))] {
                        @match column.sort { Some(sort) => (sorter(cx, self.list, sort, column.title, column.down)), None => (column.title) }
                    } }
                } }
                tbody {
                    @for row in &self.rows {
                        tr id={ "r-" (row.id) } class=[(!row.class.is_empty()).then_some(row.class)] {
                            @if select { td.select { input type="checkbox" name="id" value=(row.id) aria-label=(text::table_select_one(cx.lang)); } }
                            @for (column, cell) in self.columns.iter().zip(&row.cells) {
                                td class=[class(column)] data-title=(column.title) { (cell.shown) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn pager(&self, cx: &Cx) -> Markup {
        let files = (!self.rows.is_empty()).then(|| {
            html! {
                span.files {
                    a href=(self.list.url(&[("format", "csv")])) download { "CSV" } " "
                    a href=(self.list.url(&[("format", "xlsx")])) download { "XLSX" }
                }
            }
        });
        pager(cx, self.list, self.rows.len(), self.total, self.next.as_deref(), files)
    }

    /// The table as the file that was asked for; `None` if a page was.
    pub fn file(&self, cx: &Cx, name: &str) -> Result<Option<Response>, Problem> {
        let stamp = time::plain(cx, cx.now).chars().filter(char::is_ascii_digit).take(14).collect::<String>();
        match self.list.format {
            Format::Html => Ok(None),
            Format::Csv => {
                let bytes = self.csv(cx);
                Ok(Some(download(bytes, "text/csv; charset=utf-8", &format!("{name}-{stamp}.csv"))))
            }
            Format::Xlsx => {
                let bytes = self.xlsx(cx)?;
                let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
                Ok(Some(download(bytes, kind, &format!("{name}-{stamp}.xlsx"))))
            }
        }
    }

    /// With a byte order mark, so that Excel takes it for UTF-8.
    fn csv(&self, cx: &Cx) -> Vec<u8> {
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::from("\u{feff}"));
        let titles = self.columns.iter().map(|c| inert(c.title));
        let mut written = out.write_record(titles);
        for row in &self.rows {
            let cells = row.cells.iter().map(|c| match &c.plain {
                Plain::None => String::new(),
                Plain::Text(text) => inert(text),
                Plain::Number(n) => n.to_string(),
                Plain::Time(at) => time::plain(cx, *at),
            });
            written = written.and_then(|()| out.write_record(cells));
        }
        debug_assert!(written.is_ok(), "a vector takes all");
        out.into_inner().unwrap_or_default()
    }

    fn xlsx(&self, cx: &Cx) -> Result<Vec<u8>, Problem> {
        use rust_xlsxwriter::{Format as Style, Workbook, XlsxError};
        let write = || -> Result<Vec<u8>, XlsxError> {
            let mut book = Workbook::new();
            let sheet = book.add_worksheet();
            let bold = Style::new().set_bold();
            for (at, column) in (0_u16..).zip(&self.columns) {
                sheet.write_string_with_format(0, at, column.title, &bold)?;
            }
            for (line, row) in (1_u32..).zip(&self.rows) {
                for (at, cell) in (0_u16..).zip(&row.cells) {
                    match &cell.plain {
                        Plain::None => continue,
                        Plain::Text(text) => sheet.write_string(line, at, cut(text))?,
                        Plain::Number(n) => sheet.write_number(line, at, *n)?,
                        Plain::Time(when) => sheet.write_string(line, at, time::plain(cx, *when))?,
                    };
                }
            }
            sheet.set_freeze_panes(1, 0)?;
            sheet.autofit();
            book.save_to_buffer()
        };
        write().map_err(|error| {
            tracing::error!(%error, "a table could not be written as XLSX");
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "无法生成 XLSX；请改用 CSV",
                "the XLSX file could not be made; take CSV instead",
            )
        })
    }
}

/// The heading of a column that orders: a link to the list in that order, or in the other direction.
pub fn sorter(cx: &Cx, list: &List, sort: &str, title: &str, down: bool) -> Markup {
    let here = sort == list.sort;
    let down = if here { !list.descending } else { down };
    let turned = if down { format!("-{sort}") } else { sort.to_owned() };
    html! {
        a href=(list.url(&[("sort", &turned)])) title=(text::table_sort(cx.lang)) {
            (title) @if here { " " (icon(if list.descending { "down" } else { "up" })) }
        }
    }
}

/// How a list is ordered by a column, for `aria-sort`.
pub fn order(list: &List, sort: &str) -> Option<&'static str> {
    (sort == list.sort).then_some(if list.descending { "descending" } else { "ascending" })
}

/// What stands below a list: how many there are, the way to the next page, and files.
pub fn pager(
    cx: &Cx,
    list: &List,
    rows: usize,
    total: Option<u64>,
    next: Option<&str>,
    files: Option<Markup>,
) -> Markup {
    let l = cx.lang;
    html! {
        div.pager {
            span {
                @match total {
                    Some(total) => (text::table_total(l, super::number::count(total))),
                    None => (text::table_rows(l, rows)),
                }
            }
            @if list.after.is_some() { a.button href=(list.url(&[])) { (text::table_first(l)) } }
            @if let Some(next) = next { a.button href=(list.url(&[("after", next)])) rel="next" { (text::table_next(l)) } }
            @if let Some(files) = files { (files) }
        }
    }
}

/// A cell of a spreadsheet holds 32,767 characters.
fn cut(text: &str) -> &str {
    text.char_indices().nth(32_767).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// A text that spreadsheet programs would take for a formula gets an apostrophe in front.
pub fn inert(text: &str) -> String {
    match text.trim_start().chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ if text.starts_with(['\t', '\r', '\n']) => format!("'{text}"),
        _ => text.to_owned(),
    }
}

/// A file to keep.
pub fn download(bytes: Vec<u8>, kind: &'static str, name: &str) -> Response {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '_' })
        .collect();
    let mut answer = Response::new(Body::from(bytes));
    let list = answer.headers_mut();
    list.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{safe}\"")) {
        list.insert(header::CONTENT_DISPOSITION, value);
    }
    answer
}

/// Says that a file holds only the first rows.
pub const fn export_limit() -> usize {
    MAX_EXPORT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_file_is_a_formula() {
        for (given, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1+1", "' =1+1"),
            ("\t=1", "'\t=1"),
            ("地区核心", "地区核心"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(inert(given), written);
        }
    }

    #[test]
    fn the_name_of_a_file_breaks_no_header() {
        let answer = download(Vec::new(), "text/csv", "a\"\r\nset-cookie: x.csv");
        assert_eq!(answer.headers()[header::CONTENT_DISPOSITION], "attachment; filename=\"a___set-cookie__x.csv\"");
    }
}
