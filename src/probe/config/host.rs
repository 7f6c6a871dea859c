//! The machine that the agent runs on. A helper of the service manager with the right to read everything judges it and
//! hands over what it came to; without one the agent judges it by what its own user may see, and the rest is unknown.
//!
//! The helper is asked by connecting to its socket and reading to the end: it takes no orders.

use std::path::Path;

use super::{Judged, in_force, profile_of};
use crate::baseline::host::root::Root;
use crate::baseline::host::{Host, judge};
use crate::baseline::inspect::{Taken, of_host};
use crate::model::finding::{Inspection, Origin, Verdict};
use crate::model::id::{AssetId, Object};
use crate::model::observation::Cause;
use crate::model::plan::Task;
use crate::model::time::{Mono, Wall};
use crate::net::error::NetError;
use crate::net::unix;
use crate::probe::Ctx;

/// The setting with the helper's socket.
pub(super) const HELPER: &str = "helper";
/// What a helper may say at most, in bytes: 150 findings with five lines of evidence each are below one million.
const MAX_SAID: usize = 4 << 20;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Looks at it.
pub(super) async fn look(task: &Task, cx: &Ctx, deadline: Mono) -> Result<Judged, NetError> {
    let Object::Asset(asset) = &task.object else {
        return Err(NetError::new(Cause::Unsupported, "only assets have configurations"));
    };
    let now = cx.clock.wall();
    if let Some(socket) = task.settings.text(HELPER).map(Path::new).filter(|path| path.exists()) {
        let said = unix::read_to_end(socket, MAX_SAID, deadline, &cx.clock).await?;
        return helped(&said, socket, asset, now);
    }
    let (profile, asset) = (task.settings.text("profile").unwrap_or("l3").to_owned(), asset.clone());
    // On a thread of its own: it reads some thousand files.
    let judged = tokio::task::spawn_blocking(move || own(&profile, asset, now));
    judged.await.unwrap_or_else(|_| Err(NetError::new(Cause::Internal, "judging broke off")))
}

/// What the helper says is taken as what a console would take.
fn helped(said: &[u8], socket: &Path, asset: &AssetId, now: Wall) -> Result<Judged, NetError> {
    let wrong = |why: String| NetError::new(Cause::Content, format!("{}: {why}", socket.display()));
    let mut inspection: Inspection = serde_json::from_slice(said)
        .map_err(|_| wrong("the helper said nothing that is a result; see its log".to_owned()))?;
    if let Some(why) = inspection.wrong() {
        return Err(wrong(why.to_owned()));
    }
    inspection.clean();
    inspection.asset = Some(asset.clone());
    (inspection.origin, inspection.at) = (Origin::Host, now);
    Ok(Judged { inspection, lacks: None, startup: None })
}

fn own(profile: &str, asset: AssetId, now: Wall) -> Result<Judged, NetError> {
    let policy = in_force()?;
    let profile = profile_of(&policy, profile)?;
    let root = Root::open(Path::new("/")).map_err(|why| NetError::new(Cause::Permission, why.to_string()))?;
    let host = Host::new(root, now.millis().div_euclid(DAY));
    let findings = judge::judge(&policy, profile, &host);
    let unknown = findings.iter().filter(|f| f.verdict == Verdict::Error).count();
    let taken = Taken { asset: Some(asset), at: now, origin: Origin::Host };
    let inspection = of_host(&findings, &host, "-", &policy, profile, taken);
    let lacks = (unknown > 0)
        .then(|| format!("{unknown} checks could not be judged; fengsui-host-audit.socket is not there"));
    Ok(Judged { inspection, lacks, startup: None })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::baseline::policy;
    use crate::model::finding::sample;
    use crate::model::observation::{Outcome, Value};
    use crate::model::plan::Target;
    use crate::probe::tests::{run_once, told, value};

    #[tokio::test]
    async fn without_a_helper_the_own_host_is_judged_and_what_is_hidden_is_unknown() {
        let run =
            run_once("config", Target::default(), &["host=true", "helper=/nowhere"], Duration::from_secs(120)).await;
        let run = run.unwrap();
        assert!(matches!(run.outcome, Outcome::Ok | Outcome::Degraded), "{:?}", run.detail);
        assert_eq!(value("config", &run, "dialect"), Value::Text("linux".into()));
        let hidden = value("config", &run, "unknown_count").number().unwrap() > 0.0;
        assert_eq!(hidden, run.outcome == Outcome::Degraded, "{:?}", run.detail);
    }

    #[tokio::test]
    async fn what_a_helper_hands_over_is_taken_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let asked = |name: &str, said: Vec<u8>| {
            let socket = dir.path().join(name);
            unix::tests::says(&socket, said);
            async move {
                let helper = format!("helper={}", socket.display());
                run_once("config", Target::default(), &["host=true", &helper], Duration::from_secs(60)).await.unwrap()
            }
        };
        let mut good = sample("other", "H19", Verdict::Fail);
        good.os = "linux".into();
        let run = asked("good", serde_json::to_vec(&good).unwrap()).await;
        assert_eq!((run.outcome, value("config", &run, "failed_count")), (Outcome::Ok, Value::gauge(1.0)));
        assert!(told("config", &asked("nothing", Vec::new()).await).starts_with("failed content"));
        good.findings[0].weight = 9;
        assert!(
            told("config", &asked("wrong", serde_json::to_vec(&good).unwrap()).await).starts_with("failed content")
        );
        assert!(told("config", &asked("much", vec![b' '; MAX_SAID + 1]).await).starts_with("failed content"));
    }

    #[test]
    fn whose_host_it_is_is_not_the_helpers_to_say() {
        let said = serde_json::to_vec(&sample("other", "H19", Verdict::Fail)).unwrap();
        let mine = AssetId::new("mine").unwrap();
        let now = Wall::from_millis(5);
        let taken = helped(&said, Path::new("/x"), &mine, now).unwrap_or_else(|e| panic!("{e}")).inspection;
        assert_eq!((taken.asset, taken.origin, taken.at), (Some(mine), Origin::Host, now));
        assert!(policy::load(&[]).usable());
    }
}
