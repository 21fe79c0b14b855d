//! Logging in by browser.

use axum::http::HeaderValue;

pub(crate) const LOGIN: &str = "/api/v1/login";
pub(crate) const ME: &str = "/api/v1/me";
pub(crate) const COOKIE_SECURE: &str = "__Host-factree";
pub(crate) const COOKIE_PLAIN: &str = "factree";

pub(crate) fn cookies_gone() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("__Host-factree=; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
        HeaderValue::from_static("factree=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"),
    ]
}
