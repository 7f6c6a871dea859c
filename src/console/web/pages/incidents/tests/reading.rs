//! What the pages say: filters and pages of the inbox, the words of both languages, the notice.

use super::*;
use crate::console::web::lang::Lang;

/// Ids of the incidents on a page, in order.
fn ids(page: &str) -> Vec<String> {
    let rows = page.split("<tr id=\"r-").skip(1);
    rows.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[tokio::test]
async fn the_inbox_filters_orders_and_pages() {
    let world = world().await;
    let loss = link_loss(&world).await;
    let core = raise(&world, alert(&world, "asset:aks-core-1", "asset-down", Severity::Critical, &[])).await;
    let wushi = raise(&world, alert(&world, "asset:wushi-core-1", "asset-down", Severity::Minor, &[])).await;
    let mut symptom = alert(&world, "link:aks-wushi", "slow", Severity::Warning, &[]);
    symptom.folds_into = vec!["link-degraded".parse().unwrap()];
    let symptom = raise(&world, symptom).await;
    let mut browser = operator(&world).await;
    let all = [&loss, &core, &wushi].map(String::clone);
    for (query, expected) in [
        ("sort=-severity", vec![&core, &loss, &wushi]),
        ("severity=only-major", vec![&loss]),
        ("severity=major&sort=-severity", vec![&core, &loss]),
        ("region=652928&severity=minor&sort=-severity", vec![&loss, &wushi]),
        ("q=%E4%B8%8D%E5%8F%AF%E8%BE%BE&sort=-severity", vec![&core, &wushi]),
        ("q=UNREACHABLE&sort=severity", vec![&wushi, &core]),
        ("q=%E4%B9%8C%E4%BB%80%E5%8E%BF&sort=object", vec![&wushi, &loss]),
        ("q=aks-wushi&symptoms=1&sort=-severity", vec![&loss, &symptom]),
        ("who=me", vec![]),
        ("state=closed", vec![]),
        ("state=nonsense&sort=nonsense&days=x&region=nowhere%00&severity=bad&sort=-severity", vec![]),
    ] {
        let seen = browser.get(&format!("/incidents?{query}")).await;
        assert_eq!(seen.status, 200, "{query}");
        if query.contains("nonsense") {
            assert_eq!(ids(&seen.body).len(), all.len(), "what is not known is as if it were not there");
            continue;
        }
        assert_eq!(ids(&seen.body).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for sort in ["opened", "-opened", "severity", "-severity", "updated", "object", "-object", "acked", "-acked"] {
        let (mut walked, mut next) = (Vec::new(), format!("/incidents?symptoms=1&rows=1&sort={sort}"));
        for _ in 0..5 {
            let seen = browser.get(&next).await;
            walked.extend(ids(&seen.body));
            let link = seen.body.split("class=\"button\" href=\"").skip(1).find_map(|rest| {
                rest.split_once('"')
                    .filter(|(_, rest)| rest.starts_with(" rel=\"next\""))
                    .map(|(href, _)| href.replace("&amp;", "&"))
            });
            let Some(link) = link else { break };
            next = link;
        }
        let mut sorted = walked.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((walked.len(), sorted.len()), (4, 4), "{sort}: {walked:?}");
    }
    let seen = browser.get("/incidents?after=rubbish").await;
    assert_eq!(seen.status, 400);
    // What concerns the symptom stands on the page of its cause, and the other way round.
    browser.get(&format!("/incidents/{loss}")).await.shows(&["1 symptom, 1 not resolved", &symptom]);
    browser.get(&format!("/incidents/{symptom}")).await.shows(&[&format!("/incidents/{loss}\"")]);
}

#[tokio::test]
async fn the_page_speaks_the_readers_language() {
    let world = world().await;
    let id = link_loss(&world).await;
    let mut english = operator(&world).await;
    let mut chinese = english.clone().chinese();
    english.get(&format!("/incidents/{id}")).await.shows(&[
        "Link loses packets",
        "Loss (mean of 1 min)",
        "35 % (raised at 10 %)",
        "What it means",
    ]);
    let seen = chinese.get(&format!("/incidents/{id}")).await;
    seen.shows(&["链路丢包", "丢包率（1 分钟平均）", "35 %（告警阈值 10 %）", "含义与处置", "管理中心", "某运营商"]);
    assert_eq!(chinese.get("/incidents/nothing").await.status, 404);
    chinese.get("/runbooks/link-loss").await.shows(&["<h1>", "<strong>"]);
    assert_eq!(english.get("/runbooks/..%2FARCHITECTURE").await.status, 404);
}

#[tokio::test]
async fn the_notice_says_what_when_where_and_who() {
    let world = world().await;
    let id = link_loss(&world).await;
    let mut browser = operator(&world).await;
    browser.get(&format!("/incidents/{id}")).await;
    browser.submit(&format!("/incidents/{id}/note"), &[("text", "已联系运营商")]).await;
    browser.get(&format!("/incidents/{id}/notice?text=zh-CN")).await.shows(&[
        "网络运行事件通报单",
        "（UTC+08:00）",
        "阿克苏地区",
        "地区-乌什县骨干链路（阿克苏地区、阿克苏地区 乌什县）发生“链路丢包”",
        "电路编号 0312-3",
        "门户网站系统（等保三级）",
        "地区电子政务管理办公室（主管、运行）",
        "已联系运营商",
        "不是网络安全事件分级",
        "10000",
    ]);
    browser.get(&format!("/incidents/{id}/notice")).await.shows(&[
        "NOTICE OF A NETWORK INCIDENT",
        "(UTC+08:00)",
        "not resolved at the time of this notice",
        "0312-3",
    ]);
}

#[tokio::test]
async fn the_time_line_is_translated_and_loses_nothing() {
    use super::super::words::Names;
    use crate::model::incident::{TimelineEntry, TimelineKind as K};
    let world = world().await;
    let service = world.service();
    let names = |lang| Names::new(lang, service);
    let (zh, en) = (names(Lang::Zh), names(Lang::En));
    for (kind, actor, text, chinese, english) in [
        (
            K::Opened,
            "tower",
            "link-loss: w.loss_ratio.mean = 0.35 (raise_at 0.1)",
            "事件发生｜链路丢包：丢包率（1 分钟平均） 35 %（告警阈值 10 %）",
            "Opened｜Link loses packets: Loss (mean of 1 min) 35 % (raised at 10 %)",
        ),
        (
            K::Opened,
            "tower",
            "asset-down: fails = 3, detail = a, b = c, d",
            "事件发生｜设备不可达：连续失败次数 3，详情 a，b c, d",
            "Opened｜Asset unreachable: Failures in a row 3, Detail a, b c, d",
        ),
        (K::Opened, "tower", "gone-rule", "事件发生｜gone-rule", "Opened｜gone-rule"),
        (K::Opened, "tower", "Not A Rule: x = y", "事件发生｜Not A Rule: x = y", "Opened｜Not A Rule: x = y"),
        (
            K::Left,
            "tower",
            "asset-down: condition",
            "告警消除｜设备不可达：满足恢复条件",
            "Cleared｜Asset unreachable: the condition to clear holds",
        ),
        (
            K::Resolved,
            "tower",
            "withdrawn",
            "事件恢复｜探针不再报告，或对象已移出台账",
            "Resolved｜the agent reports it no longer, or the object left the inventory",
        ),
        (K::Resolved, "user:wang", "condition", "手工恢复｜condition", "Resolved by hand｜condition"),
        (K::Worse, "tower", "critical", "级别升为紧急｜", "Became Critical｜"),
        (K::Unacked, "console", "severity rose", "受理结束｜级别升高", "Acknowledgement ended｜the severity rose"),
        (K::Assigned, "user:wang", "", "取消派单｜", "Assigned to nobody｜"),
        (
            K::Closed,
            "user:wang",
            "fibre_cut; 电信; 已修; 好",
            "关闭｜光缆中断；电信；已修; 好",
            "Closed｜Fibre cut; 电信; 已修; 好",
        ),
        (
            K::Folded,
            "console",
            "asset-down|asset:aks-core-1|",
            "归为衍生告警｜地区核心交换机 设备不可达",
            "Is a symptom of｜地区核心交换机 Asset unreachable",
        ),
        (K::Flag, "console", "+flapping", "标记：抖动｜", "Flagged: Flapping｜"),
        (K::Flag, "console", "~odd", "标记变化｜~odd", "Flag changed｜~odd"),
        (K::Note, "user:wang", "<b>", "备注｜<b>", "Note｜<b>"),
    ] {
        let at = service.clock.wall();
        let entry = TimelineEntry { incident: "i".into(), at, actor: actor.into(), kind, text: text.into() };
        for (names, expected) in [(&zh, chinese), (&en, english)] {
            let line = names.line(&entry);
            assert_eq!(format!("{}｜{}", line.what, line.said), expected);
        }
    }
    assert_eq!(zh.actor("tower"), "探针 地区探针");
    assert_eq!(en.actor("local:0"), "local user 0");
    assert_eq!(zh.actor("robot:x"), "robot:x");
}
