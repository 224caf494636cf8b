//! Packs in a thread of its own what another makes, so that neither waits for the other. What is made comes in
//! pieces, one file after another; a small one is a single piece.

use super::archive::Bag;
use super::unwritten;
use crate::bundle::BundleError;
use std::io::{Error, ErrorKind, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Most bytes of a piece, and pieces that wait to be packed: together what is held in memory.
const PIECE_BYTES: usize = 65_536;
const WAITING: usize = 64;

/// A part of a file.
struct Piece {
    /// Of the file.
    path: String,
    bytes: Vec<u8>,
    /// Whether it is the last.
    ends: bool,
}

/// Takes files, in the order of their paths.
pub(super) struct Giver(SyncSender<Piece>);

/// A file that is being made.
struct Making<'a> {
    to: &'a SyncSender<Piece>,
    path: &'a str,
    bytes: Vec<u8>,
}

impl Giver {
    /// Takes what `make` writes as a file.
    pub(super) fn file(
        &self,
        path: &str,
        make: impl FnOnce(&mut dyn Write) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        let mut making = Making { to: &self.0, path, bytes: Vec::new() };
        make(&mut making)?;
        making.give(true).map_err(unwritten)
    }
}

impl Making<'_> {
    fn give(&mut self, ends: bool) -> std::io::Result<()> {
        let piece = Piece { path: self.path.to_owned(), bytes: std::mem::take(&mut self.bytes), ends };
        // Nobody takes it when packing has failed, which is told there.
        self.to.send(piece).map_err(|_| Error::from(ErrorKind::BrokenPipe))
    }
}

impl Write for Making<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let fits = buf.len().min(PIECE_BYTES - self.bytes.len());
        self.bytes.extend_from_slice(&buf[..fits]);
        if self.bytes.len() == PIECE_BYTES {
            self.give(false)?;
        }
        Ok(fits)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Adds to the bag every file that `make` gives.
pub(super) fn pack(bag: Bag, make: impl FnOnce(&Giver) -> Result<(), BundleError>) -> Result<Bag, BundleError> {
    let (give, pieces) = sync_channel(WAITING);
    thread::scope(|scope| {
        let packer = scope.spawn(move || take(bag, &pieces));
        let giver = Giver(give);
        let made = make(&giver);
        drop(giver);
        let packed = packer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        made?;
        // Only a maker that failed stops in the middle of a file.
        packed.ok_or_else(|| unwritten(Error::from(ErrorKind::UnexpectedEof)))
    })
}

/// `None`: the last file was not given to its end.
fn take(mut bag: Bag, pieces: &Receiver<Piece>) -> Result<Option<Bag>, BundleError> {
    while let Ok(first) = pieces.recv() {
        let mut whole = true;
        let added = bag.file(&first.path, |out| {
            let (mut piece, mut ends) = (first.bytes, first.ends);
            loop {
                out.write_all(&piece).map_err(unwritten)?;
                if ends {
                    return Ok(());
                }
                let Ok(next) = pieces.recv() else {
                    whole = false;
                    return Ok(());
                };
                (piece, ends) = (next.bytes, next.ends);
            }
        });
        added?;
        if !whole {
            return Ok(None);
        }
    }
    Ok(Some(bag))
}
