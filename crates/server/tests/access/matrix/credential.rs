//! What each who tries shows of himself, and how it is taken away.

use super::Asker;
use crate::plant::Plant;

pub(super) struct Credential {
    asker: Asker,
    key: Option<String>,
}

impl Credential {
    pub(super) fn of(asker: Asker, plant: &Plant) -> Self {
        let key = match asker {
            Asker::Anonymous => None,
            Asker::Wrong => Some("ftk_AAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
            Asker::Other | Asker::Right | Asker::Narrowed => Some(plant.keys[asker.username().unwrap()].clone()),
            Asker::Ended => {
                let (status, key) = plant.ask("boss", "POST", "/api/v1/keys", r#"{"label":"cell","owner":"ended"}"#);
                assert_eq!(status, 201, "{key}");
                Some(key["secret"].as_str().unwrap().to_owned())
            }
        };
        Self { asker, key }
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Takes away what the fifth and the sixth lose; whether that is anything.
    pub(super) fn is_taken_away(&self, plant: &Plant) -> bool {
        match self.asker {
            Asker::Anonymous | Asker::Wrong | Asker::Other | Asker::Right => return false,
            Asker::Narrowed => narrowed_is("theirs", plant),
            Asker::Ended => {
                let id = self.key().unwrap().strip_prefix("ftk_").unwrap().split_once('.').unwrap().0;
                assert_eq!(plant.ask("boss", "DELETE", &format!("/api/v1/keys/{id}"), "").0, 204);
            }
        }
        true
    }

    pub(super) fn is_given_back(&self, plant: &Plant) {
        if self.asker == Asker::Narrowed {
            narrowed_is("ours", plant);
        }
    }
}

fn narrowed_is(role: &str, plant: &Plant) {
    let roles = format!(r#"{{"roles": ["{role}"]}}"#);
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/narrowed", &roles).0, 200);
}
