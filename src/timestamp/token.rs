//! The answer of an authority taken apart: TimeStampResp, the CMS SignedData in it, the TSTInfo in that.
//! What it says is believed of nothing here; `chain` checks.

use super::certificate::{Certificate, generalized_time};
use super::der::{
    self, BOOLEAN, CONTEXT, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET, UTF8_STRING,
};
use super::{RESPONSE_BYTES_MAX, TimestampError};
use chrono::{DateTime, Utc};

/// 2.16.840.1.101.3.4.2.1
pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4
pub(super) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// Most certificates in a token.
const CERTIFICATES_MAX: usize = 16;

/// What a time-stamp says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When: with as many digits as the authority gives.
    pub time: DateTime<Utc>,
    /// SHA-256 of the data that it is of.
    pub sha256: [u8; 32],
    /// The request's nonce, if it had one, as it stands in the token.
    pub nonce: Option<Vec<u8>>,
    /// The authority's number of the token, hex.
    pub serial: String,
    /// By which of its policies, `1.2.3.4.1`.
    pub policy: String,
}

/// A token taken apart.
pub(super) struct Token<'a> {
    pub(super) stamp: Stamp,
    /// The TSTInfo as it was signed over.
    pub(super) content: &'a [u8],
    /// The name that it says the authority has.
    pub(super) authority: Option<&'a [u8]>,
    pub(super) certificates: Vec<Certificate<'a>>,
    pub(super) signer: Signer<'a>,
}

/// The one signature.
pub(super) struct Signer<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) digest: &'a [u8],
    /// Content of the set of signed attributes.
    pub(super) attributes: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// What the answer says. Nothing of it is checked but its form.
pub fn read(response: &[u8]) -> Result<Stamp, TimestampError> {
    Ok(token(response)?.stamp)
}

pub(super) fn token(response: &[u8]) -> Result<Token<'_>, TimestampError> {
    if response.len() > RESPONSE_BYTES_MAX {
        return Err(TimestampError::unknown(format!("it is longer than {RESPONSE_BYTES_MAX} bytes")));
    }
    let mut fields = Reader::new(der::only(response, SEQUENCE, "the answer")?.content);
    status(fields.enter(SEQUENCE, "the status")?)?;
    let mut content = fields.enter(SEQUENCE, "the token")?;
    fields.end("the answer")?;
    if content.take(OID, "the type of the token")?.content != SIGNED_DATA {
        return Err(TimestampError::unknown("the token is no SignedData"));
    }
    let explicit = content.take(CONTEXT, "the content of the token")?;
    content.end("the token")?;
    signed_data(Reader::new(der::only(explicit.content, SEQUENCE, "the SignedData")?.content))
}

/// `granted` and `grantedWithMods` carry a token; everything else says why there is none.
fn status(mut fields: Reader<'_>) -> Result<(), TimestampError> {
    let code = fields.take(INTEGER, "the status")?.content;
    let mut said = Vec::new();
    if let Some(texts) = fields.optional(SEQUENCE)? {
        for text in Reader::new(texts.content).all()? {
            let utf8 = (text.tag == UTF8_STRING).then(|| std::str::from_utf8(text.content).ok()).flatten();
            let text = utf8.ok_or_else(|| TimestampError::unknown("the text of the status is not UTF-8"))?;
            said.push(text.chars().filter(|c| !c.is_control()).take(200).collect::<String>());
        }
    }
    match code {
        [0 | 1] if fields.is_empty() => Ok(()),
        [0 | 1] => Err(TimestampError::unknown("it is granted and says what failed")),
        other => {
            said.insert(0, format!("status {}", hex::encode(other)));
            Err(TimestampError::NotGranted(said.join(", ")))
        }
    }
}

fn signed_data(mut fields: Reader<'_>) -> Result<Token<'_>, TimestampError> {
    version(&mut fields, &[1, 3], "the SignedData")?;
    let mut digests = fields.enter(SET, "the digest algorithms")?;
    let mut known = Vec::new();
    while !digests.is_empty() {
        known.push(der::algorithm(&mut digests, "a digest algorithm")?);
    }
    let mut encapsulated = fields.enter(SEQUENCE, "the content")?;
    if encapsulated.take(OID, "the type of the content")?.content != TST_INFO {
        return Err(TimestampError::unknown("the content is no TSTInfo"));
    }
    let explicit = encapsulated.take(CONTEXT, "the TSTInfo")?;
    encapsulated.end("the content")?;
    let content = der::only(explicit.content, OCTET_STRING, "the TSTInfo")?.content;
    let mut certificates = Vec::new();
    if let Some(set) = fields.optional(CONTEXT)? {
        for element in Reader::new(set.content).all()? {
            if certificates.len() == CERTIFICATES_MAX {
                return Err(TimestampError::unknown(format!("it has more than {CERTIFICATES_MAX} certificates")));
            }
            certificates.push(Certificate::read(element)?);
        }
    }
    if let Some(revocations) = fields.optional(CONTEXT + 1)? {
        der::well_formed(revocations.content)?;
    }
    let mut signers = fields.enter(SET, "the signatures")?;
    fields.end("the SignedData")?;
    let signer = signer(signers.enter(SEQUENCE, "the signature")?)?;
    signers.end("a token has one signature and")?;
    if !known.contains(&signer.digest) {
        return Err(TimestampError::wrong("the digest of its signature is not among those that it lists"));
    }
    let (stamp, authority) = tst_info(Reader::new(der::only(content, SEQUENCE, "the TSTInfo")?.content))?;
    Ok(Token { stamp, content, authority, certificates, signer })
}

fn signer(mut fields: Reader<'_>) -> Result<Signer<'_>, TimestampError> {
    version(&mut fields, &[1], "the signature")?;
    let mut id = fields.enter(SEQUENCE, "the signer's certificate id")?;
    let issuer = id.take(SEQUENCE, "the signer's issuer")?.whole;
    let serial = id.take(INTEGER, "the signer's number")?.content;
    id.end("the signer's certificate id")?;
    let digest = der::algorithm(&mut fields, "the signature's digest")?;
    let attributes = fields.take(CONTEXT, "the signed attributes")?.content;
    let algorithm = der::algorithm(&mut fields, "the signature's algorithm")?;
    let signature = fields.take(OCTET_STRING, "the signature")?.content;
    if let Some(unsigned) = fields.optional(CONTEXT + 1)? {
        der::well_formed(unsigned.content)?;
    }
    fields.end("the signature")?;
    Ok(Signer { issuer, serial, digest, attributes, algorithm, signature })
}

fn tst_info(mut fields: Reader<'_>) -> Result<(Stamp, Option<&[u8]>), TimestampError> {
    version(&mut fields, &[1], "the TSTInfo")?;
    let policy = der::dotted(fields.take(OID, "the policy")?.content);
    let mut imprint = fields.enter(SEQUENCE, "the imprint")?;
    if der::algorithm(&mut imprint, "the imprint's algorithm")? != SHA256 {
        return Err(TimestampError::unknown("the imprint is not SHA-256"));
    }
    let sha256 = imprint.take(OCTET_STRING, "the imprint")?.content;
    let sha256 = sha256.try_into().map_err(|_| TimestampError::unknown("the imprint is not 32 bytes"))?;
    imprint.end("the imprint")?;
    let serial = hex::encode(fields.take(INTEGER, "the number")?.content);
    let time = generalized_time(fields.take(GENERALIZED_TIME, "the time")?.content)?;
    if let Some(accuracy) = fields.optional(SEQUENCE)? {
        der::well_formed(accuracy.content)?;
    }
    if let Some(Element { content, .. }) = fields.optional(BOOLEAN)?
        && content != [0xff]
    {
        return Err(TimestampError::unknown("`ordering` is not written as it should be"));
    }
    let nonce = fields.optional(INTEGER)?.map(|nonce| nonce.content.to_vec());
    let authority = fields.optional(CONTEXT)?.map(|name| name.content);
    if let Some(extensions) = fields.optional(CONTEXT + 1)? {
        no_critical(Reader::new(extensions.content))?;
    }
    fields.end("the TSTInfo")?;
    Ok((Stamp { time, sha256, nonce, serial, policy }, authority))
}

/// An extension that we do not know may be ignored unless it says otherwise.
fn no_critical(extensions: Reader<'_>) -> Result<(), TimestampError> {
    for extension in extensions.all()? {
        let mut fields = Reader::new(extension.content);
        let oid = fields.take(OID, "an extension")?.content;
        if fields.optional(BOOLEAN)?.is_some_and(|critical| critical.content != [0]) {
            return Err(TimestampError::unknown(format!("its extension {} is critical", der::dotted(oid))));
        }
    }
    Ok(())
}

fn version(fields: &mut Reader<'_>, known: &[u8], what: &str) -> Result<(), TimestampError> {
    match fields.take(INTEGER, what)?.content {
        [version] if known.contains(version) => Ok(()),
        other => Err(TimestampError::unknown(format!("{what} has version {}", hex::encode(other)))),
    }
}
