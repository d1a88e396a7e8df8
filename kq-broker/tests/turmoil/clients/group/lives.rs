//! A member through all of its processes: in a storm each of them dies, leaves or freezes after a
//! while, and another one takes its place.

use std::rc::Rc;
use std::time::Duration;

use futures::future::pending;

use super::commits::commit;
use super::desk::Desk;
use super::{Club, classic, consumer};
use crate::clients::{Ground, Phase};
use crate::groups::{Belief, Identity};

/// How long a process lives.
const LIFE_MS: (u64, u64) = (3_000, 14_000);
/// How long a member is away between two processes, or a process frozen.
const AWAY_MS_MAX: u64 = 4_500;

/// A member.
pub(super) struct Member<'a> {
    pub(super) ground: &'a Ground,
    pub(super) club: Club,
    pub(super) number: u32,
    instance: Option<String>,
}

impl Member<'_> {
    pub(super) fn identity(&self, member: String, generation: i32) -> Identity {
        let instance = self.instance.clone();
        Identity { group: self.club.name(), member, instance, generation }
    }
}

/// What becomes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It dies without a word.
    Dies,
    /// It says good-bye.
    Leaves,
    /// It stands still for a while, and goes on as if nothing had been.
    Freezes,
    /// It stands still, another one takes its place, and it commits once more when it wakes.
    Haunts,
}

impl Fate {
    fn draw(ground: &Ground) -> Self {
        match ground.draw(100) {
            0..30 => Self::Dies,
            30..50 => Self::Leaves,
            50..80 => Self::Freezes,
            _ => Self::Haunts,
        }
    }
}

/// A member's processes, one after another; once the storm is over the last one stays.
pub(super) async fn live_on(ground: &Rc<Ground>, club: Club, number: u32) {
    let is_static = number == club.members();
    let instance = is_static.then(|| format!("{}-{number}", club.name()));
    let me = Member { ground, club, number, instance };
    let mut member = String::new();
    ground.pause(500).await;
    loop {
        let fate = Fate::draw(ground);
        let is_fenced = Box::pin(me.run_until(std::mem::take(&mut member))).await;
        let belief = ground.book.borrow_mut().forgets(club.name(), number);
        ground.note_change(format_args!("{} {number}: fenced {is_fenced}, {fate:?}", club.name()));
        match belief.filter(|_| !is_fenced) {
            Some(belief) if fate == Fate::Haunts => {
                tokio::task::spawn_local(haunt(Rc::clone(ground), club, belief));
            }
            Some(belief) => member = Box::pin(me.end(fate, belief)).await,
            None => ground.pause(1_000).await,
        }
    }
}

/// A process that stood still wakes, and does what it was about to do.
async fn haunt(ground: Rc<Ground>, club: Club, Belief { identity, positions, .. }: Belief) {
    ground.pause(AWAY_MS_MAX).await;
    Box::pin(commit(&mut Desk::new(&ground, club), &identity, &positions, 1)).await;
}

impl Member<'_> {
    /// A process from its start to its fate; whether another one took its place before.
    async fn run_until(&self, member: String) -> bool {
        let (ground, club, number) = (self.ground, self.club, self.number);
        ground.note_change(format_args!("{} {number} starts as {member:?}", club.name()));
        let (least, most) = LIFE_MS;
        let life = Duration::from_millis(least + ground.draw(most - least));
        let fated = async {
            ground.reach(Phase::Storm).await;
            tokio::time::sleep(life).await;
            if ground.phase.get() != Phase::Storm {
                pending::<()>().await;
            }
        };
        let run = async {
            match club {
                Club::Classic => classic::run(self, member).await,
                Club::Consumer => consumer::run(self, member).await,
            }
        };
        tokio::select! {
            biased;
            () = run => true,
            () = fated => false,
        }
    }

    /// What comes after a process; the member id that the next one begins with.
    async fn end(&self, fate: Fate, belief: Belief) -> String {
        let ground = self.ground;
        let Belief { identity, positions, .. } = belief;
        let mut desk = Desk::new(ground, self.club);
        if fate == Fate::Leaves {
            match self.club {
                Club::Classic => classic::leave(&mut desk, &identity).await,
                Club::Consumer => consumer::leave(&mut desk, &identity).await,
            }
        }
        ground.pause(AWAY_MS_MAX).await;
        if fate != Fate::Freezes {
            return String::new();
        }
        commit(&mut desk, &identity, &positions, 1).await;
        identity.member
    }
}
