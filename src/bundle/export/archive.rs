//! A BagIt bag inside an archive that depends on its content alone. Written to a temporary file beside the
//! target, which appears only when it is whole.

use super::zip::Zip;
use crate::bundle::BundleError;
use crate::bundle::format::{
    ARCHIVE_BYTES_MAX, ENTRIES_MAX, MANIFEST, PACKED, PATH_BYTES_MAX, Paths, TAGMANIFEST, TOTAL_BYTES_MAX, closing,
};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// A bag being written.
pub(in crate::bundle) struct Bag {
    zip: Zip,
    top: String,
    target: PathBuf,
    paths: Paths,
    /// Lines of `manifest-sha256.txt`.
    manifest: Option<Lines>,
    /// Lines of `packed-sha256.txt`.
    packed: Option<Lines>,
    /// Lines of `tagmanifest-sha256.txt`: a handful.
    tags: String,
    count: u64,
    total: u64,
}

/// What was written.
pub(in crate::bundle) struct Written {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) files: u64,
}

/// Lines kept on disk, because there is one per file.
struct Lines(BufWriter<File>);

impl Lines {
    fn new(dir: &Path) -> std::io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile_in(dir)?)))
    }

    fn add(&mut self, sha256: &str, path: &str) -> Result<(), BundleError> {
        writeln!(self.0, "{sha256}  {path}").map_err(BundleError::io("the manifest cannot be kept"))
    }

    fn copy(self, out: &mut dyn Write) -> Result<(), BundleError> {
        let copied = self.0.into_inner().map_err(|error| error.into_error()).and_then(|mut file| {
            file.rewind()?;
            std::io::copy(&mut BufReader::new(file), out)
        });
        copied.map(|_| ()).map_err(BundleError::io("the manifest cannot be kept"))
    }
}

impl Bag {
    /// Begins a bag in the folder `top` of the archive `target`, which must not be there.
    pub(in crate::bundle) fn create(target: &Path, top: String) -> Result<Self, BundleError> {
        let dir = match target.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let cannot = || BundleError::io(format!("{} cannot be written", target.display()));
        Ok(Self {
            zip: Zip::create(dir).map_err(cannot())?,
            top,
            target: target.to_owned(),
            paths: Paths::default(),
            manifest: Some(Lines::new(dir).map_err(cannot())?),
            packed: Some(Lines::new(dir).map_err(cannot())?),
            tags: String::new(),
            count: 0,
            total: 0,
        })
    }

    /// Adds a file. Files must come in the order of their paths, and none that closes the archive.
    pub(in crate::bundle) fn file(
        &mut self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        if path > MANIFEST {
            self.manifest()?;
        }
        let sha256 = self.add(path, write)?;
        match &mut self.manifest {
            Some(manifest) if path.starts_with("data/") => manifest.add(&sha256, path),
            _ => {
                self.tags.push_str(&format!("{sha256}  {path}\n"));
                Ok(())
            }
        }
    }

    /// Adds the manifest, once everything that it lists is there.
    fn manifest(&mut self) -> Result<(), BundleError> {
        let Some(lines) = self.manifest.take() else { return Ok(()) };
        let sha256 = self.add(MANIFEST, |out| lines.copy(out))?;
        self.tags.push_str(&format!("{sha256}  {MANIFEST}\n"));
        Ok(())
    }

    /// Adds a file that no manifest lists. Returns the SHA-256 of its content.
    pub(in crate::bundle) fn add(
        &mut self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<String, BundleError> {
        let full = format!("{}/{path}", self.top);
        let fits = self.paths.next(path).and(if full.len() > PATH_BYTES_MAX { Err("too long") } else { Ok(()) });
        fits.map_err(|why| BundleError::Request {
            what: format!("{path} cannot be a file of a bundle: {why}"),
            hint: "rename the control or collector that it is called after".to_owned(),
        })?;
        self.count += 1;
        if self.count > ENTRIES_MAX {
            return Err(BundleError::TooLarge { what: "the bundle".to_owned(), limit: format!("{ENTRIES_MAX} files") });
        }
        let added = self.zip.file(&full, closing(path), write)?;
        if let Some(packed) = &mut self.packed {
            packed.add(&added.packed_sha256, path)?;
        }
        self.total += added.size;
        if self.total > TOTAL_BYTES_MAX {
            let limit = format!("{TOTAL_BYTES_MAX} bytes");
            return Err(BundleError::TooLarge { what: "the bundle".to_owned(), limit });
        }
        Ok(added.sha256)
    }

    /// Adds the list of what is packed how, and the tag manifest, whose text it gives.
    pub(in crate::bundle) fn tagmanifest(&mut self) -> Result<String, BundleError> {
        self.manifest()?;
        if let Some(lines) = self.packed.take() {
            let sha256 = self.add(PACKED, |out| lines.copy(out))?;
            self.tags.push_str(&format!("{sha256}  {PACKED}\n"));
        }
        let mut tags: Vec<&str> = self.tags.split_inclusive('\n').collect();
        tags.sort_by_key(|line| line.split_once("  ").map(|(_, path)| path));
        let tags = tags.concat();
        self.add(TAGMANIFEST, |out| {
            out.write_all(tags.as_bytes()).map_err(BundleError::io("the bundle cannot be written"))
        })?;
        Ok(tags)
    }

    /// Puts the archive in its place.
    pub(in crate::bundle) fn finish(self) -> Result<Written, BundleError> {
        let target = self.target.display().to_string();
        let cannot = || BundleError::io(format!("{target} cannot be written"));
        let (file, bytes, sha256) = self.zip.finish().map_err(cannot())?;
        if bytes > ARCHIVE_BYTES_MAX {
            let limit = format!("{ARCHIVE_BYTES_MAX} bytes");
            return Err(BundleError::TooLarge { what: "the archive".to_owned(), limit });
        }
        file.persist_noclobber(&self.target).map_err(|e| cannot()(e.error))?;
        Ok(Written { bytes, sha256, files: self.count })
    }
}
