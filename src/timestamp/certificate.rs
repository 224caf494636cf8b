//! The parts of an X.509 certificate that time-stamps ask about and that the library for chains does not
//! look at: key usages, and the validity of a root. The signature of a certificate is `chain`'s.

use super::TimestampError;
use super::der::{
    self, BIT_STRING, BOOLEAN, CONTEXT, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE,
    UTC_TIME,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use rustls_pki_types::CertificateDer;

/// 1.3.6.1.5.5.7.3.8, without tag and length.
pub(super) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// Bits of the first byte of a key usage.
const DIGITAL_SIGNATURE: u8 = 0x80;
const NON_REPUDIATION: u8 = 0x40;
const KEY_CERT_SIGN: u8 = 0x04;

/// An outline of a certificate.
pub(super) struct Certificate<'a> {
    pub(super) der: CertificateDer<'a>,
    /// With tag and length, as names are elsewhere.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) serial: &'a [u8],
    validity: (DateTime<Utc>, DateTime<Utc>),
    is_v1: bool,
    key_usage: Option<&'a [u8]>,
    extended_key_usage: Option<(bool, &'a [u8])>,
    is_ca: bool,
}

impl<'a> Certificate<'a> {
    pub(super) fn read(element: Element<'a>) -> Result<Self, TimestampError> {
        if element.tag != SEQUENCE {
            return Err(TimestampError::unknown("it has a certificate that is not X.509"));
        }
        der::well_formed(element.content)?;
        let mut outer = Reader::new(element.content);
        let mut fields = outer.enter(SEQUENCE, "a certificate")?;
        let version = fields.optional(CONTEXT)?;
        let serial = fields.take(INTEGER, "a certificate's number")?.content;
        fields.take(SEQUENCE, "a certificate's algorithm")?;
        let issuer = fields.take(SEQUENCE, "a certificate's issuer")?.whole;
        let mut validity = fields.enter(SEQUENCE, "a certificate's validity")?;
        let validity = (time(validity.next()?)?, time(validity.next()?)?);
        let subject = fields.take(SEQUENCE, "a certificate's subject")?.whole;
        fields.take(SEQUENCE, "a certificate's key")?;
        let mut certificate = Self {
            der: CertificateDer::from(element.whole),
            issuer,
            subject,
            serial,
            validity,
            is_v1: version.is_none(),
            key_usage: None,
            extended_key_usage: None,
            is_ca: false,
        };
        if let Some(extensions) = fields.optional(CONTEXT + 3)? {
            let extensions = der::only(extensions.content, SEQUENCE, "a certificate's extensions")?;
            for extension in Reader::new(extensions.content).all()? {
                certificate.extension(Reader::new(extension.content))?;
            }
        }
        fields.end("a certificate")?;
        outer.take(SEQUENCE, "a certificate's algorithm")?;
        outer.take(BIT_STRING, "a certificate's signature")?;
        outer.end("a certificate")?;
        Ok(certificate)
    }

    fn extension(&mut self, mut fields: Reader<'a>) -> Result<(), TimestampError> {
        let oid = fields.take(OID, "an extension")?.content;
        let critical = fields.optional(BOOLEAN)?.is_some_and(|critical| critical.content != [0]);
        let value = fields.take(OCTET_STRING, "an extension")?.content;
        fields.end("an extension")?;
        match oid {
            KEY_USAGE => self.key_usage = Some(der::only(value, BIT_STRING, "a key usage")?.content),
            EXTENDED_KEY_USAGE => {
                let usages = der::only(value, SEQUENCE, "an extended key usage")?.content;
                self.extended_key_usage = Some((critical, usages));
            }
            BASIC_CONSTRAINTS => {
                let mut fields = Reader::new(der::only(value, SEQUENCE, "basic constraints")?.content);
                self.is_ca = fields.optional(BOOLEAN)?.is_some_and(|ca| ca.content == [0xff]);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether its key may sign time-stamps, and nothing else: RFC 3161 2.3.
    pub(super) fn may_stamp(&self) -> Result<(), TimestampError> {
        let Some((critical, usages)) = self.extended_key_usage else {
            return Err(TimestampError::wrong("its signer's certificate is not for time-stamps"));
        };
        let usages = Reader::new(usages).all()?;
        if !matches!(usages[..], [usage] if usage.tag == OID && usage.content == TIME_STAMPING) {
            return Err(TimestampError::wrong("its signer's certificate is not for time-stamps alone"));
        }
        if !critical {
            return Err(TimestampError::wrong("its signer's certificate does not mark as critical what it is for"));
        }
        let signs = DIGITAL_SIGNATURE | NON_REPUDIATION;
        match self.key_usage {
            None => Ok(()),
            // The first byte counts the unused bits of the last.
            Some([_, first, rest @ ..])
                if first & signs != 0 && first & !signs == 0 && rest.iter().all(|b| *b == 0) =>
            {
                Ok(())
            }
            Some(_) => Err(TimestampError::wrong("its signer's key is for other uses than signing")),
        }
    }

    /// Whether its key may sign certificates.
    pub(super) fn may_certify(&self) -> Result<(), TimestampError> {
        let by_usage = self.key_usage.is_none_or(|bits| bits.get(1).is_some_and(|first| first & KEY_CERT_SIGN != 0));
        if by_usage && (self.is_ca || self.is_v1) {
            return Ok(());
        }
        Err(TimestampError::wrong("a certificate of its chain may not sign certificates"))
    }

    pub(super) fn valid_at(&self, time: DateTime<Utc>) -> bool {
        self.validity.0 <= time && time <= self.validity.1
    }
}

fn time(element: Element<'_>) -> Result<DateTime<Utc>, TimestampError> {
    match element.tag {
        GENERALIZED_TIME => generalized_time(element.content),
        UTC_TIME => {
            let digits = std::str::from_utf8(element.content).unwrap_or_default();
            let century = if digits.get(..2) < Some("50") { "20" } else { "19" };
            generalized_time(format!("{century}{digits}").as_bytes())
        }
        _ => Err(TimestampError::unknown("a time is of another type")),
    }
}

/// `YYYYMMDDHHMMSS`, then perhaps a point and a fraction of a second, then `Z`. Digits beyond the
/// nanosecond are dropped.
pub(super) fn generalized_time(text: &[u8]) -> Result<DateTime<Utc>, TimestampError> {
    let unknown = || TimestampError::unknown("a time is not written as YYYYMMDDHHMMSS and a fraction, in UTC");
    let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_suffix('Z')).ok_or_else(unknown)?;
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(unknown()),
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    if whole.len() != 14 || fraction.len() > 30 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(unknown());
    }
    let number = |range: std::ops::Range<usize>| whole[range].parse::<u32>().unwrap_or(u32::MAX);
    let nanos = format!("{fraction:0<9}")[..9].parse().unwrap_or(0);
    let date = i32::try_from(number(0..4)).ok().and_then(|y| NaiveDate::from_ymd_opt(y, number(4..6), number(6..8)));
    let at = date.and_then(|date| date.and_hms_nano_opt(number(8..10), number(10..12), number(12..14), nanos));
    at.map(|at: NaiveDateTime| at.and_utc()).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_fractions_and_nothing_else_is() {
        let read = |text: &str| generalized_time(text.as_bytes()).map(|at| at.to_rfc3339()).ok();
        assert_eq!(read("20260304120001Z").as_deref(), Some("2026-03-04T12:00:01+00:00"));
        assert_eq!(read("20260304120001.5Z").as_deref(), Some("2026-03-04T12:00:01.500+00:00"));
        assert_eq!(read("20260304120001.1234567891Z").as_deref(), Some("2026-03-04T12:00:01.123456789+00:00"));
        for odd in ["20260304120001", "20260304120001.Z", "20261304120001Z", "20260304120001+0100", "2026030412Z", "Z"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
