//! A ZIP archive as bundles have it, written from front to back: one date, one mode, no extra fields, sizes
//! before the data. Nothing of what was written is held in memory.

use crate::bundle::BundleError;
use crate::bundle::format::{ARCHIVE_BYTES_MAX, FILE_BYTES_MAX};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, BufWriter, Error, Read, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, SpooledTempFile};

/// Packed bytes of a file that are held in memory; more go to disk until its header can be written.
const SPOOL_BYTES: usize = 1 << 20;
/// More entries than this are counted by a ZIP64 record.
const COUNT_MAX_16: u64 = 0xffff;

/// An archive being written.
pub(super) struct Zip {
    out: Out,
    /// The central directory, on disk: it has an entry per file.
    central: BufWriter<File>,
    central_bytes: u64,
    count: u64,
    deflate: DeflateEncoder<SpooledTempFile>,
    dir: PathBuf,
}

/// What a file came to.
pub(super) struct Added {
    /// Of its content, hex.
    pub(super) sha256: String,
    /// Of its bytes as they stand in the archive, hex.
    pub(super) packed_sha256: String,
    /// Length of its content.
    pub(super) size: u64,
}

/// The archive's file, and the hash of what went into it.
struct Out {
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    at: u64,
}

impl Write for Out {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buf)?;
        self.hash.update(&buf[..written]);
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Counts and hashes a file's content on its way.
struct Content<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    crc: Crc,
    size: u64,
}

impl Write for Content<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(buf)?;
        self.hash.update(&buf[..written]);
        self.crc.update(&buf[..written]);
        self.size += written as u64;
        if self.size > FILE_BYTES_MAX {
            return Err(Error::other(format!("larger than {FILE_BYTES_MAX} bytes; export a shorter period")));
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// What both headers of an entry say.
struct Header<'a> {
    name: &'a str,
    stored: bool,
    crc: u32,
    packed: u64,
    size: u64,
}

impl Header<'_> {
    /// Lowest version that can unpack it.
    fn version(&self) -> u8 {
        if self.stored { 10 } else { 20 }
    }

    /// From the version needed to the length of extra fields.
    fn shared(&self) -> Vec<u8> {
        let method = if self.stored { 0 } else { 8 };
        // No flags; 1980-01-01 00:00.
        let mut bytes = vec![self.version(), 0, 0, 0, method, 0, 0, 0, 0x21, 0];
        bytes.extend(self.crc.to_le_bytes());
        // Both are below 4 GiB, and a name below 64 KiB, whose two upper bytes are the length of no extra fields.
        for number in [self.packed, self.size, self.name.len() as u64] {
            bytes.extend(&number.to_le_bytes()[..4]);
        }
        bytes
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.shared()[..], self.name.as_bytes()].concat()
    }

    fn central(&self, at: u64) -> Vec<u8> {
        // Made by Unix; no comment, first disk, no attributes of text; a plain file of mode 0644.
        let mode = (0o100_644_u32 << 16).to_le_bytes();
        let made_by = [self.version(), 3];
        let at = &at.to_le_bytes()[..4];
        [b"PK\x01\x02", &made_by[..], &self.shared(), &[0; 6], &mode, at, self.name.as_bytes()].concat()
    }
}

impl Zip {
    /// Begins one in a temporary file in `dir`.
    pub(super) fn create(dir: &Path) -> std::io::Result<Self> {
        let out = Out { file: BufWriter::new(NamedTempFile::new_in(dir)?), hash: Sha256::new(), at: 0 };
        Ok(Self {
            out,
            central: BufWriter::new(tempfile::tempfile_in(dir)?),
            central_bytes: 0,
            count: 0,
            deflate: DeflateEncoder::new(SpooledTempFile::new_in(SPOOL_BYTES, dir), Compression::new(6)),
            dir: dir.to_owned(),
        })
    }

    /// Adds a file; `stored`: as it is.
    pub(super) fn file(
        &mut self,
        name: &str,
        stored: bool,
        write: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<Added, BundleError> {
        let unwritten = || BundleError::io(format!("{name} cannot be packed"));
        let mut spool = SpooledTempFile::new_in(SPOOL_BYTES, &self.dir);
        let out: &mut dyn Write = if stored { &mut spool } else { &mut self.deflate };
        let mut content = Content { out, hash: Sha256::new(), crc: Crc::new(), size: 0 };
        write(&mut content)?;
        let (sha256, crc, size) = (hex::encode(content.hash.finalize()), content.crc.sum(), content.size);
        let spool = if stored { spool } else { self.deflate.reset(spool).map_err(unwritten())? };
        let packed_sha256 = self.put(name, stored, crc, size, spool).map_err(unwritten())?;
        if self.out.at > ARCHIVE_BYTES_MAX {
            let limit = format!("{ARCHIVE_BYTES_MAX} bytes");
            return Err(BundleError::TooLarge { what: "the archive".to_owned(), limit });
        }
        Ok(Added { sha256, packed_sha256: hex::encode(packed_sha256), size })
    }

    /// Writes an entry whose packed bytes are there. Returns their SHA-256.
    fn put(
        &mut self,
        name: &str,
        stored: bool,
        crc: u32,
        size: u64,
        mut spool: SpooledTempFile,
    ) -> std::io::Result<[u8; 32]> {
        let packed = spool.stream_position()?;
        spool.rewind()?;
        let header = Header { name, stored, crc, packed, size };
        let central = header.central(self.out.at);
        self.central.write_all(&central)?;
        self.central_bytes += central.len() as u64;
        self.count += 1;
        self.out.write_all(&header.local())?;
        let (mut hash, mut buffer) = (Sha256::new(), [0; 16_384]);
        loop {
            match spool.read(&mut buffer)? {
                0 => return Ok(hash.finalize().into()),
                read => {
                    hash.update(&buffer[..read]);
                    self.out.write_all(&buffer[..read])?;
                }
            }
        }
    }

    /// Ends the archive. Returns its file, length and SHA-256.
    pub(super) fn finish(mut self) -> std::io::Result<(NamedTempFile, u64, String)> {
        let start = self.out.at;
        let mut central = self.central.into_inner().map_err(|error| error.into_error())?;
        central.rewind()?;
        std::io::copy(&mut BufReader::new(central), &mut self.out)?;
        let end = end(self.count, start, self.central_bytes);
        self.out.write_all(&end)?;
        let file = self.out.file.into_inner().map_err(|error| error.into_error())?;
        file.as_file().sync_all()?;
        Ok((file, self.out.at, hex::encode(self.out.hash.finalize())))
    }
}

/// The end record, and before it the ZIP64 one if there are more entries than it can count.
fn end(count: u64, start: u64, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut count_16, mut size_32) = (count, size);
    if count > COUNT_MAX_16 {
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [count, count, size, start] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend((start + size).to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        (count_16, size_32) = (COUNT_MAX_16, u64::from(u32::MAX));
    }
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(&count_16.to_le_bytes()[..2]);
    bytes.extend(&count_16.to_le_bytes()[..2]);
    bytes.extend(&size_32.to_le_bytes()[..4]);
    bytes.extend(&start.to_le_bytes()[..4]);
    bytes.extend([0, 0]);
    bytes
}
