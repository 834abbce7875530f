use super::*;

fn config(change: impl FnOnce(&mut SelectionConfig)) -> Config {
    let mut config = Config::default();
    change(&mut config.selection);
    config
}

fn messages(config: &Config) -> Vec<String> {
    let violations = super::super::validate::violations(config);
    violations.into_iter().map(|violation| violation.message).collect()
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_default_is_the_uniform_choice() {
    let selection = Config::default().selection.selection();
    assert_eq!(selection, Selection::default());
    assert!(selection.strategies.is_uniform());
    assert_eq!(Config::default().warnings(), Vec::<String>::new());
}

#[test]
fn c9_two_strategies_that_work_against_each_other_are_refused_by_name() {
    let economy = ["completion", "fast", "slow", "user_class", "seed_time"];
    for one in economy {
        let with = |others: &[&str]| config(|it| it.strategies = named(others));
        assert_eq!(messages(&with(&[one])), Vec::<String>::new());
        assert_eq!(messages(&with(&["location", one])), Vec::<String>::new());
        for other in economy.into_iter().filter(|other| *other != one) {
            let found = messages(&with(&[one, other]));
            assert_eq!(found.len(), 1);
            for word in [one, other, "selection.allow_conflicts"] {
                assert!(found[0].contains(word), "{found:?}");
            }
            let allowed = config(|it| {
                it.strategies = named(&[one, other]);
                it.allow_conflicts = true;
            });
            assert_eq!(messages(&allowed), Vec::<String>::new());
            assert!(allowed.warnings().iter().any(|it| it.contains("against each other")));
        }
    }
}

#[test]
fn a_strategy_that_does_not_exist_and_weights_out_of_range_are_found() {
    assert_eq!(
        messages(&config(|it| it.strategies = named(&["near"]))),
        ["`selection.strategies`: there is no strategy named `near`, only location, completion, \
          fast, slow, user_class, seed_time"]
    );
    let wrong = [("x".to_owned(), 100), ("3".to_owned(), 9), ("4".to_owned(), 1000)];
    assert_eq!(
        messages(&config(|it| it.role_weights = wrong.into())),
        [
            "`selection.role_weights`: 9 is not from 10 to 1000",
            "`selection.role_weights`: `x` is not a number from 0 to 65535",
        ]
    );
}

#[test]
fn completion_on_a_ratioless_site_is_warned_of() {
    let ratioless = |names: &[&str]| {
        config(|it| {
            it.ratioless = true;
            it.strategies = named(names);
        })
    };
    let warnings = ratioless(&["completion"]).warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("\"completion\" on a site without ratios"));
    assert_eq!(ratioless(&["seed_time"]).warnings(), Vec::<String>::new());
    assert_eq!(
        config(|it| it.strategies = named(&["completion"])).warnings(),
        Vec::<String>::new()
    );
}

#[test]
fn roles_are_weighed_and_always_included_by_their_numbers() {
    let config = config(|it| {
        it.strategies = named(&["user_class", "location"]);
        it.role_weights = [("3".to_owned(), 200), ("12".to_owned(), 50)].into();
        it.always_include_roles = vec![3, 4];
    });
    let selection = config.selection.selection();
    assert_eq!(selection.strategies, Strategies::USER_CLASS | Strategies::LOCATION);
    let role = |role_id, weight_percent, always_include| RoleWeight {
        role_id,
        weight_percent,
        always_include,
    };
    assert_eq!(selection.roles, [role(3, 200, true), role(4, 100, true), role(12, 50, false)]);
}
