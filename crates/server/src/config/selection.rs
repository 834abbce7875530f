//! The section `[selection]`: which peers an asker is given.

use std::collections::BTreeMap;

use mika_core::selection::strategy::{RoleWeight, Selection, Strategies};

use super::Config;
use super::section::section;
use super::validate::Found;

section! {
    /// Which peers an asker is given in a swarm that is larger than the list it asks for. Without
    /// any strategy all peers are as likely. docs/selection.md says what each strategy is good
    /// for.
    pub struct SelectionConfig in "selection" {
        /// The strategies, as in ["location", "completion"]. A torrent can have others, by the
        /// admin API.
        /// "location": peers near the asker; needs geo data. It goes with any other.
        /// "completion": seeders who have given little of the torrent since they completed it.
        /// "fast", "slow": seeders who upload fast, or slowly.
        /// "user_class": seeders by their role, see role_weights and always_include_roles.
        /// "seed_time": seeders who came last.
        /// The last five share out what there is to earn, so that only one of them may be there.
        live strategies: Vec<String> = Vec::new();

        /// Whether several strategies that work against each other may be there.
        live allow_conflicts: bool = false;

        /// Whether uploads count for nothing on this site. "completion" is warned of then, for it
        /// shares out credit that nobody needs.
        live ratioless: bool = false;

        /// The part of a list that stays uniform at random, in percent, so that swarms hold
        /// together and everybody has a share.
        live uniform_percent: u16 = 25, 10..=100;

        /// Kilometres at which a peer is half as likely as one next door.
        live half_weight_km: u32 = 500, 1..=20_000;

        /// Hours of seeding after which a seeder is half as likely as one who just came.
        live half_weight_seed_hours: u32 = 24, 1..=240;

        /// How likely seeders of a role are, in percent, by the role's number, as in
        /// { "3" = 200, "7" = 50 }. From 10 to 1000; 100 for roles that are not listed.
        live role_weights: BTreeMap<String, u16> = BTreeMap::new();

        /// Numbers of roles of which every leecher is given seeders, two at most, as in [3] for
        /// uploaders. In swarms of more than 32 peers.
        live always_include_roles: Vec<u16> = Vec::new();
    }
}

/// What a role may weigh, in percent.
const WEIGHTS: std::ops::RangeInclusive<u16> = 10..=1000;

impl SelectionConfig {
    /// The strategies. Names that mean nothing are left out: the configuration is not accepted with
    /// them.
    fn strategies(&self) -> Strategies {
        let known = self.strategies.iter().filter_map(|name| Strategies::of_name(name));
        known.fold(Strategies::UNIFORM, |all, one| all | one)
    }

    /// What the values mean for the tracker.
    pub fn selection(&self) -> Selection {
        let weights = self.role_weights.iter();
        let numbered = weights.filter_map(|(role, weight)| Some((role.parse().ok()?, *weight)));
        let mut roles: BTreeMap<u16, RoleWeight> = BTreeMap::new();
        let unlisted = self.always_include_roles.iter().map(|role| (*role, 100));
        for (role_id, weight_percent) in unlisted.chain(numbered) {
            let always_include = self.always_include_roles.contains(&role_id);
            roles.insert(role_id, RoleWeight { role_id, weight_percent, always_include });
        }
        Selection {
            strategies: self.strategies(),
            uniform_percent: u8::try_from(self.uniform_percent).unwrap_or(100),
            half_weight_km: self.half_weight_km,
            half_weight_seed_hours: self.half_weight_seed_hours,
            roles: roles.into_values().collect(),
        }
    }
}

impl Config {
    /// What is allowed in this configuration, and still hardly what somebody wants.
    pub fn warnings(&self) -> Vec<String> {
        let selection = &self.selection;
        let mut warnings = Vec::new();
        let strategies = selection.strategies();
        if selection.ratioless && strategies.has(Strategies::COMPLETION) {
            warnings.push(
                "`selection.strategies` has \"completion\" on a site without ratios: it makes \
                 downloads slower to share out credit that nobody needs"
                    .to_owned(),
            );
        }
        let lists_roles =
            !selection.role_weights.is_empty() || !selection.always_include_roles.is_empty();
        if strategies.has(Strategies::USER_CLASS) && !lists_roles {
            warnings.push(
                "`selection.strategies` has \"user_class\", which does nothing without \
                 `selection.role_weights` or `selection.always_include_roles`"
                    .to_owned(),
            );
        }
        if selection.allow_conflicts
            && let Some((one, other)) = strategies.conflict()
        {
            warnings.push(format!(
                "`selection.strategies` has \"{one}\" and \"{other}\", which work against each \
                 other"
            ));
        }
        warnings
    }
}

pub(super) fn rules(config: &Config, found: &mut Found) {
    let selection = &config.selection;
    let unknown = |name: &&String| Strategies::of_name(name).is_none();
    for name in selection.strategies.iter().filter(unknown) {
        found.when(true, &["selection.strategies"], || {
            let names: Vec<&str> = Strategies::NAMES.into_iter().map(|(_, name)| name).collect();
            format!(
                "`selection.strategies`: there is no strategy named `{name}`, only {}",
                names.join(", ")
            )
        });
    }
    if let Some((one, other)) = selection.strategies().conflict() {
        found.when(
            !selection.allow_conflicts,
            &["selection.strategies", "selection.allow_conflicts"],
            || {
                format!(
                    "`selection.strategies`: \"{one}\" and \"{other}\" work against each other; \
                     choose one of them, or set `selection.allow_conflicts`"
                )
            },
        );
    }
    for (role, weight) in &selection.role_weights {
        found.when(role.parse::<u16>().is_err(), &["selection.role_weights"], || {
            format!("`selection.role_weights`: `{role}` is not a number from 0 to 65535")
        });
        found.when(!WEIGHTS.contains(weight), &["selection.role_weights"], || {
            format!("`selection.role_weights`: {weight} is not from 10 to 1000")
        });
    }
}

#[cfg(test)]
mod tests;
