//! What the demo's devices are made of: what each make says beside its ports, as recordings in the words of its vendor's
//! MIB, and how it writes its log. They are examples: no serial number or reading is anybody's.

use super::network::{Node, Port};
use crate::net::snmp::Oid;
use crate::sim::recording::{Entry, Recording};

/// A make of device.
#[derive(Debug)]
pub(super) struct Make {
    /// sysDescr.
    pub(super) describes: &'static str,
    /// sysObjectID.
    object_id: &'static [u32],
    /// What it says beside its ports; `SERIAL` stands for its serial number.
    says: &'static str,
    /// Whether its fibre ports have modules that tell how much light they get.
    optics: bool,
    /// How its log says that a port went up or down; `None` = its log is not sent.
    pub(super) port_line: Option<fn(&str, bool) -> String>,
    /// Whether its log has logins in the words of VRP.
    pub(super) tells_logins: bool,
    /// The temperature that a failing fan raises: its variable, and degrees in good and bad times.
    pub(super) heat: Option<(&'static str, [&'static str; 2])>,
}

/// A core switch with VRP. Its sysObjectID is that of the series, since no model of it is meant.
pub(super) const CORE: Make = Make {
    describes: "S6730-H24X6C Huawei Versatile Routing Platform Software VRP (R) software,Version 5.170 (S6730 V200R022C00SPC500) (Fengsui demo, simulated)",
    object_id: &[1, 3, 6, 1, 4, 1, 2011, 2, 23],
    says: VRP,
    optics: true,
    port_line: Some(|port, up| {
        let state = if up { "UP" } else { "DOWN" };
        format!("%%01IFNET/4/IF_STATE(l)[7]:Interface {port} has turned into {state} state.")
    }),
    tells_logins: true,
    heat: Some(("1.3.6.1.4.1.2011.5.25.31.1.1.1.1.11.67108873", ["43", "78"])),
};
/// A firewall with StoneOS.
pub(super) const FIREWALL: Make = Make {
    describes: "Hillstone Security Appliance SG-6000-E3965 (Fengsui demo, simulated)",
    object_id: &[1, 3, 6, 1, 4, 1, 28557, 1, 126],
    says: STONE_OS,
    optics: false,
    port_line: None,
    tells_logins: false,
    heat: None,
};
/// An access switch with Comware.
pub(super) const ACCESS: Make = Make {
    describes: "H3C Switch E528 Software Version 5.20, Release 1513P62 (Fengsui demo, simulated)",
    object_id: &[1, 3, 6, 1, 4, 1, 25506, 1, 578],
    says: COMWARE,
    optics: false,
    port_line: Some(|port, up| {
        let state = if up { "UP" } else { "DOWN" };
        format!("%%10IFNET/3/LINK_UPDOWN(l): {port} link status is {state}.")
    }),
    tells_logins: false,
    heat: None,
};
/// A server with net-snmp.
pub(super) const SERVER: Make = Make {
    describes: "Linux demo 6.1.0-40-amd64 #1 SMP x86_64 (Fengsui demo, simulated)",
    object_id: &[1, 3, 6, 1, 4, 1, 8072, 3, 2, 10],
    says: NET_SNMP,
    optics: false,
    port_line: None,
    tells_logins: false,
    heat: None,
};

/// HUAWEI-ENTITY-EXTENT-MIB: a board with processor, memory and temperature, two fans, two power supplies; when the
/// configuration was changed and saved (HUAWEI-CONFIG-MAN-MIB); VLANs (Q-BRIDGE-MIB).
const VRP: &str = "\
1.3.6.1.2.1.47.1.1.1.1.5.16777216|2|3
1.3.6.1.2.1.47.1.1.1.1.7.16777216|4|S6730-H24X6C frame
1.3.6.1.2.1.47.1.1.1.1.11.16777216|4|SERIAL
1.3.6.1.2.1.47.1.1.1.1.5.67108873|2|9
1.3.6.1.2.1.47.1.1.1.1.7.67108873|4|MPU Board 0
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.2.67108873|2|3
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.5.67108873|2:gauge|18,0.4,900,0,0.15,140,0
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.6.67108873|2|95
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.7.67108873|2:gauge|37,0.05,5400,0
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.8.67108873|2|90
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.9.67108873|2|1626341376
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.11.67108873|2:gauge|43,0.06,3600,0
1.3.6.1.4.1.2011.5.25.31.1.1.1.1.12.67108873|2|70
1.3.6.1.4.1.2011.5.25.31.1.1.10.1.5.0.1|2|35
1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7.0.1|2|1
1.3.6.1.4.1.2011.5.25.31.1.1.10.1.5.0.2|2|35
1.3.6.1.4.1.2011.5.25.31.1.1.10.1.7.0.2|2|1
1.3.6.1.4.1.2011.5.25.31.1.1.18.1.6.0.1|2|1
1.3.6.1.4.1.2011.5.25.31.1.1.18.1.6.0.2|2|1
1.3.6.1.4.1.2011.6.10.1.1.1.0|67|9022
1.3.6.1.4.1.2011.6.10.1.1.2.0|67|9431
1.3.6.1.2.1.17.7.1.4.3.1.1.100|4|设备管理
1.3.6.1.2.1.17.7.1.4.3.1.1.200|4|政务外网
1.3.6.1.2.1.17.7.1.4.3.1.1.300|4|视频会议
";

/// HILLSTONE-SYSTEM-MIB: serial number, version, processor and memory.
const STONE_OS: &str = "\
1.3.6.1.4.1.28557.2.2.1.1.0|4|SERIAL
1.3.6.1.4.1.28557.2.2.1.2.0|4|Version 5.5 (simulated)
1.3.6.1.4.1.28557.2.2.1.3.0|2:gauge|26,0.4,700,0,0.2,95,0
1.3.6.1.4.1.28557.2.2.1.4.0|66|8388608
1.3.6.1.4.1.28557.2.2.1.5.0|66:gauge|2900000,0.1,4000,0
";

/// HH3C-ENTITY-EXT-MIB: a board with processor, memory and temperature; a fan and a power supply (HH3C-LSW-DEV-ADM-MIB).
const COMWARE: &str = "\
1.3.6.1.2.1.47.1.1.1.1.5.2|2|3
1.3.6.1.2.1.47.1.1.1.1.7.2|4|H3C Switch E528
1.3.6.1.2.1.47.1.1.1.1.11.2|4|SERIAL
1.3.6.1.2.1.47.1.1.1.1.5.30|2|9
1.3.6.1.2.1.47.1.1.1.1.7.30|4|Board 1
1.3.6.1.4.1.25506.2.6.1.1.1.1.6.30|2:gauge|12,0.5,800,0,0.2,110,0
1.3.6.1.4.1.25506.2.6.1.1.1.1.8.30|2:gauge|55,0.04,6000,0
1.3.6.1.4.1.25506.2.6.1.1.1.1.10.30|2|68492960
1.3.6.1.4.1.25506.2.6.1.1.1.1.12.30|2:gauge|40,0.06,3000,0
1.3.6.1.4.1.25506.2.6.1.1.1.1.13.30|2|85
1.3.6.1.4.1.25506.2.6.1.1.1.1.17.30|2|95
1.3.6.1.4.1.25506.2.6.1.1.1.1.19.30|2|2
1.3.6.1.4.1.25506.8.35.9.1.1.1.2.1|2|1
1.3.6.1.4.1.25506.8.35.9.1.2.1.2.1|2|1
";

/// HOST-RESOURCES-MIB and UCD-SNMP-MIB: two processors, memory.
const NET_SNMP: &str = "\
1.3.6.1.2.1.25.3.3.1.2.196608|2:gauge|22,0.6,420,0,0.2,60,0
1.3.6.1.2.1.25.3.3.1.2.196609|2:gauge|19,0.6,420,150,0.2,60,0
1.3.6.1.4.1.2021.4.5.0|2|16303848
1.3.6.1.4.1.2021.4.6.0|2:gauge|6100000,0.1,2400,0
1.3.6.1.4.1.2021.4.14.0|2|410000
1.3.6.1.4.1.2021.4.15.0|2|4200000
";

/// hwOpticalModuleInfoTable and the names of its rows in ENTITY-MIB: temperature (degrees), voltage (mV), bias (µA), light
/// received and sent, light that is needed at least and to work well (dBm * 100).
const MODULE: &str = "\
1.3.6.1.2.1.47.1.1.1.1.5.ROW|2|10
1.3.6.1.2.1.47.1.1.1.1.7.ROW|4|PORT
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.5.ROW|2|38
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.6.ROW|2|3290
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.7.ROW|2|6120
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.8.ROW|2|-LIGHT
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.9.ROW|2|-243
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.13.ROW|2|-1440
1.3.6.1.4.1.2011.5.25.31.1.1.3.1.20.ROW|2|-1140
";
/// Rows of modules stand behind this number.
const FIRST_MODULE: u32 = 67_240_000;

impl Make {
    /// sysObjectID.
    pub(super) fn object_id(&self) -> Oid {
        Oid::from(self.object_id.to_vec())
    }

    /// Puts down what it says beside its ports.
    pub(super) fn tell(&self, node: &Node, all: &mut Recording, random: &mut fastrand::Rng) {
        let [_, _, third, fourth] = node.address.octets();
        put(all, &self.says.replace("SERIAL", &format!("DEMO{third:03}{fourth:03}")), random);
        let fibre = |port: &&Port| port.up && port.mbps >= 10_000;
        for port in node.ports.iter().filter(fibre).filter(|_| self.optics) {
            let row = (FIRST_MODULE + port.index).to_string();
            let light = random.u32(480..980).to_string();
            put(all, &MODULE.replace("ROW", &row).replace("PORT", &port.name).replace("LIGHT", &light), random);
        }
    }
}

/// No two devices swing alike, nor about the same value.
fn put(all: &mut Recording, text: &str, random: &mut fastrand::Rng) {
    // These are ours, and a test reads all of them.
    let Ok(said) = Recording::parse("the demo", text.as_bytes()) else { return };
    for (oid, entry) in said.iter() {
        let mut entry = entry.clone();
        if let Entry::Swinging { mean, waves, .. } = &mut entry {
            *mean *= 0.85 + 0.3 * random.f64();
            waves.iter_mut().for_each(|wave| wave.phase += wave.period * random.f64());
        }
        all.put(oid.clone(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_make_can_be_read() {
        for says in [VRP, STONE_OS, COMWARE, NET_SNMP] {
            Recording::parse("make", says.as_bytes()).unwrap();
        }
        let module = MODULE.replace("ROW", "1").replace("LIGHT", "600");
        assert_eq!(Recording::parse("module", module.as_bytes()).unwrap().len(), 9);
    }
}
