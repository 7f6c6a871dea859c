//! What is too old goes, once a day: whole files of samples and logs, and rows of bounded tables in core.db.
//! Watermarks of a file that goes move to core.db first, so that nothing is taken twice.

use std::time::Duration;

use rusqlite::params;

use super::Store;
use super::days::{Day, Sort};
use super::db::{self, sql};
use super::types::StoreError;
use super::{changes, events, findings, maintenance, reports, roll, waivers};
use crate::model::Wall;

const DAY: Duration = Duration::from_secs(86_400);
/// Records put aside, gaps and answered jobs are kept so long.
const KEEP: Duration = Duration::from_secs(30 * 86_400);
/// Windows of five minutes are kept so many whole months: a year of reports without their maintenance, to the
/// minute. Hours and days stay as long as roll-ups do.
const FINE_MONTHS: u32 = 13;
/// And no more records put aside than so many.
const MAX_ASIDE: i64 = 10_000;

/// Runs at the first look of each day.
pub(super) async fn daily(store: &Store, now: Wall) -> Result<(), StoreError> {
    let shared = store.shared.clone();
    let today = shared.layout.day(now);
    let ran = || shared.retired.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *ran() == today {
        return Ok(());
    }
    let first = |days: u32| shared.layout.day(now.minus(DAY.saturating_mul(days)));
    retire(store, first(shared.raw_days), first(shared.log_days), now).await?;
    roll::thin(store, months_before(today / 100, FINE_MONTHS)).await?;
    // A month goes once all of it is too old.
    let first = first(shared.roll_days) / 100;
    store
        .queue
        .ask(move |writer| {
            writer.days.forget_before(Sort::Roll, first);
            writer.after(move |shared| drop(shared.layout.retire(Sort::Roll, first)));
            changes::forget(&writer.core, now)?;
            reports::forget(&writer.core)?;
            findings::forget(&writer.core, now)?;
            waivers::remind(writer, now)?;
            maintenance::forget(writer, now.minus(maintenance::KEEP))
        })
        .await?;
    *ran() = today;
    Ok(())
}

/// The month so many before one, as YYYYMM.
fn months_before(month: Day, n: u32) -> Day {
    let at = (month / 100 * 12 + month % 100 - 1).saturating_sub(i32::try_from(n).unwrap_or(i32::MAX)).max(0);
    at / 12 * 100 + at % 12 + 1
}

async fn retire(store: &Store, first_raw: Day, first_log: Day, now: Wall) -> Result<(), StoreError> {
    let layout = store.shared.layout.clone();
    let marks = tokio::task::spawn_blocking(move || {
        let mut marks: Vec<(String, String, i64)> = Vec::new();
        for day in layout.held(Sort::Raw).into_iter().filter(|day| *day < first_raw) {
            let read = db::open_reader(&layout.path(Sort::Raw, day)).and_then(|conn| {
                conn.prepare("SELECT agent, epoch, acked FROM watermark")
                    .and_then(|mut q| {
                        q.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect::<Result<Vec<_>, _>>()
                    })
                    .map_err(sql("read the watermarks of a day"))
            });
            match read {
                Ok(found) => marks.extend(found),
                Err(error) => tracing::warn!(day, %error, "the watermarks of a day that goes are lost"),
            }
        }
        marks
    })
    .await
    .map_err(|error| StoreError::Sql { what: "retire days", detail: error.to_string() })?;
    store
        .queue
        .ask(move |writer| {
            for (agent, epoch, acked) in marks {
                writer
                    .core
                    .execute(
                        "INSERT INTO watermark (agent, stream, epoch, acked, updated) VALUES (?1, 'sample', ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET acked = max(acked, excluded.acked), updated = excluded.updated",
                        params![agent, epoch, acked, now.millis()],
                    )
                    .map_err(sql("keep a watermark"))?;
            }
            let before = now.minus(KEEP).millis();
            for text in [
                "DELETE FROM aside WHERE received < ?1",
                "DELETE FROM gap WHERE received < ?1",
                "DELETE FROM job WHERE done < ?1",
                "DELETE FROM discovery WHERE created < ?1",
                "DELETE FROM walk WHERE created < ?1",
                "DELETE FROM enrol_token WHERE expires < ?1",
            ] {
                writer.core.execute(text, [before]).map_err(sql("retire rows"))?;
            }
            writer
                .core
                .execute(
                    "DELETE FROM aside WHERE received < (SELECT received FROM aside ORDER BY received DESC LIMIT 1 OFFSET ?1)",
                    [MAX_ASIDE],
                )
                .map_err(sql("retire rows"))?;
            writer.days.forget_before(Sort::Raw, first_raw);
            writer.days.forget_before(Sort::Log, first_log);
            events::retire(writer, first_log);
            writer.after(move |shared| {
                shared.layout.retire(Sort::Raw, first_raw);
                shared.layout.retire(Sort::Log, first_log);
            });
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::months_before;

    #[test]
    fn months_are_counted_over_the_turn_of_the_year() {
        for (month, n, before) in
            [(202_611, 1, 202_610), (202_601, 1, 202_512), (202_611, 13, 202_510), (202_611, 23, 202_412)]
        {
            assert_eq!(months_before(month, n), before, "{month} - {n}");
        }
    }
}
