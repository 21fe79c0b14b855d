//! What somebody can do who has the files: take frames apart and chain them anew. Written from `docs/guides/audit.md`.

use std::path::Path;

use ring::digest::{Context, SHA256};

/// Bytes of kind, number and length.
const HEADER: usize = 13;
const HASH: usize = 32;

#[derive(Clone)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    pub(crate) fn flip(&mut self, place_in_body: usize) {
        self.0[HEADER + place_in_body] ^= 1;
    }

    pub(crate) fn tear(&mut self) {
        self.0.truncate(HEADER + 5);
    }

    fn is_head(&self) -> bool {
        self.0[0] == b'H'
    }
}

fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let body = u32::from_be_bytes(bytes[9..HEADER].try_into().unwrap()) as usize;
        let (frame, rest) = bytes.split_at(HEADER + body + HASH);
        frames.push(Frame(frame.to_vec()));
        bytes = rest;
    }
    frames
}

/// Gives each frame the hash that fits, from the first one on. Heads say what they said.
pub(crate) fn rewrite(log: &mut [Frame]) {
    let mut before = vec![0; HASH];
    for Frame(frame) in log {
        let end = frame.len() - HASH;
        let mut context = Context::new(&SHA256);
        context.update(b"factree-audit-1\n");
        context.update(&before);
        context.update(&frame[..end]);
        before = context.finish().as_ref().to_vec();
        frame[end..].copy_from_slice(&before);
    }
}

pub(crate) fn first_head(log: &mut [Frame]) -> &mut Frame {
    log.iter_mut().find(|frame| frame.is_head()).expect("a head")
}

/// Cuts off everything behind the first head.
pub(crate) fn set_back(log: &mut Vec<Frame>) {
    let first = log.iter().position(Frame::is_head).expect("a head");
    log.truncate(first + 1);
}

/// Cuts off what comes a little later.
pub(crate) fn cut_off(log: &mut Vec<Frame>) {
    let first = log.iter().position(Frame::is_head).expect("a head");
    log.truncate(first + 2);
}

/// A data directory with the same log.
pub(crate) fn copy(data: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    copy_into(data, copied.path());
    copied
}

pub(crate) fn copy_into(data: &Path, copied: &Path) {
    let audit = copied.join("audit");
    std::fs::create_dir_all(&audit).unwrap();
    for entry in std::fs::read_dir(data.join("audit")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), audit.join(entry.file_name())).unwrap();
    }
}

pub(crate) fn alter(data: &Path, attack: impl FnOnce(&mut Vec<Frame>)) {
    let path = data.join("audit/000001.log");
    let mut log = frames(&std::fs::read(&path).unwrap());
    attack(&mut log);
    std::fs::write(&path, log.into_iter().flat_map(|frame| frame.0).collect::<Vec<u8>>()).unwrap();
}
