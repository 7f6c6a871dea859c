//! Every component once, with a lot in it and with nothing, in the reader's language, for those who build pages.
//! The samples are hostile on purpose: long, with markup in them, and with what a spreadsheet takes for a formula.

use maud::{Markup, html};

use crate::console::store::strip::Quarter;
use crate::console::web::cx::{Answer, Cx};
use crate::console::web::lang::Lang;
use crate::console::web::layout::{self, Place};
use crate::console::web::ui::form::{self, Field};
use crate::console::web::ui::list::{Key, List};
use crate::console::web::ui::table::{Bulk, Cell, Column, Row, Table};
use crate::console::web::ui::{self, Tone, badge, chart, number, strip, time};
use crate::engine::expose::Reach;
use crate::model::incident::{Flags, IncidentState};
use crate::model::{Object, Severity, Wall};

const TONES: [Tone; 4] = [Tone::Good, Tone::Info, Tone::Warn, Tone::Bad];
/// All drawings there are, and one that is none.
const ICONS: [&str; 28] = [
    "dot",
    "ring",
    "tick",
    "cross",
    "warn",
    "info",
    "octagon",
    "triangle",
    "diamond",
    "square",
    "half",
    "dash",
    "question",
    "person",
    "menu",
    "overview",
    "incident",
    "asset",
    "link",
    "agent",
    "definition",
    "import",
    "audit",
    "clock",
    "up",
    "down",
    "empty",
    "?",
];
/// Rows of the sample table: more than a page, so that it has a next one.
const ROWS: u32 = 120;

/// `GET /gallery`
pub async fn page(cx: Cx) -> Answer {
    let l = cx.lang;
    let title = l.pick("界面组件", "Components");
    let list = List::read(&cx, &["name", "-n"], &["q"]);
    let full = table(&cx, &list, (0..ROWS).collect());
    if let Some(file) = full.file(&cx, "gallery")? {
        return Ok(file);
    }
    let inside = html! {
        (ui::trail(&[("/account", crate::console::web::text::account_title(l))]))
        (ui::heading(title, html! { a.button href="#forms" { (l.pick("表单", "Forms")) } a.button.primary href="#tables" { (l.pick("表格", "Tables")) } }))
        (badges(l))
        (notes(&cx))
        (values(&cx))
        (forms(&cx))
        section #tables .card { h2 { (l.pick("表格：很多行", "A table with many rows")) } (full.show(&cx)) }
        section.card { h2 { (l.pick("表格：没有行", "A table with no rows")) } (table(&cx, &list, Vec::new()).show(&cx)) }
        (charts(&cx))
    };
    Ok(layout::page(&cx, Place::None, title, inside))
}

fn badges(l: Lang) -> Markup {
    let all = Flags {
        maintenance: true,
        topology: true,
        flapping: true,
        silence: true,
        storm: true,
        held: true,
        stale: true,
        late: true,
    };
    let reaches = Reach::ALL.into_iter().map(Some).chain([None]);
    html! {
        section.card {
            h2 { (l.pick("状态与级别", "States and severities")) }
            p { @for s in Severity::ALL { (badge::severity(l, s)) " " } }
            p { @for s in IncidentState::ALL { (badge::state(l, s)) " " } }
            p { @for r in reaches { (badge::reach(l, r)) " " } }
            p { @for tone in TONES { (badge::toned(tone, l.pick("文字", "words"))) " " } (badge::good(true, l.pick("成功", "done"))) " " (badge::good(false, l.pick("失败", "failed"))) " " (badge::mark(l.pick("标记", "a mark"))) }
            p { (badge::flags(l, all)) }
            p { (badge::flags(l, Flags::default())) (ui::none()) }
            h2 { (l.pick("图形", "Drawings")) }
            p { @for name in ICONS { span title=(name) { (ui::icon(name)) } " " } }
        }
    }
}

fn notes(cx: &Cx) -> Markup {
    let l = cx.lang;
    html! {
        section.card {
            h2 { (l.pick("提示与状态页", "Notes and states")) }
            @for tone in TONES { (ui::note(tone, html! { p { (l.pick("这里说明发生了什么，以及接下来做什么。", "This says what happened, and what to do next.")) } })) }
            (ui::stale(cx, Wall::from_millis(0)))
            (ui::loading(cx))
            (ui::empty(l.pick("这里还没有内容", "Nothing is here yet"), html! { a href="/" { (l.pick("先做这一步", "Do this first")) } }))
        }
        div.tiles {
            @for (class, n) in [("critical", 12), ("major", 0), ("minor", 3), ("warning", 1_234), ("up", 45), ("down", 2)] {
                a.tile.(class) href="/gallery" { b { (n) } span { (class) } }
            }
        }
    }
}

fn values(cx: &Cx) -> Markup {
    let l = cx.lang;
    let hour = std::time::Duration::from_secs(3_725);
    let facts = [
        (l.pick("时间", "Time"), time::at(cx, cx.now)),
        (l.pick("不久前", "A while ago"), time::ago(cx, cx.now.minus(hour))),
        (l.pick("时长", "How long"), html! { (time::lasting(l, hour)) }),
        (l.pick("没有时间", "No time"), time::maybe(cx, None)),
        ("rtt_seconds", html! { (number::field(l, "rtt_seconds", 0.012_34)) }),
        ("loss_ratio", html! { (number::field(l, "loss_ratio", 0.034)) }),
        ("speed_bps", html! { (number::bits(2.5e9)) }),
        ("bytes", html! { (number::bytes(123_456_789.0)) }),
        (l.pick("计数", "Count"), html! { (number::count(1_234_567)) }),
        (l.pick("占比", "Share"), chart::share(0.73)),
        (l.pick("走势", "Sparkline"), chart::spark(&[1.0, 3.0, 2.0, 5.0, 4.0, 8.0, 6.0], "6 Mbit/s")),
        (l.pick("没有走势", "No sparkline"), chart::spark(&[], "")),
        (l.pick("一天的状态条", "Strip of a day"), strip::show(l, &day())),
        (l.pick("空文字", "Empty text"), ui::or_none("")),
        (
            l.pick("很长的文字", "Long text"),
            html! { "<script>alert('x')</script>-地区-乌什县-骨干链路-XGigabitEthernet0/0/1-备用光缆-第二路由" },
        ),
    ];
    html! { section.card { h2 { (l.pick("数值", "Values")) } (ui::facts(&facts)) } }
}

/// A day with a bit of everything.
fn day() -> Vec<Quarter> {
    let quarter = |at: u32| match at {
        20..24 => Quarter::default(),
        40..44 => Quarter { answered: 0, failed: 900, sent: 900, lost: 900 },
        44..50 => Quarter { answered: 870, failed: 30, sent: 900, lost: 30 },
        70..80 => Quarter { answered: 898, failed: 2, sent: 900, lost: 2 },
        _ => Quarter { answered: 900, failed: 0, sent: 900, lost: 0 },
    };
    (0..96).map(quarter).collect()
}

fn forms(cx: &Cx) -> Markup {
    let l = cx.lang;
    let help = l.pick("怎样填写", "What to write");
    let error = l.pick("服务器指出的错误，以及怎样改正", "What the server found wrong, and what to write instead");
    let options = [("", l.pick("全部", "All")), ("a", "A"), ("b", "B")];
    let field = |name, label, value| Field { name, label, value, ..Field::default() };
    html! {
        section #forms .card.narrow {
            h2 { (l.pick("表单", "A form")) }
            form method="get" action="/gallery" {
                (form::input(&Field { required: true, help, ..field("g1", l.pick("必填", "Required"), "") }))
                (form::input(&Field { error: Some(error), ..field("g2", l.pick("有错误", "Wrong"), "<b>\"x\"</b>") }))
                (form::input(&Field { kind: "password", complete: "new-password", ..field("g3", l.pick("密码", "Password"), "never sent back") }))
                (form::input(&Field { kind: "datetime-local", ..field("g4", l.pick("时间", "Time"), "2026-11-25T10:00") }))
                (form::area(&field("g5", l.pick("多行文字", "Several lines"), "…"), 3))
                (form::select(&Field { error: Some(error), ..field("g6", l.pick("选择", "Choice"), "b") }, &options))
                (form::file(&field("g7", l.pick("文件", "File"), ""), ".csv,.xlsx"))
                p { (form::check("g8", l.pick("勾选", "Yes or no"), true)) }
                div.row { button.primary type="submit" { (l.pick("主要操作", "Main action")) } button type="submit" { (l.pick("其他操作", "Another")) } button.danger type="submit" { (l.pick("危险操作", "Dangerous")) } button type="submit" disabled { (l.pick("不可用", "Disabled")) } }
            }
        }
    }
}

fn table<'a>(cx: &Cx, list: &'a List, numbers: Vec<u32>) -> Table<'a> {
    let l = cx.lang;
    let key = |n: &u32| {
        if list.sort == "n" {
            Key::Number((!n.is_multiple_of(7)).then_some(f64::from(*n)))
        } else {
            Key::text(&format!("{n:04}"))
        }
    };
    let (rows, next, total) = list.page(numbers, |n| format!("{n:04}"), key);
    let row = |n: &u32| Row {
        id: format!("{n}"),
        class: match n % 5 {
            0 => "critical",
            1 => "major",
            _ => "",
        },
        cells: vec![
            Cell::html(html! { a href="/gallery" { (l.pick("第", "Row ")) (n) } }, format!("=1+{n}")),
            Cell::value(
                (!n.is_multiple_of(7)).then(|| number::bits(f64::from(*n) * 1e6)),
                (!n.is_multiple_of(7)).then_some(f64::from(*n)),
            ),
            Cell::html(badge::severity(l, Severity::ALL[(*n % 5) as usize]), "x"),
            Cell::text(if n.is_multiple_of(3) {
                ""
            } else {
                "<img src=x onerror=alert(1)> 很长的说明文字，超过一行时应当自动换行而不是撑开表格"
            }),
            Cell::time(cx, (!n.is_multiple_of(4)).then_some(cx.now)),
        ],
    };
    Table {
        list,
        caption: l.pick("示例", "Samples"),
        columns: vec![
            Column::sorted("name", l.pick("名称", "Name")),
            Column::sorted("n", l.pick("速率", "Rate")).number(),
            Column::new(l.pick("级别", "Severity")),
            Column::new(l.pick("说明", "Words")),
            Column::new(l.pick("时间", "Time")).wide(),
        ],
        rows: rows.iter().map(row).collect(),
        next,
        total: Some(total as u64),
        empty: ui::empty(
            l.pick("没有符合条件的行", "No row matches"),
            html! { a href="/gallery" { (l.pick("清除条件", "Clear")) } },
        ),
        bulk: Some(Bulk {
            action: "/gallery".into(),
            fields: form::input(&Field { name: "comment", label: l.pick("备注", "Comment"), ..Field::default() }),
            buttons: vec![("ack", l.pick("受理", "Acknowledge")), ("note", l.pick("备注", "Note"))],
        }),
    }
}

/// Charts of a real agent, if there is one: of what it measures, and of what it does not.
fn charts(cx: &Cx) -> Markup {
    let l = cx.lang;
    let agents = cx.service.store.agents();
    let some = agents.first().map(|row| Object::Agent(row.id.clone()));
    let line = |object, field: &'static str| {
        [chart::Line { object, field, instance: "", name: field.to_owned(), rate: None }]
    };
    let (full, none) = (l.pick("图表", "A chart"), l.pick("图表：没有数据", "A chart of nothing"));
    html! {
        div.cards.two { @if let Some(object) = &some {
            section.card { (chart::lines(cx, "g-full", full, "ratio", 3, &line(object, "cpu_ratio"))) }
            section.card { (chart::lines(cx, "g-none", none, "ratio", 3, &line(object, "nothing_ratio"))) }
        } }
    }
}

#[cfg(test)]
mod tests {
    use crate::console::command::{Role, Scope};
    use crate::console::web::testing::World;

    #[tokio::test]
    async fn all_components_show_in_both_languages_and_what_is_hostile_is_text() {
        let world = World::new().await;
        let mut browser = world.signed_in(Role::Viewer, Scope::All).await;
        let seen = browser.open("/gallery").await;
        seen.shows(&["Critical", "Not watched", "No row matches", "Row 7", "&lt;script&gt;", "120 in all"]);
        seen.lacks(&["<script>alert", "<img src=x", "never sent back"]);
        browser.open("/gallery?format=csv").await.shows(&["'=1+7"]);
        browser.chinese().open("/gallery").await.shows(&["界面组件", "没有符合条件的行", "未受理"]);
    }
}
