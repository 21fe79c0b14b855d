//! Query parameters: `?filter=Acme/+/Press/%23&limit=100`.
//!
//! Nothing is guessed: a parameter that the route does not know, that comes twice or that is out of range is refused,
//! and the refusal names what would have been accepted; a misspelt `limt` that is silently ignored costs somebody an
//! afternoon.
//! Knows neither routes nor the tree. Invariant: what a handler reads out of a [`Query`] has been decoded exactly once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use factree_namespace::Timestamp;

use crate::path::decode_text;
use crate::problem::{Kind, Problem, clipped};
use crate::sample::{Fields, Wanted};

/// The parameters of one request: names decoded, values raw, because `+` reads differently in a filter.
pub(crate) struct Query<'a> {
    pairs: Vec<(&'static str, &'a str)>,
}

impl<'a> Query<'a> {
    /// The query of a URI, when every parameter in it is one of `accepted` and comes once.
    pub(crate) fn parse(raw: Option<&'a str>, accepted: &[&'static str]) -> Result<Query<'a>, Problem> {
        Query::parse_repeating(raw, accepted, &[])
    }

    /// The same when some of them may come several times.
    pub(crate) fn parse_repeating(
        raw: Option<&'a str>,
        accepted: &[&'static str],
        repeating: &[&'static str],
    ) -> Result<Query<'a>, Problem> {
        let mut pairs = Vec::new();
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (raw_name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode_form(raw_name).map_err(|why| refused(raw_name, why))?;
            let Some(&name) = accepted.iter().find(|&&known| known == name) else {
                return Err(unknown(&name, accepted));
            };
            if !repeating.contains(&name) && pairs.iter().any(|&(seen, _)| seen == name) {
                return Err(refused(name, format!("'{name}' comes twice; say it once")));
            }
            pairs.push((name, value));
        }
        Ok(Query { pairs })
    }

    /// A number within `range`, or `default` when it is not given.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<usize>, default: usize) -> Result<usize, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(default) };
        let wanted = |_| {
            let (least, most) = (range.start(), range.end());
            refused(name, format!("'{name}' is '{}'; it takes a number from {least} to {most}", clipped(raw)))
        };
        let number = raw.parse().map_err(|_| ()).map_err(wanted)?;
        if range.contains(&number) { Ok(number) } else { Err(wanted(())) }
    }

    /// `true` or `false`; `false` when it is not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.raw(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(raw) => Err(refused(name, format!("'{name}' is '{}'; it takes true or false", clipped(raw)))),
        }
    }

    /// One of the names in `accepted`, in whatever case, and what it stands for.
    pub(crate) fn choice<T: Copy>(&self, name: &str, accepted: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let found = accepted.iter().find(|(known, _)| known.eq_ignore_ascii_case(raw));
        let refusal = || {
            let names: Vec<&str> = accepted.iter().map(|&(known, _)| known).collect();
            refused(name, format!("'{name}' is '{}'; it takes one of {}", clipped(raw), names.join(", ")))
        };
        found.map(|&(_, meant)| Some(meant)).ok_or_else(refusal)
    }

    /// A time as RFC 3339 writes it.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let text = decode_text(raw).map_err(|why| refused(name, why))?;
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let refusal =
            || refused(name, format!("'{name}' is '{}'; it takes a time like 2026-01-31T12:00:00Z", clipped(raw)));
        time.map(|time| Some(Timestamp(time))).ok_or_else(refusal)
    }

    /// A cursor that [`cursor`] made, as the text it was made from.
    pub(crate) fn cursor(&self) -> Result<Option<String>, Problem> {
        let Some(raw) = self.raw("cursor") else { return Ok(None) };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(raw).ok();
        match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(text) => Ok(Some(text)),
            None => Err(refused("cursor", "'cursor' takes what an earlier answer gave as next_cursor, unchanged")),
        }
    }

    /// A topic filter. A `+` that fills a level is the wildcard; elsewhere it stands for a space, as forms write it.
    ///
    /// Both are certain, since in a filter `+` may only fill a level: `?filter=Acme/+/My+Press` means what a person
    /// types and what a form encodes. A name of one space is written `%20`.
    pub(crate) fn filter(&self) -> Result<Option<String>, Problem> {
        self.raw("filter").map(filter).transpose()
    }

    /// All the topic filters, when there may be several.
    pub(crate) fn filters(&self) -> Result<Vec<String>, Problem> {
        self.pairs.iter().filter(|(name, _)| *name == "filter").map(|(_, raw)| filter(raw)).collect()
    }

    /// `?fields=value,quality`: the members of a sample that are wanted beside its path, or all.
    pub(crate) fn fields(&self) -> Result<Fields, Problem> {
        self.text("fields")?.map_or(Ok(Fields::ALL), |names| fields(names.split(',')))
    }

    /// `?fields=…&context=…`: what of each sample.
    pub(crate) fn wanted(&self) -> Result<Wanted, Problem> {
        Ok(Wanted { fields: self.fields()?, context: self.flag("context")? })
    }

    /// A text as a form writes it.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        decode_form(raw).map(Some).map_err(|why| refused(name, why))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
    }
}

fn filter(raw: &str) -> Result<String, Problem> {
    let separated = raw.replace("%2F", "/").replace("%2f", "/");
    let levels: Vec<String> =
        separated.split('/').map(|level| if level == "+" { level.into() } else { level.replace('+', " ") }).collect();
    decode_text(&levels.join("/")).map_err(|why| refused("filter", why))
}

/// The members of a sample that are wanted beside its path.
pub(crate) fn fields<'n>(names: impl Iterator<Item = &'n str>) -> Result<Fields, Problem> {
    let add = |fields: Fields, name: &str| match Fields::named(name) {
        Some(field) => Ok(fields.with(field)),
        None => {
            let accepted: Vec<&str> = Fields::NAMES.to_vec();
            let detail = format!("'{}' is no member of a sample; it takes {}", clipped(name), accepted.join(", "));
            Err(refused("fields", detail).accepted(Fields::NAMES))
        }
    };
    names.filter(|&name| name != "path").try_fold(Fields::NONE, add)
}

/// Where a page ended, as text that goes through any URL, log and shell unharmed.
pub(crate) fn cursor(last: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(last)
}

/// A parameter that is known but not acceptable.
pub(crate) fn refused(name: &str, why: impl Into<String>) -> Problem {
    Problem::new(Kind::BadParameter, why).parameter(name)
}

fn unknown(name: &str, accepted: &[&'static str]) -> Problem {
    let takes: &dyn Display = if accepted.is_empty() { &"no parameters" } else { &accepted.join(", ") };
    let detail = format!("'{}' is not a parameter of this route; it takes {takes}", clipped(name));
    Problem::new(Kind::BadParameter, detail).parameter(name).accepted(accepted)
}

fn decode_form(raw: &str) -> Result<String, String> {
    decode_text(&raw.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter_of(raw: &str) -> String {
        Query::parse(Some(raw), &["filter"]).unwrap().filter().unwrap().unwrap()
    }

    #[test]
    fn a_filter_reads_the_same_typed_or_encoded() {
        for (raw, filter) in [
            ("filter=Acme/+/Press/%23", "Acme/+/Press/#"),
            ("filter=Acme%2F%2B%2FPress%2F%23", "Acme/+/Press/#"),
            ("filter=Acme%2f+%2fMy+Press", "Acme/+/My Press"),
            ("filter=My%20Plant/%20/+", "My Plant/ /+"),
            ("filter=%2B", "+"),
            ("filter=", ""),
            ("&&filter=a%252Fb&", "a%2Fb"),
        ] {
            assert_eq!(filter_of(raw), filter, "{raw}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let story = |raw: &str| -> String {
            let read = |raw| {
                let query = Query::parse(Some(raw), &["limit", "cursor", "metrics", "filter"])?;
                query.filter()?;
                query.cursor()?;
                Ok((query.number("limit", 1..=1000, 100)?, query.flag("metrics")?))
            };
            read(raw).map_or_else(|problem: Problem| format!("{problem:?}"), |got| format!("{got:?}"))
        };
        assert_eq!(story(""), "(100, false)");
        assert_eq!(story("limit=1&metrics=true&cursor="), "(1, true)");
        for (raw, why) in [
            ("limt=3", "'limt' is not a parameter of this route; it takes limit, cursor, metrics, filter"),
            ("Limit=3", "'Limit' is not a parameter"),
            ("limit=3&limit=3", "comes twice"),
            ("limit", "from 1 to 1000"),
            ("limit=0", "from 1 to 1000"),
            ("limit=1001", "from 1 to 1000"),
            ("limit=-1", "from 1 to 1000"),
            ("limit=99999999999999999999", "from 1 to 1000"),
            ("metrics", "true or false"),
            ("cursor=!", "unchanged"),
            ("cursor=_w", "unchanged"),
            ("%ff=1", "UTF-8"),
            ("filter=%ff", "UTF-8"),
            ("filter=%", "%25"),
        ] {
            let answer = story(raw);
            assert!(answer.contains(why), "{raw}: {answer}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_left() {
        for text in ["", "Acme/+/#?&=%", "\u{0}°/../", "a//b"] {
            let raw = format!("cursor={}", cursor(text));
            assert_eq!(Query::parse(Some(&raw), &["cursor"]).unwrap().cursor().unwrap().as_deref(), Some(text));
        }
    }
}
