//! Certificates of simulated https services: an authority made for the run, which signs for any name and any
//! time. Its key lives in memory only; nobody should trust it beyond the trial it was made for.

use std::fmt;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::model::Wall;
use crate::net::tls::Pair;

/// First and last year of the authority: whatever the clock says, it is in time.
const YEARS: (i32, i32) = (2000, 2200);
/// Certificates begin so much before now.
const BACKDATE: Duration = Duration::from_secs(300 * 86_400);

/// Signs certificates.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(***)")
    }
}

impl Authority {
    /// A new one of that name.
    pub fn new(name: &str) -> Result<Self, String> {
        let failed = |error: rcgen::Error| format!("making a certificate authority: {error}");
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(YEARS.0, 1, 1), rcgen::date_time_ymd(YEARS.1, 1, 1));
        let pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// Its own certificate, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names that ends `life` after `now`, with its key.
    pub fn issue(&self, names: &[String], now: Wall, life: Duration) -> Result<Pair, String> {
        let failed = |error: rcgen::Error| format!("making a certificate for {}: {error}", names.join(", "));
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
        if let Some(first) = names.first() {
            params.distinguished_name.push(DnType::CommonName, first.as_str());
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = lasting(params, now, life).signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem() })
    }
}

fn lasting(mut params: CertificateParams, now: Wall, life: Duration) -> CertificateParams {
    let date =
        |at: Wall| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0));
    (params.not_before, params.not_after) = (date(now.minus(BACKDATE)), date(now.plus(life)));
    params
}

/// When a certificate ends, counted from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// So long is left.
    Left(Duration),
    /// It ended so long ago.
    Over(Duration),
}

/// `5d`, `36h`, `-1d`.
pub fn life(text: &str) -> Option<Life> {
    let (word, over) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
    let span = match word.strip_suffix('d') {
        Some(days) => Duration::from_secs(days.parse::<u64>().ok()?.checked_mul(86_400)?),
        None => super::scenario::duration(word)?,
    };
    Some(if over { Life::Over(span) } else { Life::Left(span) })
}
