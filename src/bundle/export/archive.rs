//! A BagIt bag inside a ZIP that depends on its content alone: paths in order, one date, one mode.
//! Written to a temporary file beside the target, which appears only when it is whole.

use crate::bundle::BundleError;
use crate::bundle::format::{
    ARCHIVE_BYTES_MAX, ENTRIES_MAX, FILE_BYTES_MAX, MANIFEST, TAGMANIFEST, TOTAL_BYTES_MAX, path_allowed, place,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A bag being written.
pub(in crate::bundle) struct Bag {
    zip: ZipWriter<BufWriter<NamedTempFile>>,
    top: String,
    target: PathBuf,
    last: String,
    lower: BTreeSet<String>,
    /// Lines of `manifest-sha256.txt`: on disk, because there is one per file.
    manifest: BufWriter<File>,
    /// Lines of `tagmanifest-sha256.txt` so far: a handful.
    tags: String,
    total: u64,
}

/// What was written.
pub(in crate::bundle) struct Written {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Counts and hashes what goes through.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    size: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(buf)?;
        self.hash.update(&buf[..written]);
        self.size += written as u64;
        if self.size > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes; export a shorter period")));
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(6))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(false)
}

fn packed(path: &str) -> impl FnOnce(zip::result::ZipError) -> BundleError {
    let what = format!("{path} cannot be packed");
    move |error| BundleError::io(what)(std::io::Error::other(error))
}

impl Bag {
    /// Begins a bag in the folder `top` of the archive `target`, which must not be there.
    pub(in crate::bundle) fn create(target: &Path, top: String) -> Result<Self, BundleError> {
        let dir = match target.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let cannot = || BundleError::io(format!("{} cannot be written", target.display()));
        let file = NamedTempFile::new_in(dir).map_err(cannot())?;
        let manifest = tempfile::tempfile_in(dir).map_err(cannot())?;
        Ok(Self {
            zip: ZipWriter::new(BufWriter::new(file)),
            top,
            target: target.to_owned(),
            last: String::new(),
            lower: BTreeSet::new(),
            manifest: BufWriter::new(manifest),
            tags: String::new(),
            total: 0,
        })
    }

    /// Adds a file that the manifests list. Files come in the order of `format::place`.
    pub(in crate::bundle) fn file(
        &mut self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        if path > MANIFEST {
            self.manifest()?;
        }
        let sha256 = self.add(path, write)?;
        let line = format!("{sha256}  {path}\n");
        if path.starts_with("data/") {
            return self.manifest.write_all(line.as_bytes()).map_err(BundleError::io("the manifest cannot be kept"));
        }
        self.tags.push_str(&line);
        Ok(())
    }

    /// Adds a file that no manifest lists.
    pub(in crate::bundle) fn add(
        &mut self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<String, BundleError> {
        let full = format!("{}/{path}", self.top);
        if !path_allowed(&full) || !self.lower.insert(path.to_ascii_lowercase()) || place(&self.last) >= place(path) {
            return Err(BundleError::Request {
                what: format!("{path} cannot be a file of a bundle: too long, or like another but for case"),
                hint: "rename the control or collector that it is called after".to_owned(),
            });
        }
        if self.lower.len() as u64 > ENTRIES_MAX {
            return Err(BundleError::TooLarge { what: "the bundle".to_owned(), limit: format!("{ENTRIES_MAX} files") });
        }
        self.zip.start_file(full.as_str(), options()).map_err(packed(path))?;
        path.clone_into(&mut self.last);
        let mut hashing = Hashing { out: &mut self.zip, hash: Sha256::new(), size: 0 };
        write(&mut hashing)?;
        self.total += hashing.size;
        let sha256 = hex::encode(hashing.hash.finalize());
        if self.total > TOTAL_BYTES_MAX {
            let limit = format!("{TOTAL_BYTES_MAX} bytes");
            return Err(BundleError::TooLarge { what: "the bundle".to_owned(), limit });
        }
        Ok(sha256)
    }

    /// Adds `manifest-sha256.txt`, once, when every file under `data/` is there.
    fn manifest(&mut self) -> Result<(), BundleError> {
        if self.lower.contains(MANIFEST) {
            return Ok(());
        }
        let unkept = || BundleError::io("the manifest cannot be kept");
        self.manifest.flush().map_err(unkept())?;
        let mut lines = self.manifest.get_ref().try_clone().map_err(unkept())?;
        lines.rewind().map_err(unkept())?;
        let sha256 = self.add(MANIFEST, |out| {
            std::io::copy(&mut BufReader::new(lines), out).map_err(unkept())?;
            Ok(())
        })?;
        self.tags.push_str(&format!("{sha256}  {MANIFEST}\n"));
        Ok(())
    }

    /// Adds the tag manifest, and gives its text.
    pub(in crate::bundle) fn tagmanifest(&mut self) -> Result<String, BundleError> {
        self.manifest()?;
        let tags = std::mem::take(&mut self.tags);
        self.add(TAGMANIFEST, |out| {
            out.write_all(tags.as_bytes()).map_err(BundleError::io("the bundle cannot be written"))
        })?;
        Ok(tags)
    }

    /// Puts the archive in its place.
    pub(in crate::bundle) fn finish(self) -> Result<Written, BundleError> {
        let target = self.target.display().to_string();
        let cannot = || BundleError::io(format!("{target} cannot be written"));
        let file = self.zip.finish().map_err(packed("the archive"))?;
        let mut file = file.into_inner().map_err(|e| cannot()(e.into_error()))?;
        file.as_file().sync_all().map_err(cannot())?;
        file.rewind().map_err(cannot())?;
        let (bytes, sha256) = hash_all(file.as_file()).map_err(cannot())?;
        if bytes > ARCHIVE_BYTES_MAX {
            let limit = format!("{ARCHIVE_BYTES_MAX} bytes");
            return Err(BundleError::TooLarge { what: "the archive".to_owned(), limit });
        }
        file.persist_noclobber(&self.target).map_err(|e| cannot()(e.error))?;
        Ok(Written { bytes, sha256 })
    }
}

fn hash_all(mut file: &File) -> std::io::Result<(u64, String)> {
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 65_536]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, hex::encode(hash.finalize())));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}
