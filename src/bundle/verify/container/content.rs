//! Unpacks the content of one file, as a stream or at once, and checks its size and check sum.

use super::{Archive, Entry, lock};
use crate::bundle::format::closing;
use flate2::bufread::DeflateDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Files of up to this many bytes, and packed ones of up to so many, are unpacked in memory and at once.
const SMALL_BYTES: u64 = 1 << 20;
const SMALL_PACKED_BYTES: u64 = 1 << 18;

/// What a thread unpacks small files with.
struct Scratch {
    inflate: Decompress,
    packed: Vec<u8>,
    content: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        inflate: Decompress::new(false),
        packed: Vec::new(),
        content: Vec::new(),
    });
}

pub(super) type Decoder = DeflateDecoder<BufReader<At>>;

impl Archive {
    /// A file's content as a stream; size and check sum are checked at its end.
    pub(in crate::bundle::verify) fn open_entry(&self, entry: &Entry) -> Content<'_> {
        let packed = self.open_packed(entry);
        let inner = match closing(&entry.path) {
            true => Unpacking::Stored(packed),
            false => Unpacking::Deflate(match lock(&self.idle).pop() {
                Some(mut decoder) => {
                    decoder.reset(packed);
                    decoder
                }
                None => DeflateDecoder::new(packed),
            }),
        };
        Content { archive: self, inner, crc: Crc::new(), left: entry.size, expected: entry.crc, packed: entry.packed }
    }

    /// A file's bytes as they stand in the archive.
    pub(in crate::bundle::verify) fn open_packed(&self, entry: &Entry) -> BufReader<At> {
        // No larger than what there is to read: most files are small.
        let capacity = usize::try_from(entry.packed).unwrap_or(usize::MAX).clamp(1, 32_768);
        BufReader::with_capacity(capacity, At::new(&self.file, entry.at, entry.at + entry.packed))
    }

    /// Takes the content of a small file, and its packed bytes. `None`: it is none, or not as it should be, and
    /// `open_entry` says how.
    pub(in crate::bundle::verify) fn small<T>(&self, entry: &Entry, take: impl FnOnce(&[u8], &[u8]) -> T) -> Option<T> {
        if entry.size > SMALL_BYTES || entry.packed > SMALL_PACKED_BYTES || closing(&entry.path) {
            return None;
        }
        let (packed_bytes, bytes) = (usize::try_from(entry.packed).ok()?, usize::try_from(entry.size).ok()?);
        SCRATCH.with_borrow_mut(|Scratch { inflate, packed, content }| {
            let packed = at_least(packed, packed_bytes);
            self.file.read_exact_at(packed, entry.at).ok()?;
            inflate.reset(false);
            // Room for a byte more, so that one shows.
            let ended = inflate.decompress(packed, at_least(content, bytes + 1), FlushDecompress::Finish).ok()?;
            let content = &content[..bytes];
            let mut crc = Crc::new();
            crc.update(content);
            let right = ended == Status::StreamEnd
                && (inflate.total_in(), inflate.total_out()) == (entry.packed, entry.size)
                && crc.sum() == entry.crc;
            right.then(|| take(content, packed))
        })
    }
}

/// A file's content, unpacked and checked.
pub(in crate::bundle::verify) struct Content<'a> {
    archive: &'a Archive,
    inner: Unpacking,
    crc: Crc,
    left: u64,
    expected: u32,
    packed: u64,
}

/// A file's packed bytes on their way to being its content.
enum Unpacking {
    Stored(BufReader<At>),
    Deflate(Decoder),
    Done,
}

impl Drop for Content<'_> {
    fn drop(&mut self) {
        if let Unpacking::Deflate(decoder) = std::mem::replace(&mut self.inner, Unpacking::Done) {
            lock(&self.archive.idle).push(decoder);
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let invalid = |why: &str| Err(Error::new(ErrorKind::InvalidData, why));
        let read = match &mut self.inner {
            Unpacking::Stored(inner) => inner.read(buf)?,
            Unpacking::Deflate(inner) => inner.read(buf)?,
            Unpacking::Done => 0,
        };
        self.crc.update(&buf[..read]);
        let Some(left) = self.left.checked_sub(read as u64) else {
            return invalid("holds more than the archive says");
        };
        self.left = left;
        if read > 0 {
            return Ok(read);
        }
        if left > 0 {
            return invalid("holds less than the archive says");
        }
        if self.crc.sum() != self.expected {
            return invalid("does not match the archive's check sum");
        }
        if let Unpacking::Deflate(inner) = &self.inner
            && inner.total_in() != self.packed
        {
            return invalid("bytes after the packed content");
        }
        Ok(0)
    }
}

/// A stretch of a file, read independently of other readers of the file.
pub(in crate::bundle::verify) struct At {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl At {
    pub(super) fn new(file: &Arc<File>, at: u64, end: u64) -> Self {
        Self { file: file.clone(), at, end }
    }
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buf[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The first bytes of what is made long enough.
fn at_least(bytes: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if bytes.len() < length {
        bytes.resize(length, 0);
    }
    &mut bytes[..length]
}
