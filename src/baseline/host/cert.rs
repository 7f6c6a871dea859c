//! Certificates that local services show: how many days they are good for. Private keys are not looked at.

use std::sync::Arc;

use x509_parser::pem::Pem;

use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns, conf};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The largest file of certificates.
const MAX_FILE: usize = 1 << 20;
/// Seconds of a day.
const DAY: i64 = 86_400;

#[derive(Debug)]
struct Certs {
    paths: Vec<String>,
}

/// `path` (paths or patterns; none unless given): beside them those that nginx and Apache httpd are told to show.
pub(super) fn read(table: &Table<'_>) -> Option<Arc<dyn Fact>> {
    let paths = if table.has("path") { super::paths(table, "path")? } else { Vec::new() };
    Some(Arc::new(Certs { paths }))
}

impl Fact for Certs {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("path", Type::Text), ("days", Type::Number)])
    }

    /// A row for each file: the days that are left to the first certificate in it, which is the service's own.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        let mut paths = conf::certificates(host, found);
        for pattern in &self.paths {
            found.looked.push(pattern.clone());
            paths.extend(host.root.glob(pattern)?);
        }
        paths.sort();
        paths.dedup();
        for path in paths {
            let bytes = match host.root.bytes(&path, MAX_FILE) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    found.unseen.push(Unseen::Missing(path));
                    continue;
                }
                Err(why) => {
                    found.unseen.push(why);
                    continue;
                }
            };
            match last_day(&bytes) {
                Some(day) => {
                    let row = Row::at(&path, 0, format!("{} days", day - host.today)).about(path.as_str());
                    found.rows.push(row.with("days", day - host.today).with("path", path.as_str()));
                }
                None => found.unseen.push(Unseen::Garbled(path, 1)),
            }
        }
        Ok(())
    }
}

/// The last day (since 1970) of the first certificate of a file.
fn last_day(bytes: &[u8]) -> Option<i64> {
    let mut all = Pem::iter_from_buffer(bytes).filter_map(Result::ok).filter(|p| p.label.ends_with("CERTIFICATE"));
    let first = all.next()?;
    Some(first.parse_x509().ok()?.validity().not_after.timestamp() / DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::host::root::{Memory, Root};

    #[test]
    fn the_first_certificate_of_a_file_is_the_services_own() {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2025, 1, 1);
        let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let nginx =
            "http { server { listen 443 ssl; ssl_certificate /etc/ssl/a.pem; ssl_certificate_key /etc/ssl/a.key; } }";
        let files = Memory::default().file("/etc/nginx/nginx.conf", nginx).file("/etc/ssl/a.pem", pem);
        let host = Host::new(Root::memory(files.file("/etc/x/bad.pem", "x")), 20_000);
        let mut found = Found::default();
        Certs { paths: vec!["/etc/x/*.pem".to_owned()] }.gather(&host, &mut found).unwrap();
        // 2025-01-01 is day 20089.
        assert_eq!(found.rows.len(), 1);
        assert_eq!(found.rows[0].proof.text, "89 days");
        assert_eq!(found.unseen, [Unseen::Garbled("/etc/x/bad.pem".to_owned(), 1)]);
    }
}
