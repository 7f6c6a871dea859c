//! A throwaway CA for tests.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::model::Wall;

use super::{AGENT_SUFFIX, CONSOLE_NAME, Pair};

/// A CA, and what it signs.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A console's chain: its certificate and the CA's.
    pub(crate) fn console(&self) -> Pair {
        let mut params = CertificateParams::new(vec![CONSOLE_NAME.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut pair = self.sign(params);
        pair.certificate.push_str(&self.pem);
        pair
    }

    /// An agent's certificate, valid from 100 days before `end` until `end`.
    pub(crate) fn agent(&self, id: &str, end: Wall) -> Pair {
        self.sign(Self::agent_params(id, end))
    }

    /// The certificate for a signing request.
    pub(crate) fn answer(&self, csr: &str, id: &str, end: Wall) -> String {
        let mut request = rcgen::CertificateSigningRequestParams::from_pem(csr).unwrap();
        request.params = Self::agent_params(id, end);
        request.signed_by(&self.issuer).unwrap().pem()
    }

    fn agent_params(id: &str, end: Wall) -> CertificateParams {
        let mut params = CertificateParams::new(vec![format!("{id}{AGENT_SUFFIX}")]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, id);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let second = |at: Wall| {
            let begin = rcgen::date_time_ymd(1970, 1, 1);
            begin + std::time::Duration::from_millis(u64::try_from(at.millis()).unwrap())
        };
        params.not_after = second(end);
        params.not_before = second(end.minus(std::time::Duration::from_secs(100 * 86_400)));
        params
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}
