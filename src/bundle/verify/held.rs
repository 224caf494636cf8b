//! Records that were read once and are asked for again, many of them many times: packed together, because they are
//! much alike, so that those of a large bundle have room.

use super::container::Archive;
use crate::bundle::BundleError;
use crate::bundle::format::record_path;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::ops::Range;

/// Records that are packed together.
const TOGETHER: usize = 64;
/// What packed records may take in memory; those after them are read from the archive again.
const PACKED_BYTES: usize = 8 << 20;

/// The bytes of records, by number.
pub(super) struct Held {
    /// Numbers of the records, in order.
    numbers: Vec<u64>,
    blocks: Vec<Packed>,
}

/// Records that are being taken.
pub(super) struct Taking {
    held: Held,
    /// Those of the next block, one after another, and where each ends.
    open: Vec<u8>,
    ends: Vec<u32>,
    /// One for all of them: to make one for each leaves holes in memory that nothing fits into.
    deflate: Compress,
    packed: Vec<u8>,
    /// Room that is left.
    room: usize,
}

struct Packed {
    bytes: Box<[u8]>,
    /// Where each record ends, unpacked.
    ends: Box<[u32]>,
}

impl Taking {
    /// None taken yet.
    pub(super) fn new() -> Self {
        Self {
            held: Held { numbers: Vec::new(), blocks: Vec::new() },
            open: Vec::new(),
            ends: Vec::new(),
            deflate: Compress::new(Compression::fast(), false),
            packed: Vec::new(),
            room: PACKED_BYTES,
        }
    }

    /// Takes the next record, while there is room.
    pub(super) fn push(&mut self, index: u64, record: &[u8]) {
        if self.room == 0 {
            return;
        }
        self.held.numbers.push(index);
        self.open.extend_from_slice(record);
        self.ends.push(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
        if self.ends.len() == TOGETHER {
            self.pack();
        }
    }

    /// All of them.
    pub(super) fn end(mut self) -> Held {
        self.pack();
        self.held
    }

    fn pack(&mut self) {
        let Self { held, open, ends, deflate, packed, room } = self;
        packed.clear();
        packed.reserve(open.len() + 1024);
        deflate.reset();
        // What is not packed to its end is not unpacked either: its records are read from the archive.
        let _ = deflate.compress_vec(open, packed, FlushCompress::Finish);
        *room = room.saturating_sub(packed.len());
        held.blocks.push(Packed { bytes: packed.as_slice().into(), ends: ends.as_slice().into() });
        open.clear();
        ends.clear();
    }
}

impl Held {
    /// Which block a record is in, and where.
    fn place(&self, index: u64) -> Option<(usize, usize)> {
        let at = self.numbers.binary_search(&index).ok()?;
        Some((at / TOGETHER, at % TOGETHER))
    }
}

impl Packed {
    fn unpack(&self, inflate: &mut Decompress, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.resize(usize::try_from(*self.ends.last()?).ok()?, 0);
        inflate.reset(false);
        inflate.decompress(&self.bytes, bytes, FlushDecompress::Finish).ok()?;
        (inflate.total_out() == bytes.len() as u64).then_some(())
    }

    /// Where a record stands among the bytes.
    fn range(&self, at: usize) -> Option<Range<usize>> {
        let end = |at: usize| usize::try_from(*self.ends.get(at)?).ok();
        Some(if at == 0 { 0 } else { end(at - 1)? }..end(at)?)
    }
}

/// Reads records, quickly those that lie next to each other.
#[derive(Default)]
pub(super) struct Records {
    inflate: Option<Decompress>,
    /// The block that was read last, unpacked.
    last: Option<usize>,
    bytes: Vec<u8>,
}

impl Records {
    /// Reads the bytes of a record, which was found to be in its one form, or need not be.
    pub(super) fn read<T>(
        &mut self,
        archive: &Archive,
        index: u64,
        parse: impl FnOnce(&[u8]) -> Result<T, BundleError>,
    ) -> Result<T, BundleError> {
        if let Some(held) = archive.records.get()
            && let Some(bytes) = self.held(held, index)
        {
            return parse(bytes);
        }
        parse(&archive.read(&record_path(index))?)
    }

    fn held(&mut self, held: &Held, index: u64) -> Option<&[u8]> {
        let (block, at) = held.place(index)?;
        let packed = held.blocks.get(block)?;
        if self.last != Some(block) {
            self.last = None;
            packed.unpack(self.inflate.get_or_insert_with(|| Decompress::new(false)), &mut self.bytes)?;
            self.last = Some(block);
        }
        self.bytes.get(packed.range(at)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_comes_back_as_it_was_and_no_other_does() {
        let bytes = |index: u64| format!("{{\"record\":{index}}}").repeat(usize::try_from(index % 7).unwrap());
        let numbers: Vec<u64> = (0..300).filter(|index| index % 3 != 1).collect();
        let mut taking = Taking::new();
        numbers.iter().for_each(|index| taking.push(*index, bytes(*index).as_bytes()));
        let held = taking.end();
        let mut records = Records::default();
        for index in (0..310).chain([5, 299, 0]) {
            let found = records.held(&held, index).map(|found| String::from_utf8(found.to_vec()).unwrap());
            assert_eq!(found, numbers.contains(&index).then(|| bytes(index)), "{index}");
        }
    }
}
