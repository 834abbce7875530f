//! Users: lines, programs, habits, and whether they cheat.

use super::looks::Look;
use super::plan::SitePlan;
use crate::cheats::Cheat;
use crate::rng::Rng;
use crate::world::{Access, Members};

/// Networks that a user may announce from.
pub const NETWORKS: usize = 8;

/// People who share a passkey.
pub const SHARERS: usize = 6;

/// A user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// How the user is connected.
    pub access: Access,
    /// Bytes per second.
    pub up: f64,
    /// Bytes per second.
    pub down: f64,
    /// Takes no connections from outside.
    pub firewalled: bool,
    /// Announces over IPv6, too.
    pub dual_stack: bool,
    /// Turns the computer off at night.
    pub sleeps: bool,
    /// Hours after which the network changes; 0 for never.
    pub moves_after_hours: f64,
    /// A seedbox beside the line at home, with another program.
    pub second_home: bool,
    /// The program.
    pub look: Look,
    /// Downloads, relative to those of others.
    pub activity: f64,
    /// What else the user does.
    pub cheat: Cheat,
}

impl Person {
    fn draw(cheat: Cheat, rng: &mut Rng) -> Self {
        let members = Members::OfPrivateSite;
        let access = members.draw_access(rng);
        let up = access.draw_up(rng);
        let at_home = access != Access::Seedbox;
        let moves = access == Access::Slow && rng.chance(0.5);
        let moves_after_hours = if moves { 1.0 + 11.0 * rng.unit() } else { 0.0 };
        let activity = rng.log_normal(0.73, 0.8);
        Self {
            access,
            up,
            down: Access::draw_down(up, rng),
            firewalled: at_home && rng.chance(members.firewalled()),
            dual_stack: rng.chance(0.15),
            sleeps: at_home && rng.chance(0.12),
            moves_after_hours,
            second_home: access == Access::Home && rng.chance(0.05),
            look: Look::draw(access, rng),
            // Who cheats needs to: none of them downloads less than others.
            activity: match cheat {
                Cheat::Honest => activity,
                // Each of them downloads what a user does.
                Cheat::PasskeySharer => activity.max(1.0) * SHARERS as f64,
                _ => activity.max(1.0),
            },
            cheat,
        }
    }

    /// Whether the user changes networks.
    pub fn moves(&self) -> bool {
        self.moves_after_hours > 0.0
    }
}

/// All users; cheats are spread among them.
pub fn draw(plan: &SitePlan, rng: &mut Rng) -> Vec<Person> {
    let mut cheats = vec![Cheat::Honest; plan.users];
    let all = plan.cheats.iter().flat_map(|(cheat, count)| vec![*cheat; *count]);
    cheats.iter_mut().zip(all).for_each(|(place, cheat)| *place = cheat);
    rng.shuffle(&mut cheats);
    cheats.into_iter().map(|cheat| Person::draw(cheat, rng)).collect()
}
