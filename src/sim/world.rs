//! A set of simulated devices that runs, and is changed, while somebody watches it.

use std::net::{IpAddr, SocketAddr};

use super::device::{Kind, Power, Unit};
use crate::net::clock::Clock;
use crate::net::serve::ServeError;

/// One service of a device.
#[derive(Debug, Clone)]
pub struct ServiceSpec {
    /// Unique within the device; by default the name of its kind.
    pub name: String,
    /// Port; 0 takes a free one, which then stays the same over stop and start.
    pub port: u16,
    /// What it is.
    pub kind: Kind,
    /// Whether it starts with the world.
    pub up: bool,
}

impl ServiceSpec {
    /// A service that is up from the start, named as its kind.
    pub fn new(port: u16, kind: Kind) -> Self {
        Self { name: kind.name().to_owned(), port, kind, up: true }
    }
}

/// One device: an address and what listens there.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// Unique in the world.
    pub name: String,
    /// Its address; all of 127.0.0.0/8 is this machine.
    pub address: IpAddr,
    /// What listens there.
    pub services: Vec<ServiceSpec>,
}

/// One change of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which device.
    pub device: String,
    /// Which of its services; all of them if none is named.
    pub service: Option<String>,
    /// What happens.
    pub action: Action,
}

/// What can happen to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Its port closes.
    Stop,
    /// It answers again.
    Start,
    /// It holds its port and says nothing.
    Silence,
    /// Something about it changes: an OID, `status`, `body`, `delay`, `banner`.
    Set {
        /// What.
        what: String,
        /// To which value.
        value: String,
    },
}

/// Why the world did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No such device.
    #[error("no device `{0}` in this world; it has {1}")]
    NoDevice(String, String),
    /// No such service.
    #[error("device `{0}` has no service `{1}`; it has {2}")]
    NoService(String, String, String),
    /// A value it cannot take.
    #[error("device `{0}`, service `{1}`: {2}")]
    Set(String, String, String),
    /// A socket did not open.
    #[error("device `{device}`: {source}")]
    Serve {
        /// Device.
        device: String,
        /// What failed.
        source: ServeError,
    },
}

/// Devices that run. Dropping it closes them all.
#[derive(Debug)]
pub struct World {
    clock: Clock,
    devices: Vec<Device>,
}

#[derive(Debug)]
struct Device {
    name: String,
    units: Vec<(String, Unit)>,
}

impl World {
    /// Starts all devices; on the first error nothing stays open.
    pub async fn start(devices: Vec<DeviceSpec>, clock: &Clock) -> Result<Self, WorldError> {
        let mut world = Self { clock: clock.clone(), devices: Vec::with_capacity(devices.len()) };
        for spec in devices {
            let mut device = Device { name: spec.name, units: Vec::with_capacity(spec.services.len()) };
            for service in spec.services {
                let mut unit = Unit::new(spec.address, service.port, service.kind);
                // One that starts later is opened once, so that its port is known and taken.
                unit.switch(Power::Up, clock).await.map_err(|source| serve_error(&device.name, source))?;
                if !service.up {
                    unit.switch(Power::Down, clock).await.map_err(|source| serve_error(&device.name, source))?;
                }
                device.units.push((service.name, unit));
            }
            world.devices.push(device);
        }
        Ok(world)
    }

    /// Where a service listens (or will, when it starts).
    pub fn address(&self, device: &str, service: &str) -> Option<SocketAddr> {
        let device = self.devices.iter().find(|d| d.name == device)?;
        device.units.iter().find(|(name, _)| name == service).map(|(_, unit)| unit.address)
    }

    /// All services: device, service, address, state.
    pub fn services(&self) -> impl Iterator<Item = (&str, &str, SocketAddr, Power)> {
        self.devices.iter().flat_map(|device| {
            device.units.iter().map(|(name, unit)| (device.name.as_str(), name.as_str(), unit.address, unit.power))
        })
    }

    /// Does one step; a step on several services does all that it can before it reports the first error.
    pub async fn apply(&mut self, step: &Step) -> Result<(), WorldError> {
        let known = || self.devices.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(at) = self.devices.iter().position(|d| d.name == step.device) else {
            return Err(WorldError::NoDevice(step.device.clone(), known()));
        };
        let device = self.devices.get_mut(at).expect("position gave its index");
        let wanted = |name: &str| step.service.as_deref().is_none_or(|service| service == name);
        if !device.units.iter().any(|(name, _)| wanted(name)) {
            let has = device.units.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(WorldError::NoService(
                device.name.clone(),
                step.service.clone().unwrap_or_default(),
                if has.is_empty() { "none".into() } else { has },
            ));
        }
        let mut first = Ok(());
        for (name, unit) in device.units.iter_mut().filter(|(name, _)| wanted(name)) {
            let done = match &step.action {
                Action::Stop => unit.switch(Power::Down, &self.clock).await,
                Action::Start => unit.switch(Power::Up, &self.clock).await,
                Action::Silence => unit.switch(Power::Silent, &self.clock).await,
                Action::Set { what, value } => {
                    let set = unit.set(what, value, &self.clock);
                    first = first.and(set.map_err(|why| WorldError::Set(device.name.clone(), name.clone(), why)));
                    continue;
                }
            };
            first = first.and(done.map_err(|source| serve_error(&device.name, source)));
        }
        first
    }

    /// Closes everything and waits until all ports are free.
    pub async fn stop(mut self) {
        for (_, unit) in self.devices.iter_mut().flat_map(|device| device.units.iter_mut()) {
            let _ = unit.switch(Power::Down, &self.clock).await; // closing cannot fail
        }
    }
}

fn serve_error(device: &str, source: ServeError) -> WorldError {
    WorldError::Serve { device: device.to_owned(), source }
}
