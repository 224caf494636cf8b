//! Taking a bundle apart and putting it together again in the same form: an attacker's tools.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evidenced::ledger::bundle_key::BundleKey;
use evidenced::ledger::note::{Checkpoint, SigningKey};
use evidenced::ledger::tree::{Frontier, Hash, inclusion_proof, leaf_hash, root_of};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The files of a bundle, by path inside its folder.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) top: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    pub(crate) fn read(path: &Path) -> Self {
        let mut archive = ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut files = BTreeMap::new();
        let mut top = String::new();
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).unwrap();
            let (folder, inside) =
                entry.name().unwrap().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            top = folder;
            files.insert(inside, bytes);
        }
        Self { top, files }
    }

    pub(crate) fn get(&self, path: &str) -> &[u8] {
        self.files.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", self.files.keys()))
    }

    /// The first file whose path begins and ends so.
    pub(crate) fn find(&self, start: &str, end: &str) -> String {
        let found = self.files.keys().find(|path| path.starts_with(start) && path.ends_with(end));
        found.unwrap_or_else(|| panic!("no {start}…{end} in {:?}", self.files.keys())).clone()
    }

    pub(crate) fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.get(path).to_vec()).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}:\n{text}");
        self.files.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
    }

    /// Makes the manifests fit again, as anyone can.
    pub(crate) fn remanifest(&mut self) {
        self.files.retain(|path, _| path != "manifest-sha256.txt" && !closing(path));
        let lines = |files: &BTreeMap<String, Vec<u8>>, data: bool| {
            let signature = |path: &str| path.starts_with("tagmanifest-sha256.txt");
            let of = files.iter().filter(|(path, _)| path.starts_with("data/") == data && !signature(path));
            of.map(|(path, bytes)| format!("{}  {path}\n", sha256(bytes))).collect::<String>()
        };
        let manifest = lines(&self.files, true).into_bytes();
        self.files.insert("manifest-sha256.txt".to_owned(), manifest);
        let packed = self.packed_lines().into_bytes();
        self.files.insert("packed-sha256.txt".to_owned(), packed);
        let tags = lines(&self.files, false);
        self.files.insert("tagmanifest-sha256.txt".to_owned(), tags.into_bytes());
    }

    /// Signs the tag manifest, as whoever holds the key of bundles can.
    pub(crate) fn sign(&mut self, key: &BundleKey) {
        let signature = key.sign("evidenced-bundle", self.get("tagmanifest-sha256.txt")).unwrap();
        self.files.insert("tagmanifest-sha256.txt.sig".to_owned(), signature.into_bytes());
    }

    /// Makes the log fit its records again, as whoever holds its key can: leaf hashes, root, checkpoint and proofs.
    /// Of a bundle that begins with the log.
    pub(crate) fn relog(&mut self, key: &SigningKey) {
        const LEAVES: &str = "data/log/leafhashes.txt";
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let leaf = |line: &str| -> Hash { hex::decode(line).unwrap().try_into().unwrap() };
        let mut leaves: Vec<Hash> = text(self.get(LEAVES)).lines().map(leaf).collect();
        let number = |path: &String| path.strip_prefix("data/records/")?.strip_suffix(".json")?.parse::<usize>().ok();
        let records: Vec<usize> = self.files.keys().filter_map(number).collect();
        for record in &records {
            leaves[*record] = leaf_hash(self.get(&format!("data/records/{record:012}.json")));
        }
        let hash = |level: u32, at: u64| {
            let mut tree = Frontier::default();
            leaves[(at << level) as usize..((at + 1) << level) as usize].iter().for_each(|leaf| tree.push(*leaf));
            Ok::<_, Infallible>(tree.root())
        };
        let (size, note) = (leaves.len() as u64, text(self.get("data/log/checkpoint")));
        let origin = note.lines().next().unwrap().to_owned();
        let note = text(&Checkpoint { origin, size, root: root_of(size, hash).unwrap() }.sign([key]));
        for record in records {
            let path = inclusion_proof(record as u64, size, hash).unwrap();
            let path: String = path.iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect();
            let proof = format!("c2sp.org/tlog-proof@v1\nindex {record}\n{path}\n{note}");
            self.files.insert(format!("data/proofs/{record:012}.tlog-proof"), proof.into_bytes());
        }
        let leaves: String = leaves.iter().map(|leaf| format!("{}\n", hex::encode(leaf))).collect();
        self.files.insert(LEAVES.to_owned(), leaves.into_bytes());
        self.files.insert("data/log/checkpoint".to_owned(), note.into_bytes());
    }

    /// A line for the packed bytes of every file, as `write` will pack it.
    fn packed_lines(&self) -> String {
        let mut archive = ZipArchive::new(Cursor::new(self.pack())).unwrap();
        let mut lines = String::new();
        for at in 0..archive.len() {
            let mut entry = archive.by_index_raw(at).unwrap();
            let path = entry.name().unwrap().split_once('/').unwrap().1.to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            lines.push_str(&format!("{}  {path}\n", sha256(&bytes)));
        }
        lines
    }

    fn pack(&self) -> Vec<u8> {
        let named = |(path, bytes): (&String, &Vec<u8>)| (format!("{}/{path}", self.top), bytes.clone());
        let (last, first): (Vec<_>, Vec<_>) =
            self.files.iter().map(named).partition(|(path, _)| closing(path.split_once('/').unwrap().1));
        pack(&[first, last].concat(), form())
    }

    /// Makes a record's `SHA256SUMS` fit the files in its folder again, as anyone can.
    pub(crate) fn resum(&mut self, folder: &str) {
        let sums = format!("{folder}/SHA256SUMS");
        self.files.remove(&sums);
        let inside = self.files.iter().filter_map(|(path, bytes)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some(format!("{}  {name}\n", sha256(bytes)))
        });
        let text: String = inside.collect();
        self.files.insert(sums, text.into_bytes());
    }

    /// Takes a record's files away, and its salt.
    pub(crate) fn drop_files(&mut self, index: u64) {
        self.files.retain(|path, _| !path.contains(&format!("/{index:012}/")));
        let salts = String::from_utf8(self.get("data/salts.csv").to_vec()).unwrap();
        let others = |line: &&str| !line.starts_with(&format!("{index},"));
        let left: String = salts.split_inclusive('\n').filter(others).collect();
        assert!(left.len() < salts.len(), "record {index} has no salt");
        self.files.insert("data/salts.csv".to_owned(), left.into_bytes());
    }

    pub(crate) fn write(&self, dir: &Path) -> PathBuf {
        let path = dir.join("changed.zip");
        std::fs::write(&path, self.pack()).unwrap();
        path
    }
}

/// What vouches for the rest comes last in the archive, and is not packed.
pub(crate) fn closing(path: &str) -> bool {
    path.starts_with("packed-sha256") || path.starts_with("tagmanifest-sha256")
}

/// The form that bundles have.
pub(crate) fn form() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(6))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

pub(crate) fn pack(files: &[(String, Vec<u8>)], options: SimpleFileOptions) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let stored = options.compression_method(CompressionMethod::Stored).compression_level(None);
        let last = path.split_once('/').is_some_and(|(_, inside)| closing(inside));
        zip.start_file(path.as_str(), if last { stored } else { options }).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
