use super::*;

fn spec(id: u32, passkey: &str) -> UserSpec {
    UserSpec::new(id, Passkey::new(passkey.as_bytes()).unwrap(), 1)
}

fn find(users: &Users, passkey: &str) -> Option<u32> {
    users.by_passkey(&Passkey::new(passkey.as_bytes()).unwrap()).map(|user| user.id)
}

#[test]
fn a_changed_passkey_counts_at_once_and_the_old_one_is_gone() {
    let users = Users::new(HashKey::new([7; 16]));
    users.put(&spec(9, "old"), 10).unwrap();
    assert_eq!(find(&users, "old"), Some(9));
    users.put(&spec(9, "new"), 10).unwrap();
    assert_eq!((find(&users, "old"), find(&users, "new")), (None, Some(9)));
    assert_eq!(users.len(), 1);
}

#[test]
fn a_passkey_in_use_and_a_user_above_the_limit_are_refused() {
    let users = Users::new(HashKey::new([7; 16]));
    users.put(&spec(1, "one"), 2).unwrap();
    users.put(&spec(2, "two"), 2).unwrap();
    assert_eq!(users.put(&spec(2, "one"), 2), Err(RegistryError::PasskeyTaken));
    assert_eq!(users.put(&spec(3, "three"), 2), Err(RegistryError::UserLimit));
    assert_eq!(find(&users, "two"), Some(2));
}

#[test]
fn a_thousand_users_are_all_found_by_passkey_and_by_id() {
    let users = Users::new(HashKey::new([3; 16]));
    for id in 0..1000 {
        users.put(&spec(id, &format!("key{id}")), 1000).unwrap();
    }
    for id in 0..1000 {
        assert_eq!(find(&users, &format!("key{id}")), Some(id));
        let index = users.index_of(id).unwrap();
        assert_eq!(users.by_index(index).unwrap().id, id);
    }
}

#[test]
fn leeching_never_goes_below_zero() {
    let users = Users::new(HashKey::new([3; 16]));
    users.put(&spec(1, "one"), 1).unwrap();
    users.drop_leeching(0);
    assert_eq!(users.leeching(0), 0);
    users.add_leeching(0);
    assert_eq!(users.leeching(0), 1);
}

#[test]
fn a_record_is_28_bytes() {
    assert_eq!(size_of::<Record>(), 28);
}

#[test]
fn a_user_may_be_put_again_with_its_own_passkey_and_what_it_leeches_stays() {
    let users = Users::new(HashKey::new([7; 16]));
    users.put(&spec(5, "five"), 1).unwrap();
    users.add_leeching(0);
    let changed = UserSpec { role_id: 2, download_enabled: false, ..spec(5, "five") };
    users.put(&changed, 1).unwrap();
    let user = users.by_passkey(&changed.passkey).unwrap();
    let expected = User {
        index: 0,
        id: 5,
        role_id: 2,
        download_enabled: false,
        deleted: false,
        has_terms: false,
        restrained: false,
    };
    assert_eq!((user, users.leeching(0), users.len()), (expected, 1, 1));
}

#[test]
fn users_agree_with_a_map_while_passkeys_change_hands_and_the_tables_grow() {
    let users = Users::new(HashKey::new([9; 16]));
    let mut owners = std::collections::HashMap::new();
    let mut passkeys = std::collections::HashMap::new();
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..30_000 {
        let (id, key) = (random.u32(..6_000), random.u32(..12_000));
        let owner = owners.get(&key).copied();
        let result = users.put(&spec(id, &format!("key{key}")), 6_000);
        if owner.is_some_and(|owner| owner != id) {
            assert_eq!(result, Err(RegistryError::PasskeyTaken));
        } else {
            assert_eq!(result, Ok(()));
            passkeys.insert(id, key).map(|old| owners.remove(&old));
            owners.insert(key, id);
        }
    }
    for key in 0..12_000 {
        assert_eq!(find(&users, &format!("key{key}")), owners.get(&key).copied());
    }
    for (key, id) in &owners {
        let index = users.index_of(*id).unwrap();
        let user = users.by_passkey(&Passkey::new(format!("key{key}").as_bytes()).unwrap());
        assert_eq!((user.unwrap().index, user.unwrap().id), (index, *id));
    }
    assert_eq!(users.len(), owners.len());
}

#[test]
fn a_user_is_found_by_others_while_more_are_added() {
    const USERS: u32 = 5_000;
    let users = Users::new(HashKey::new([3; 16]));
    users.put(&spec(0, "first"), USERS).unwrap();
    std::thread::scope(|scope| {
        let readers = [(); 3].map(|()| {
            scope.spawn(|| {
                while users.len() < USERS as usize {
                    assert_eq!(find(&users, "first"), Some(0));
                }
            })
        });
        (1..USERS).for_each(|id| users.put(&spec(id, &format!("key{id}")), USERS).unwrap());
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(find(&users, &format!("key{}", USERS - 1)), Some(USERS - 1));
}
