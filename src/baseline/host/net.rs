//! How a host is attached: its interfaces (`/sys/class/net`) and by which of them it reaches everything else
//! (`/proc/net/route`).

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::root::Unseen;
use super::{Fact, Found, Host, Row, columns};
use crate::config::expr::Type;
use crate::config::reader::Table;

/// The kernel's directory of interfaces.
const INTERFACES: &str = "/sys/class/net";
/// The routes of IPv4.
const ROUTES: &str = "/proc/net/route";
/// Flags of an interface, netdevice(7).
const UP: u32 = 0x1;
const PROMISCUOUS: u32 = 0x100;

#[derive(Debug)]
struct Interfaces;

/// No settings.
pub(super) fn interfaces(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(Interfaces))
}

impl Fact for Interfaces {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[
            ("interface", Type::Text),
            ("up", Type::Bool),
            ("promiscuous", Type::Bool),
            ("wireless", Type::Bool),
        ])
    }

    /// A row for each interface.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(INTERFACES.to_owned());
        for name in host.root.list(INTERFACES)?.ok_or_else(|| Unseen::Missing(INTERFACES.to_owned()))? {
            let path = format!("{INTERFACES}/{name}/flags");
            // Beside interfaces the directory holds files of the bonding driver.
            let Some(text) = host.root.text(&path)? else { continue };
            let flags = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap_or(0);
            let wireless = host.root.exists(&format!("{INTERFACES}/{name}/wireless"))?
                || host.root.exists(&format!("{INTERFACES}/{name}/phy80211"))?;
            let row = Row::at(&path, 1, text.trim()).about(name.as_str()).with("interface", name);
            let row = row.with("up", flags & UP != 0).with("wireless", wireless);
            found.rows.push(row.with("promiscuous", flags & PROMISCUOUS != 0));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct DefaultRoutes;

/// No settings.
pub(super) fn routes(_: &Table<'_>) -> Option<Arc<dyn Fact>> {
    Some(Arc::new(DefaultRoutes))
}

impl Fact for DefaultRoutes {
    fn columns(&self) -> Vec<(String, Type)> {
        columns(&[("interface", Type::Text), ("gateway", Type::Text), ("others", Type::Number)])
    }

    /// A row for each default route; `others` counts those by other interfaces.
    fn gather(&self, host: &Host, found: &mut Found) -> Result<(), Unseen> {
        found.looked.push(ROUTES.to_owned());
        let all = defaults(&host.root.need(ROUTES)?);
        for (interface, gateway, line) in &all {
            let others = all.iter().filter(|(i, ..)| i != interface).count();
            let row =
                Row::at(ROUTES, *line, format!("default via {gateway} dev {interface}")).about(interface.as_str());
            let row = row.with("interface", interface.as_str()).with("gateway", gateway.to_string());
            found.rows.push(row.with("others", others as f64));
        }
        Ok(())
    }
}

/// Interface, gateway and line of each default route.
fn defaults(text: &str) -> Vec<(String, Ipv4Addr, usize)> {
    let parse = |(line, number): (&str, usize)| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, "00000000", gateway, _, _, _, _, "00000000", ..] = fields.as_slice() else { return None };
        let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
        Some(((*interface).to_owned(), gateway, number))
    };
    text.lines().zip(1..).skip(1).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_told_from_others() {
        let text = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\nx\n";
        assert_eq!(defaults(text), [("eth0".to_owned(), Ipv4Addr::new(192, 168, 1, 1), 2)]);
    }
}
