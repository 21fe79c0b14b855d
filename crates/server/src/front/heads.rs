//! Heads: which bytes of a connection are the head of a request, looked at before the library has them.
//!
//! Two things it leaves open. It takes a bare LF for the end of a line, as it may `[RFC 9112, 2.2]`; but who passes a request on
//! to us may not, and two who disagree where a line ends disagree where a request ends. And of a first line that is longer
//! than its buffer it says 431, where 414 is due `[RFC 9112, 3]`. So a bare LF becomes a NUL, which it refuses with 400; a line that is
//! too long is ended for its sender, and whatever it asks for then is answered with 414.
//! What comes behind a head waits until the library has said how long its body is. Knows no header field.
//! Invariant: no byte of a head is handed on that was not looked at.

use std::io;

use super::turn::Turn;

/// The bytes of a first line beside its target: a method, two spaces and a version.
const BESIDE_TARGET_MAX: u32 = 64;

/// Ends a first line, and the head with it.
const ENDING: &[u8] = b" HTTP/1.1\r\n\r\n";

pub(super) struct Heads {
    state: State,
    line_bytes_max: u32,
}

enum State {
    Head(Head),
    /// All of a head was handed on.
    Whole,
    /// So many bytes are left of a body.
    Body(u64),
    /// Nothing that comes is a head any more.
    Over,
}

#[derive(Default)]
struct Head {
    /// Whether its first line is there, and not only empty ones, which count for nothing `[RFC 9112, 2.2]`.
    has_begun: bool,
    /// Bytes of the line that is not ended.
    line_len: u32,
    /// Whether the last of them was a CR.
    after_cr: bool,
}

/// What was found, and how many bytes belong to it.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// No end.
    Part,
    Whole(usize),
    /// An LF without its CR.
    BareLf(usize),
    LongLine(usize),
}

impl Heads {
    pub(super) fn new(target_bytes_max: u32) -> Self {
        let line_bytes_max = target_bytes_max.saturating_add(BESIDE_TARGET_MAX);
        Self { state: State::Head(Head::default()), line_bytes_max }
    }

    /// How many of these bytes may be handed on, at least one if there are any. The rest is to be looked at again, unless
    /// something is to be handed on in place of it and of all that comes.
    ///
    /// # Errors
    /// The library reads on behind a head and has not said what the head is about: it takes the head for another than we do.
    pub(super) fn look(&mut self, bytes: &mut [u8], turn: &Turn) -> io::Result<(usize, Option<&'static [u8]>)> {
        if turn.has_no_more_heads() {
            self.state = State::Over;
        }
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.state {
                State::Over => return Ok((bytes.len(), None)),
                State::Whole if at > 0 => return Ok((at, None)),
                State::Whole => match turn.body_bytes() {
                    Some(len) => self.state = State::Body(len),
                    None => return Err(io::Error::other("the end of a head is not clear")),
                },
                State::Body(0) => self.state = State::Head(Head::default()),
                State::Body(left) => {
                    let len = (bytes.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= len as u64;
                    at += len;
                }
                State::Head(head) => match head.read(&bytes[at..], self.line_bytes_max) {
                    Found::Part => return Ok((bytes.len(), None)),
                    Found::Whole(len) => {
                        self.state = State::Whole;
                        at += len;
                    }
                    Found::BareLf(len) => {
                        bytes[at + len - 1] = 0;
                        self.state = State::Over;
                    }
                    Found::LongLine(len) => {
                        turn.note_long_line();
                        self.state = State::Over;
                        return Ok((at + len, Some(ENDING)));
                    }
                },
            }
        }
        Ok((at, None))
    }
}

impl Head {
    fn read(&mut self, bytes: &[u8], line_bytes_max: u32) -> Found {
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let len = end - begin;
            if let Some(enough) = self.too_long(len, line_bytes_max) {
                return Found::LongLine(begin + enough);
            }
            let (has_cr, line_len) = match len {
                0 => (self.after_cr, self.line_len as usize),
                _ => (bytes[end - 1] == b'\r', self.line_len as usize + len),
            };
            begin = end + 1;
            if !has_cr {
                return Found::BareLf(begin);
            }
            let is_empty = line_len == 1;
            if is_empty && self.has_begun {
                return Found::Whole(begin);
            }
            *self = Self { has_begun: self.has_begun || !is_empty, line_len: 0, after_cr: false };
        }
        let rest = &bytes[begin..];
        if let Some(enough) = self.too_long(rest.len(), line_bytes_max) {
            return Found::LongLine(begin + enough);
        }
        if let Some(last) = rest.last() {
            self.line_len = self.line_len.saturating_add(rest.len() as u32);
            self.after_cr = *last == b'\r';
        }
        Found::Part
    }

    /// How many of the next bytes are enough to make a first line too long.
    fn too_long(&self, len: usize, line_bytes_max: u32) -> Option<usize> {
        let left = line_bytes_max.saturating_sub(self.line_len) as usize;
        (!self.has_begun && len > left).then_some(left + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::front::places::Places;
    use crate::gate::Origin;

    const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    fn turn() -> Turn {
        Turn::new(Arc::new(Places::new(1, Duration::MAX)), Origin::of(IpAddr::from([10, 0, 0, 1])))
    }

    /// What the library is handed, a `|` between what comes at once, if it takes each head to have a body of so many bytes, or one
    /// whose length nobody knows.
    fn handed(reads: &[&str], body: Option<u64>) -> String {
        let (mut heads, turn) = (Heads::new(8), turn());
        let mut all = Vec::new();
        for read in reads {
            let mut bytes = read.as_bytes().to_vec();
            while !bytes.is_empty() {
                let Ok((len, instead)) = heads.look(&mut bytes, &turn) else { return "unclear".to_owned() };
                all.push(String::from_utf8(bytes.drain(..len).collect()).unwrap().replace('\0', "NUL"));
                if instead.is_some() {
                    assert!(turn.begin(Some(0)).is_cut);
                    all.push("too long".to_owned());
                    return all.join("|");
                }
                if matches!(heads.state, State::Whole) {
                    turn.begin(body);
                }
            }
        }
        all.join("|")
    }

    #[test]
    fn heads_come_one_at_a_time_however_they_are_cut() {
        assert_eq!(handed(&[GET, GET], Some(0)), format!("{GET}|{GET}"));
        assert_eq!(handed(&[&GET.repeat(2)], Some(0)), format!("{GET}|{GET}"));
        assert_eq!(handed(&[&format!("\r\n\r\n{GET}")], Some(0)), format!("\r\n\r\n{GET}"));
        for cut in 1..GET.len() {
            let (a, b) = GET.split_at(cut);
            assert_eq!(handed(&[a, b, GET], Some(0)), format!("{a}|{b}|{GET}"));
        }
    }

    #[test]
    fn a_body_is_none_of_ours_and_what_is_behind_it_is() {
        let posts = format!("{GET}a\n\nb{GET}");
        assert_eq!(handed(&[&posts], Some(4)), format!("{GET}|a\n\nb{GET}"));
        assert_eq!(handed(&[GET, "a\n", "\nb\n"], Some(4)), format!("{GET}|a\n|\nbNUL"));
        assert_eq!(handed(&[&posts], None), format!("{GET}|a\n\nb{GET}"), "nothing behind it is a head");
    }

    #[test]
    fn a_bare_lf_is_none_wherever_it_is_in_a_head() {
        assert_eq!(handed(&["GET / HTTP/1.1\nX: y\n\n"], Some(0)), "GET / HTTP/1.1NULX: y\n\n");
        assert_eq!(handed(&["GET / HTTP/1.1\r\nX: y\n\r\n"], Some(0)), "GET / HTTP/1.1\r\nX: yNUL\r\n");
        assert_eq!(handed(&["GET / HTTP/1.1\r\nX: y\r\n\n"], Some(0)), "GET / HTTP/1.1\r\nX: y\r\nNUL");
        assert_eq!(handed(&["\nGET / HTTP/1.1\r\n"], Some(0)), "NULGET / HTTP/1.1\r\n");
        assert_eq!(handed(&["GET / HTTP/1.1\r", "\n", "\n"], Some(0)), "GET / HTTP/1.1\r|\n|NUL");
        assert_eq!(handed(&[&format!("{GET}GET / HTTP/1.1\nX")], Some(0)), format!("{GET}|GET / HTTP/1.1NULX"));
    }

    #[test]
    fn a_first_line_has_an_end() {
        let line = "x".repeat(72);
        assert_eq!(handed(&[&line, "\r\n"], Some(0)), format!("{line}|\r|too long"));
        assert_eq!(handed(&[&line[1..], "\r\n", &line, &line], Some(0)), format!("{}|\r\n|{line}|{line}", &line[1..]));
        assert_eq!(handed(&[&line.repeat(2)], Some(0)), format!("{line}x|too long"));
        assert_eq!(handed(&[&format!("{GET}{}", line.repeat(2))], Some(0)), format!("{GET}|{line}x|too long"));
    }

    #[test]
    fn who_reads_on_without_a_word_is_not_let_further() {
        let (mut heads, turn) = (Heads::new(8), turn());
        assert!(heads.look(&mut GET.as_bytes().to_vec(), &turn).is_ok());
        assert!(heads.look(&mut GET.as_bytes().to_vec(), &turn).is_err());
    }
}
