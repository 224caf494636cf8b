//! DER, as far as time-stamps and certificates need it. Strict: definite lengths in their shortest form,
//! tags of one byte. Nothing is copied.

use super::TimestampError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// Constructed, of the context: `[0]`; `[1]` and so on count up from it.
pub(super) const CONTEXT: u8 = 0xa0;

/// Deepest nesting that is walked.
const DEPTH_MAX: u32 = 32;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

/// Elements one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub(super) fn next(&mut self) -> Result<Element<'a>, TimestampError> {
        let bad = |why: &str| TimestampError::unknown(why);
        let [tag, first, ..] = *self.0 else { return Err(bad("it ends too early")) };
        if tag & 0x1f == 0x1f {
            return Err(bad("it has a tag of several bytes"));
        }
        let (header, length) = match first {
            0..=0x7f => (2, usize::from(first)),
            0x81..=0x84 => {
                let digits = self.0.get(2..2 + usize::from(first & 0x7f)).ok_or_else(|| bad("it ends too early"))?;
                let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
                if digits[0] == 0 || length < 0x80 {
                    return Err(bad("a length is not written in its shortest form"));
                }
                (2 + digits.len(), length)
            }
            _ => return Err(bad("a length is indefinite or too large")),
        };
        let whole = header.checked_add(length).and_then(|end| self.0.get(..end));
        let whole = whole.ok_or_else(|| bad("it ends too early"))?;
        self.0 = &self.0[whole.len()..];
        Ok(Element { tag, content: &whole[header..], whole })
    }

    /// The next element, which must have that tag.
    pub(super) fn take(&mut self, tag: u8, what: &str) -> Result<Element<'a>, TimestampError> {
        let found = self.next()?;
        if found.tag != tag {
            return Err(TimestampError::unknown(format!("{what} is of another type, {:#04x}", found.tag)));
        }
        Ok(found)
    }

    /// The content of the next element, to be read in turn.
    pub(super) fn enter(&mut self, tag: u8, what: &str) -> Result<Self, TimestampError> {
        Ok(Self(self.take(tag, what)?.content))
    }

    /// The next element, if it has that tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, TimestampError> {
        if self.0.first() == Some(&tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Nothing may be left.
    pub(super) fn end(&self, what: &str) -> Result<(), TimestampError> {
        if self.0.is_empty() { Ok(()) } else { Err(TimestampError::unknown(format!("{what} has more than is known"))) }
    }

    /// All elements that are left.
    pub(super) fn all(mut self) -> Result<Vec<Element<'a>>, TimestampError> {
        let mut found = Vec::new();
        while !self.is_empty() {
            found.push(self.next()?);
        }
        Ok(found)
    }
}

/// A single element that fills the bytes.
pub(super) fn only<'a>(bytes: &'a [u8], tag: u8, what: &str) -> Result<Element<'a>, TimestampError> {
    let mut reader = Reader::new(bytes);
    let found = reader.take(tag, what)?;
    reader.end(what)?;
    Ok(found)
}

/// Whether bytes are DER to their depth, for parts whose meaning is not needed.
pub(super) fn well_formed(bytes: &[u8]) -> Result<(), TimestampError> {
    fn walk(bytes: &[u8], depth: u32) -> Result<(), TimestampError> {
        if depth == DEPTH_MAX {
            return Err(TimestampError::unknown("it is nested too deeply"));
        }
        for element in Reader::new(bytes).all()? {
            if element.tag & 0x20 != 0 {
                walk(element.content, depth + 1)?;
            }
        }
        Ok(())
    }
    walk(bytes, 0)
}

/// An AlgorithmIdentifier without parameters, or with NULL: its object identifier.
pub(super) fn algorithm<'a>(reader: &mut Reader<'a>, what: &str) -> Result<&'a [u8], TimestampError> {
    let mut fields = reader.enter(SEQUENCE, what)?;
    let oid = fields.take(OID, what)?.content;
    if let Some(null) = fields.optional(NULL)?
        && !null.content.is_empty()
    {
        return Err(TimestampError::unknown(format!("{what} has odd parameters")));
    }
    fields.end(what)?;
    Ok(oid)
}

/// An object identifier as people write it.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut value = 0_u64;
    for byte in oid {
        value = value.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            match parts.is_empty() {
                true => parts.extend([(value / 40).min(2), value - 40 * (value / 40).min(2)]),
                false => parts.push(value),
            }
            value = 0;
        }
    }
    parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// A length as it is written.
pub(super) fn length(length: usize) -> Vec<u8> {
    if length < 0x80 {
        return vec![length.to_le_bytes()[0]];
    }
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    let mut written = vec![0x80 | digits.len().to_le_bytes()[0]];
    written.extend(digits);
    written
}
