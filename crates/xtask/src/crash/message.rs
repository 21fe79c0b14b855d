//! A message that says who published it and can prove that it arrived whole.
//!
//! `FCTR`, publisher (2 bytes), number (8), filling, and a checksum (8) over all of it. Topic and size follow from
//! publisher and number, so a message under the wrong topic is noticed too.

/// The topics of one publisher.
pub(super) const TOPICS: u64 = 8;

const MAGIC: &[u8; 4] = b"FCTR";
const HEAD: usize = 14;
const SUM: usize = 8;

/// Spells a message with so many bytes of filling.
pub(super) fn encode(publisher: u16, number: u64, filling: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + filling + SUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&publisher.to_be_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.resize(HEAD + filling, number as u8);
    let sum = sum(&bytes);
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes
}

/// Publisher and number, if the message is whole.
pub(super) fn decode(bytes: &[u8]) -> Option<(u16, u64)> {
    let (body, said) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    let head = body.get(..HEAD)?;
    let whole = head.starts_with(MAGIC) && sum(body).to_be_bytes() == said;
    let publisher = u16::from_be_bytes(head[4..6].try_into().ok()?);
    let number = u64::from_be_bytes(head[6..].try_into().ok()?);
    whole.then_some((publisher, number))
}

/// Where a publisher publishes this number.
pub(super) fn topic(publisher: u16, number: u64) -> String {
    format!("load/{publisher}/{}", number % TOPICS)
}

/// Where its will is published.
pub(super) fn will_topic(publisher: u16) -> String {
    format!("will/{publisher}")
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_one_other_bit_is_not_whole() {
        let bytes = encode(3, 1 << 40, 5);
        assert_eq!(decode(&bytes), Some((3, 1 << 40)));
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&other), None, "bit {bit}");
        }
        assert_eq!(decode(&bytes[1..]), None);
        assert_eq!(decode(b""), None);
    }
}
