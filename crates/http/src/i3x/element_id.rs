//! elementIds: the path of an element, in a form that i3X allows.
//!
//! Most are the path as it is. i3X wants no blanks at either end, nothing that cannot be printed, and one id for one thing among
//! objects and types; so what stands in the way is written `%20`, and so is every `%`.
//! Knows no tree. Invariant: each path has one elementId, and what [`of_path`] does not write is the elementId of nothing.

use std::borrow::Cow;
use std::fmt::Write;

use percent_encoding::percent_decode_str;

use super::object_type::URN;
use super::relationship::Relationship;

/// The path of the element without a name at the top of the tree, which a topic that begins with `/` makes.
const NAMELESS: &str = "%";

/// The elementId of what stands at `path`.
pub(super) fn of_path(path: &str) -> Cow<'_, str> {
    if path.is_empty() {
        return Cow::Borrowed(NAMELESS);
    }
    let begins_taken = path.starts_with(URN) || Relationship::named(path).is_some();
    if !begins_taken && !path.starts_with(is_blank) && !path.ends_with(is_blank) && !path.contains(is_unsuitable) {
        return Cow::Borrowed(path);
    }
    let mut id = String::with_capacity(path.len() + 8);
    let last = path.char_indices().next_back().map_or(0, |(at, _)| at);
    for (at, character) in path.char_indices() {
        let is_at_end = (at == 0 || at == last) && is_blank(character);
        if is_unsuitable(character) || is_at_end || (at == 0 && begins_taken) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(id, "%{byte:02X}").expect("a string takes what is written");
            }
        } else {
            id.push(character);
        }
    }
    Cow::Owned(id)
}

/// The path behind an elementId, if it is one.
pub(super) fn to_path(element_id: &str) -> Option<Cow<'_, str>> {
    if element_id == NAMELESS {
        return Some(Cow::Borrowed(""));
    }
    let path = percent_decode_str(element_id).decode_utf8().ok()?;
    (!path.is_empty() && of_path(&path) == element_id).then_some(path)
}

/// What Rust and JavaScript together take for a blank.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// Not to be printed, or what escapes begin with.
fn is_unsuitable(character: char) -> bool {
    let is_invisible =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    character == '%' || character.is_control() || is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_element_id_and_comes_back_from_it() {
        for (path, id) in [
            ("Acme/Dallas/Press", "Acme/Dallas/Press"),
            ("Acme//Line 1/°C/../+/#", "Acme//Line 1/°C/../+/#"),
            ("Acme/ Oven /x", "Acme/ Oven /x"),
            ("", "%"),
            ("%", "%25"),
            ("Fill%20", "Fill%2520"),
            (" Acme ", "%20Acme%20"),
            (" ", "%20"),
            ("  ", "%20%20"),
            ("a\nb\u{0}\u{7f}", "a%0Ab%00%7F"),
            ("\u{feff}a\u{a0}", "%EF%BB%BFa%C2%A0"),
            ("HasParent", "%48asParent"),
            ("HasParent/x", "HasParent/x"),
            ("urn:factree:isa95:Site", "%75rn:factree:isa95:Site"),
            ("/", "/"),
        ] {
            assert_eq!(of_path(path), id, "{path:?}");
            assert_eq!(to_path(id).as_deref(), Some(path), "{id}");
        }
    }

    #[test]
    fn what_was_never_written_is_no_element_id() {
        for id in ["", " Acme", "Acme ", "Acme%2FDallas", "Acme%2f", "%ff", "100%", "a\nb", "HasParent", "%41cme"] {
            assert_eq!(to_path(id), None, "{id:?}");
        }
    }
}
