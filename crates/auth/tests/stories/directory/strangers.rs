//! Stories of those who are not in the directory: some are shut out by name, and nothing tells that the others are not known.

use super::*;

#[test]
fn whom_an_identity_provider_or_an_authority_names_is_shut_out_by_name_and_let_in_again() {
    for who in [Principal::Token(name("carl")), Principal::Certificate(name("carl"))] {
        let mut world = World::new();
        let comes = |directory: &mut Directory, who: &Principal| match who {
            Principal::Token(_) => {
                let provider = Provider::new();
                let claims = Arc::new(provider.jwks().open(&provider.issues(&claims())).unwrap());
                let until = MORNING.after(Duration::from_secs(3600));
                let subject = TokenSubject { name: name("carl"), roles: names(&["reader"]), until };
                directory.login_by_token(subject, &claims, MORNING)
            }
            _ => {
                let own = Mapped::Own { name: name("carl"), roles: names(&["reader"]) };
                directory.login_by_certificate(own, &shown(&[8]), MORNING)
            }
        };
        let mut carl = comes(&mut world.directory, &who).unwrap();
        let mut anna = world.logs_in("anna", "correct horse").unwrap();
        world.does(Command::SetDisabled { who: who.clone(), disabled: true });
        world.does(Command::SetDisabled { who: who.clone(), disabled: true });
        assert!(carl.is_stale() && !anna.is_stale());
        assert_eq!(world.looks(&mut carl), Err(Refusal::Disabled));
        assert_eq!(world.directory.outlive(&mut carl, MORNING), Err(Refusal::Disabled));
        assert_eq!(world.looks(&mut anna), Ok(()));
        let mut restarted = world.restarted();
        assert_eq!(comes(&mut restarted, &who).err(), Some(Refusal::Disabled));
        assert_eq!(restarted.disabled().collect::<Vec<_>>(), [(&who, MORNING)]);
        assert!(restarted.is_disabled(&who) && !restarted.is_disabled(&user("carl")));
        restarted.restore(format!("disabled/{who} too").as_bytes(), b"half a rec").unwrap();
        assert_eq!(restarted.disabled().count(), 2, "a record that is broken still says the name");
        world.does(Command::SetDisabled { who: who.clone(), disabled: false });
        comes(&mut world.directory, &who).unwrap();
        assert_eq!(world.restarted().disabled().count(), 0);
        assert_eq!(
            world.tries(Command::SetDisabled { who: who.clone(), disabled: false }),
            Err(Refused::NotDisabled(who))
        );
    }
    let mut world = World::new();
    let anybody = Command::SetDisabled { who: Principal::Anonymous, disabled: true };
    assert_eq!(world.tries(anybody), Err(Refused::Nameless));
    for number in 0..limits().disabled_max {
        world.does(Command::SetDisabled { who: Principal::Token(name(&number.to_string())), disabled: true });
    }
    let one_more = Command::SetDisabled { who: Principal::Token(name("one more")), disabled: true };
    assert_eq!(world.tries(one_more), Err(Refused::TooMany("disabled certificates and tokens")));
}

#[test]
fn whoever_is_not_known_takes_as_long_as_most_of_those_who_are() {
    let mut world = World::new();
    let dearer = Cost::new(16, 2, 1).unwrap();
    let cost_for_nobody = |world: &World| world.directory.password_check("nobody").cost();
    world.directory = {
        let mut directory = Directory::new(DirectoryLimits { password_cost: dearer, ..limits() }, vec![]);
        assert_eq!(directory.password_check("nobody").cost(), dearer, "nobody is known");
        world.store.iter().for_each(|(key, value)| directory.restore(key, value).unwrap());
        directory
    };
    assert_eq!(cost_for_nobody(&world), CHEAP(), "anna's and root's were made when it was cheaper");
    assert_eq!(world.directory.password_check("anna").cost(), CHEAP());
    for (who, password) in [("anna", "correct horse"), ("root", "admin of all")] {
        let before = world.proves(who, password).unwrap().outdated_hash(&world.directory).unwrap().clone();
        let after = {
            let permit = world.gate.enter().unwrap();
            PasswordHash::new(&permit, &Password::chosen(password).unwrap(), dearer, [9; 16])
        };
        world.does(Command::RenewHash { name: name(who), before, after });
    }
    assert_eq!(cost_for_nobody(&world), dearer, "both have logged in since");
    world.adds("old", "some password", &[]);
    assert_eq!(cost_for_nobody(&world), dearer);
    world.does(Command::SetPassword { name: name("anna"), password: None });
    world.adds("older", "some password", &[]);
    assert_eq!(cost_for_nobody(&world), CHEAP());
    world.does(Command::RemoveUser(name("old")));
    world.does(Command::SetDisabled { who: user("older"), disabled: true });
    assert_eq!(cost_for_nobody(&world), dearer, "who may not log in is checked like nobody");
}
