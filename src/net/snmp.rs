//! Asking SNMP agents, v1, v2c and v3.

use ::snmp::{AuthProtocol, PrivProtocol};
pub use ::snmp::{Oid, Value};

use crate::model::secret::{SnmpAuth, SnmpPrivacy};

pub(super) const fn auth_of(auth: SnmpAuth) -> AuthProtocol {
    match auth {
        SnmpAuth::Md5 => AuthProtocol::Md5,
        SnmpAuth::Sha1 => AuthProtocol::Sha1,
        SnmpAuth::Sha224 => AuthProtocol::Sha224,
        SnmpAuth::Sha256 => AuthProtocol::Sha256,
        SnmpAuth::Sha384 => AuthProtocol::Sha384,
        SnmpAuth::Sha512 => AuthProtocol::Sha512,
    }
}

pub(super) const fn privacy_of(privacy: SnmpPrivacy) -> PrivProtocol {
    match privacy {
        SnmpPrivacy::Des => PrivProtocol::Des,
        SnmpPrivacy::Aes128 => PrivProtocol::Aes128,
        SnmpPrivacy::Aes192 => PrivProtocol::Aes192Blumenthal,
        SnmpPrivacy::Aes256 => PrivProtocol::Aes256Blumenthal,
    }
}
