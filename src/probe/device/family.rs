//! Families of devices while probes run: the profiles in force, and for each family that was met what its fast tables
//! want, made once for all its devices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Wanted;
use super::fetch::Identity;
use crate::config::defs::ProfileDef;
use crate::config::defs::profile::choose::Chosen;
use crate::config::defs::profile::{Arcs, TableDef, Timer};
use crate::model::device::{Asking, Part};

/// The profiles in force; a new plan may bring others while probes run.
#[derive(Debug, Default)]
pub struct Profiles(RwLock<Arc<Families>>);

impl Profiles {
    /// These from now on.
    pub fn set(&self, profiles: Vec<ProfileDef>) {
        let fresh = Arc::new(Families { profiles, met: Mutex::default() });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// Those in force: another `Arc` than before if they were changed.
    pub fn now(&self) -> Arc<Families> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A set of profiles, and what was made of them so far.
#[derive(Debug, Default)]
pub struct Families {
    profiles: Vec<ProfileDef>,
    met: Mutex<HashMap<String, Arc<Family>>>,
}

impl Families {
    /// All profiles, by id.
    pub fn profiles(&self) -> &[ProfileDef] {
        &self.profiles
    }

    /// The family of a device, by what it says it is.
    pub fn of(&self, who: &Identity) -> Arc<Family> {
        let chosen = who.chosen(&self.profiles);
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.entry(chosen.id().to_owned()).or_insert_with(|| Arc::new(Family::new(&chosen))).clone()
    }
}

/// What all devices of a profile have in common.
#[derive(Debug)]
pub struct Family {
    /// The profile's id; empty if there is none, not even the generic one.
    pub id: Arc<str>,
    /// How its devices want to be asked for tables.
    pub(crate) asking: Asking,
    /// Its tables of the fast timer whose things have no probe of their own.
    pub(crate) tables: Vec<TableDef>,
    /// What these need.
    pub(crate) wanted: Wanted,
    /// Its own tables of BGP peers: those of BGP4-MIB are known to the probe itself.
    pub(crate) peers: Vec<TableDef>,
    /// What their names and states need.
    pub(crate) peers_wanted: Wanted,
}

/// bgpPeerTable (BGP4-MIB, RFC 4273).
const BGP_PEERS: &[u32] = &[1, 3, 6, 1, 2, 1, 15, 3, 1];
/// What the probe tells of a peer.
const TOLD_OF_PEERS: [&str; 3] = ["peer", "remote_as", "state"];

/// Classes that the probe `snmp` reads by the profile; it has its own ways with interfaces and routing neighbours.
pub const HEALTH: [&str; 3] = ["cpu", "memory", "sensors"];

impl Family {
    fn new(chosen: &Chosen<'_>) -> Self {
        let fast = |which: &dyn Fn(&TableDef) -> bool| -> Vec<TableDef> {
            let all = chosen.tables().into_iter().filter(|table| table.timer == Timer::Fast && which(table));
            all.cloned().collect()
        };
        let standard = |rows: &[Arcs]| rows.iter().all(|column| column.starts_with(BGP_PEERS));
        let tables = fast(&|table| HEALTH.contains(&table.into.name));
        let peers = fast(&|table| table.into.name == "bgp_peers" && !standard(&table.rows));
        let (mut wanted, mut peers_wanted) = (Wanted::default(), Wanted::default());
        tables.iter().for_each(|table| wanted.table(table));
        let told = |part: &Part| TOLD_OF_PEERS.contains(&part.name);
        peers.iter().for_each(|table| peers_wanted.parts_of(table, told));
        Self { id: Arc::from(chosen.id()), asking: chosen.asking(), tables, wanted, peers, peers_wanted }
    }
}
