//! Keeps the certificate alive: a new one at two thirds of its life, or as soon after its end as there is
//! a line again.

use std::time::Duration;

use tokio::sync::watch;

use crate::relay::identity::{Identity, IdentityError};

use super::line::Line;

/// How often the wall clock is looked at; it may jump, so no sleep is longer.
const LOOK: Duration = Duration::from_secs(60);
/// Pause after a failed renewal; a third of the life is left to try.
const RETRY: Duration = Duration::from_secs(300);

/// Renews until the stop.
pub(super) async fn renew(line: Line, identity: watch::Sender<Identity>) {
    let jitter = fastrand::f64();
    while !line.stop.is_stopped() {
        let present = identity.borrow().clone();
        if line.clock.wall() < present.renew_at(jitter) {
            line.pause_fully(LOOK).await;
            continue;
        }
        let renewed = tokio::select! {
            renewed = present.renew(&line.clock) => renewed,
            () = line.stop.stopped() => return,
        };
        match renewed {
            Ok(renewed) => {
                tracing::info!(until = %renewed.not_after, "the console renewed our certificate");
                line.status.send_modify(|status| {
                    status.certificate_end = renewed.not_after;
                    status.renewal_error = None;
                });
                identity.send_replace(renewed);
            }
            Err(error) => {
                let why = error.to_string();
                if line.status.borrow().renewal_error.as_ref() != Some(&why) {
                    tracing::warn!(why, until = %present.not_after, "the certificate could not be renewed");
                }
                line.status.send_modify(|status| status.renewal_error = Some(why));
                match error {
                    IdentityError::Unreachable { .. } => line.pause(LOOK).await,
                    _ => line.pause_fully(RETRY).await,
                }
            }
        }
    }
}
