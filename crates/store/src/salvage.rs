//! stub
use crate::directory::Directory;
use crate::engine::Failure;
use crate::identity::Identity;
use crate::limits::Limits;
use std::path::PathBuf;
pub(crate) struct Salvaged {
    pub(crate) set_aside: PathBuf,
    pub(crate) kept: u64,
    pub(crate) dropped: u64,
}
pub(crate) fn salvage(_d: &Directory, _i: Option<Identity>, _l: &Limits) -> Result<Salvaged, Failure> {
    Err(Failure::Damaged("not yet".to_owned()))
}
