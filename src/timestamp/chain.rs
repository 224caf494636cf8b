//! Whether a token's signature is that of an authority whose certificate leads to a trusted root, at the
//! time that the token states. Signatures and paths are `webpki`'s; what it does not look at, being made for
//! TLS, is looked at here: what keys are for, what the signed attributes say, the validity of the root.

use super::TimestampError;
use super::certificate::{Certificate, TIME_STAMPING};
use super::der::{self, CONTEXT, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET};
use super::token::{SHA256, Signer, Stamp, TST_INFO, Token, token};
use aws_lc_rs::digest;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::aws_lc_rs as algorithms;

const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `sha256WithRSAEncryption` and so on, without its last byte: 0b, 0c, 0d.
const WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// `ecdsa-with-SHA256` and so on, without its last byte: 02, 03, 04.
const WITH_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
/// 1.2.840.113549.1.9, which attributes are numbered under: 3, 4, 16.2.12 and 16.2.47.
const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09];

/// What certificates of the chain may be signed with.
const CHAIN: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
];

/// Certificates that are trusted: of time-stamp authorities, as the auditor was given them.
pub struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Reads one or more certificates in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TimestampError> {
        let unread = |e: String| TimestampError::unknown(format!("the root certificates: {e}"));
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = found.map_err(|e| unread(e.to_string()))?;
        if found.is_empty() {
            return Err(unread("there is none in the file; it should have -----BEGIN CERTIFICATE-----".to_owned()));
        }
        for der in &found {
            Certificate::read(Reader::new(der).next()?)?;
            webpki::anchor_from_trusted_cert(der).map_err(|e| unread(e.to_string()))?;
        }
        Ok(Self(found))
    }
}

/// Checks that the answer is a time-stamp of data with that SHA-256, signed by an authority that one of
/// the roots vouched for at the time stated. Revocation is not checked.
pub fn verify(response: &[u8], sha256: &[u8; 32], roots: &Roots) -> Result<Stamp, TimestampError> {
    let token = token(response)?;
    if token.stamp.sha256 != *sha256 {
        return Err(TimestampError::wrong("it is of other data"));
    }
    let signer = &token.signer;
    let named = |c: &&Certificate<'_>| c.issuer == signer.issuer && c.serial == signer.serial;
    let certificate = token.certificates.iter().find(named);
    let certificate = certificate.ok_or_else(|| TimestampError::unknown("its signer's certificate is not in it"))?;
    certificate.may_stamp()?;
    if token.authority.is_some_and(|name| !is_directory_name(name, certificate.subject)) {
        return Err(TimestampError::unknown("it names another authority than its signer's certificate"));
    }
    let entity = webpki::EndEntityCert::try_from(&certificate.der).map_err(unusable)?;
    let others = attributes(&token, certificate)?;
    signature(&entity, signer)?;
    chain(&token, &entity, roots, &others)?;
    Ok(token.stamp)
}

fn unusable(error: webpki::Error) -> TimestampError {
    TimestampError::unknown(format!("its signer's certificate: {error}"))
}

/// Whether a GeneralName is the X.500 name given.
fn is_directory_name(name: &[u8], subject: &[u8]) -> bool {
    der::only(name, CONTEXT + 4, "a name").is_ok_and(|name| name.content == subject)
}

/// A hash by which the signed attributes name a certificate of the chain.
struct Named<'a> {
    algorithm: &'static digest::Algorithm,
    hash: &'a [u8],
}

impl Named<'_> {
    fn names(&self, certificate: &[u8]) -> bool {
        digest::digest(self.algorithm, certificate).as_ref() == self.hash
    }
}

/// Checks what the signature is over: the type and digest of the content, and the certificate that it is to
/// be checked with. Returns the other certificates that it names.
fn attributes<'a>(token: &Token<'a>, certificate: &Certificate<'_>) -> Result<Vec<Named<'a>>, TimestampError> {
    let (mut content_type, mut message_digest, mut named) = (None, None, None);
    let mut others = Vec::new();
    let mut seen: Vec<&[u8]> = Vec::new();
    for attribute in Reader::new(token.signer.attributes).all()? {
        let mut fields = Reader::new(attribute.content);
        let oid = fields.take(OID, "a signed attribute")?.content;
        let values = fields.take(SET, "a signed attribute")?.content;
        fields.end("a signed attribute")?;
        if attribute.tag != SEQUENCE || seen.contains(&oid) {
            return Err(TimestampError::unknown("a signed attribute is there twice, or is none"));
        }
        seen.push(oid);
        match oid.strip_prefix(PKCS9) {
            Some([3]) => content_type = Some(der::only(values, OID, "the content type")?.content),
            Some([4]) => message_digest = Some(der::only(values, OCTET_STRING, "the digest")?.content),
            Some([16, 2, version @ (12 | 47)]) => {
                named = Some(());
                others.extend(signing_certificate(values, *version == 47, certificate)?);
            }
            _ => der::well_formed(values)?,
        }
    }
    if content_type != Some(TST_INFO) {
        return Err(TimestampError::wrong("what was signed is no TSTInfo"));
    }
    let digest = digest::digest(digest_algorithm(token.signer.digest)?, token.content);
    if message_digest != Some(digest.as_ref()) {
        return Err(TimestampError::wrong("its content is not what was signed"));
    }
    named.ok_or_else(|| TimestampError::unknown("its signature does not say which certificate it is by"))?;
    Ok(others)
}

/// SigningCertificate (SHA-1) or SigningCertificateV2: the first id is of the signer, others of its chain.
fn signing_certificate<'a>(
    values: &'a [u8],
    second: bool,
    certificate: &Certificate<'_>,
) -> Result<Vec<Named<'a>>, TimestampError> {
    const WHAT: &str = "the id of the signing certificate";
    let mut value = Reader::new(der::only(values, SEQUENCE, WHAT)?.content);
    let mut ids = value.enter(SEQUENCE, WHAT)?;
    if let Some(policies) = value.optional(SEQUENCE)? {
        der::well_formed(policies.content)?;
    }
    value.end(WHAT)?;
    let mut named = Vec::new();
    while !ids.is_empty() {
        let mut fields = ids.enter(SEQUENCE, WHAT)?;
        let mut algorithm = if second { &digest::SHA256 } else { &digest::SHA1_FOR_LEGACY_USE_ONLY };
        let explicit = fields;
        if second && explicit.clone().optional(SEQUENCE)?.is_some() {
            algorithm = digest_algorithm(der::algorithm(&mut fields, WHAT)?)?;
        }
        let hash = fields.take(OCTET_STRING, WHAT)?.content;
        let issuer_serial = fields.optional(SEQUENCE)?;
        fields.end(WHAT)?;
        let id = Named { algorithm, hash };
        if named.is_empty() {
            let same = issuer_serial.map_or(Ok(true), |id| is_issuer_serial(id.content, certificate))?;
            if !same || !id.names(&certificate.der) {
                return Err(TimestampError::wrong("it was signed with another certificate than the one in it"));
            }
        } else if let Some(id) = issuer_serial {
            der::well_formed(id.content)?;
        }
        named.push(id);
    }
    if named.is_empty() {
        return Err(TimestampError::unknown("its signature names no certificate"));
    }
    Ok(named.split_off(1))
}

fn is_issuer_serial(id: &[u8], certificate: &Certificate<'_>) -> Result<bool, TimestampError> {
    const WHAT: &str = "the issuer of the signing certificate";
    let mut fields = Reader::new(id);
    let names = fields.take(SEQUENCE, WHAT)?.content;
    let serial = fields.take(INTEGER, WHAT)?.content;
    fields.end(WHAT)?;
    Ok(is_directory_name(names, certificate.issuer) && serial == certificate.serial)
}

/// The signature of the attributes, which are signed as a SET.
fn signature(entity: &webpki::EndEntityCert<'_>, signer: &Signer<'_>) -> Result<(), TimestampError> {
    // The attributes lie in the token as `[0]`; of their length nothing changes.
    let mut signed = vec![SET];
    signed.extend_from_slice(&der::length(signer.attributes.len()));
    signed.extend_from_slice(signer.attributes);
    let candidates: &[&dyn SignatureVerificationAlgorithm] = match (signer.algorithm, signer.digest) {
        (RSA, SHA256) => &[algorithms::RSA_PKCS1_2048_8192_SHA256],
        (RSA, SHA384) => &[algorithms::RSA_PKCS1_2048_8192_SHA384],
        (RSA, SHA512) => &[algorithms::RSA_PKCS1_2048_8192_SHA512],
        (algorithm, digest) => match (algorithm.strip_prefix(WITH_RSA), algorithm.strip_prefix(WITH_ECDSA), digest) {
            (Some([0x0b]), _, SHA256) => &[algorithms::RSA_PKCS1_2048_8192_SHA256],
            (Some([0x0c]), _, SHA384) => &[algorithms::RSA_PKCS1_2048_8192_SHA384],
            (Some([0x0d]), _, SHA512) => &[algorithms::RSA_PKCS1_2048_8192_SHA512],
            (_, Some([0x02]), SHA256) => {
                &[algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256, algorithms::ECDSA_P521_SHA256]
            }
            (_, Some([0x03]), SHA384) => {
                &[algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P521_SHA384]
            }
            (_, Some([0x04]), SHA512) => {
                &[algorithms::ECDSA_P256_SHA512, algorithms::ECDSA_P384_SHA512, algorithms::ECDSA_P521_SHA512]
            }
            _ => {
                let algorithm = der::dotted(signer.algorithm);
                return Err(TimestampError::unknown(format!("nothing here checks signatures of {algorithm}")));
            }
        },
    };
    let mut known = false;
    for algorithm in candidates {
        match entity.verify_signature(*algorithm, &signed, signer.signature) {
            Ok(()) => return Ok(()),
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => known = true,
        }
    }
    Err(match known {
        true => TimestampError::wrong("its signature is not right"),
        false => TimestampError::unknown("nothing here checks signatures by a key of this kind"),
    })
}

/// The path from the signer to a root, at the time of the token, by keys that may sign certificates.
fn chain(
    token: &Token<'_>,
    entity: &webpki::EndEntityCert<'_>,
    roots: &Roots,
    others: &[Named<'_>],
) -> Result<(), TimestampError> {
    let time = token.stamp.time;
    let mut trusted = Vec::new();
    for der in &roots.0 {
        let root = Certificate::read(Reader::new(der).next()?)?;
        if root.valid_at(time) {
            root.may_certify()?;
            trusted.push((der, webpki::anchor_from_trusted_cert(der).map_err(unusable)?));
        }
    }
    let anchors: Vec<TrustAnchor<'_>> = trusted.iter().map(|(_, anchor)| anchor.clone()).collect();
    let issuers = token.certificates.iter().filter(|certificate| certificate.may_certify().is_ok());
    let issuers: Vec<CertificateDer<'_>> = issuers.map(|certificate| certificate.der.clone()).collect();
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let usage = webpki::KeyUsage::required_if_present(TIME_STAMPING);
    let path = entity.verify_for_usage(CHAIN, &anchors, &issuers, at, usage, None, None).map_err(|error| {
        let why = if anchors.is_empty() { "no root given was valid then".to_owned() } else { error.to_string() };
        TimestampError::wrong(format!("its signer is not vouched for by a root given, as of {time}: {why}"))
    })?;
    let root = trusted.iter().filter(|(_, anchor)| anchor == path.anchor()).map(|(der, _)| der.as_ref());
    let of_path: Vec<&[u8]> = root.collect();
    let in_path = |id: &Named<'_>| {
        of_path.iter().any(|der| id.names(der)) || path.intermediate_certificates().any(|c| id.names(&c.der()))
    };
    if others.iter().all(in_path) {
        return Ok(());
    }
    Err(TimestampError::wrong("its signature names certificates that do not lead to a root given"))
}

fn digest_algorithm(oid: &[u8]) -> Result<&'static digest::Algorithm, TimestampError> {
    match oid {
        SHA256 => Ok(&digest::SHA256),
        SHA384 => Ok(&digest::SHA384),
        SHA512 => Ok(&digest::SHA512),
        _ => Err(TimestampError::unknown(format!("nothing here computes the digest {}", der::dotted(oid)))),
    }
}
