//! What the console is told of the demo: its inventory, and the definitions that judge it, as an operator would
//! write them. They are written to files that a person can read.

use std::fmt::Write;
use std::path::Path;

use super::network::{Answers, ECHO, End, HTTP, HTTPS, Network, Node, SNMP};
use super::places::{CARRIERS, PLACES, SYSTEMS};

/// Name of the secret with the demo's community.
pub const SECRET: &str = "demo-snmp";
/// Name of the agent in this process.
pub const AGENT: &str = "aks-tower";

/// TOML string. None of ours holds a control character.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The inventory as TOML.
pub(super) fn inventory(network: &Network) -> String {
    let mut out = String::from("# 演示：阿克苏地区电子政务外网（模拟）。单位、人员、电路均为虚构。\n");
    out.push_str("\n[[region]]\nid = \"650000\"\nname = \"新疆维吾尔自治区\"\ntier = \"province\"\n");
    for (place, at) in PLACES.iter().zip(0usize..) {
        let (tier, parent) = if at == 0 { ("prefecture", "650000") } else { ("county", "652900") };
        let _ = write!(
            out,
            "\n[[region]]\nid = \"{}\"\nname = {}\ntier = \"{tier}\"\nparent = \"{parent}\"\n",
            place.code,
            quoted(place.name)
        );
    }
    for (place, at) in PLACES.iter().zip(0usize..) {
        let (unit, above) = if at == 0 {
            ("地区电子政务管理办公室".to_owned(), String::new())
        } else {
            (format!("{}电子政务办公室", place.name), "parent = \"aks-egov\"\n".to_owned())
        };
        let (slug, code, person) = (place.slug, place.code, place.person);
        let duty = if at == 0 { "网络安全科科长" } else { "网络管理员" };
        let _ = write!(
            out,
            "\n[[organisation]]\nid = \"{slug}-egov\"\nname = {}\nregion = \"{code}\"\n{above}\n\
             [[person]]\nid = \"{slug}-keeper\"\nname = {}\norganisation = \"{slug}-egov\"\nduty = \"{duty}\"\n\
             mobile = \"1390000{:04}\"\n",
            quoted(&unit),
            quoted(person),
            1000 + 37 * at,
        );
    }
    let _ = write!(
        out,
        "\n[[agent]]\nid = \"{AGENT}\"\nname = \"地区中心探针（本机）\"\nregion = \"652900\"\nzone = \"extranet\"\n"
    );
    network.nodes.iter().for_each(|node| asset(&mut out, node));
    for cable in &network.cables {
        let _ = write!(
            out,
            "\n[[link]]\nid = \"{}\"\nname = {}\na = {}\nb = {}\ntier = \"{}\"\ncapacity = \"{}Mbps\"\n",
            cable.id,
            quoted(&cable.name),
            end(network, &cable.ends[0]),
            end(network, &cable.ends[1]),
            cable.tier,
            cable.mbps,
        );
        if let Some((name, hotline, circuit)) =
            cable.carrier.as_ref().and_then(|(n, circuit)| CARRIERS.get(*n).map(|c| (c.0, c.1, circuit)))
        {
            let _ =
                writeln!(out, "carrier = {{ name = \"{name}\", circuit = \"{circuit}\", hotline = \"{hotline}\" }}");
        }
    }
    for (id, name, level, assets) in SYSTEMS {
        let _ = write!(
            out,
            "\n[[system]]\nid = \"{id}\"\nname = \"{name}\"\nlevel = {level}\nassets = {assets:?}\nowner = \"aks-egov\"\n"
        );
    }
    out
}

fn asset(out: &mut String, node: &Node) {
    let (slug, code) = PLACES.get(node.place).map_or(("", ""), |place| (place.slug, place.code));
    let _ = write!(
        out,
        "\n[[asset]]\nid = \"{}\"\nname = {}\nkind = \"{}\"\nzone = \"extranet\"\nregion = \"{code}\"\n\
         owner = \"{slug}-egov\"\noperator = \"{slug}-egov\"\nperson = \"{slug}-keeper\"\nlocation = {}\n\
         importance = {}\ntags = [\"demo\"]\n",
        node.id,
        quoted(&node.name),
        node.kind,
        quoted(&node.cabinet),
        node.importance,
    );
    match &node.answers {
        Answers::Device => {}
        Answers::Server(tcp) => {
            let _ = writeln!(out, "tcp = {tcp:?}");
        }
        Answers::Site(tls) => {
            let (scheme, port) = if *tls { ("https", HTTPS) } else { ("http", HTTP) };
            let code = match node.kind {
                "website" => format!(", site_code = \"{code}0001\""),
                _ => String::new(),
            };
            let _ = writeln!(out, "website = {{ url = \"{scheme}://{}:{port}/\"{code} }}", node.address);
        }
    }
    if !matches!(node.answers, Answers::Site(_)) {
        let _ = writeln!(out, "address = \"{}\"", node.address);
    }
    if !node.ports.is_empty() {
        let _ = writeln!(out, "snmp = {{ port = {SNMP}, secret = \"{SECRET}\" }}");
    }
    if !node.depends.is_empty() {
        let _ = writeln!(out, "depends_on = {:?}", node.depends);
    }
}

fn end(network: &Network, end: &End) -> String {
    let port = end.port.and_then(|(node, index)| {
        let node = network.nodes.get(node)?;
        Some((&node.id, &node.ports.iter().find(|port| port.index == index)?.name))
    });
    match port {
        Some((node, port)) => {
            format!("{{ asset = \"{node}\", interface = \"{port}\", address = \"{}\" }}", end.address)
        }
        None => format!("{{ peer = \"自治区政务外网汇聚\", address = \"{}\" }}", end.address),
    }
}

/// The definitions as TOML: what differs from the shipped ones. `ca` is the file of the demo's authority; `pace`
/// makes all of it so many times as fast.
pub(super) fn definitions(ca: &Path, pace: f64) -> String {
    let ca = quoted(&ca.display().to_string());
    let every = |seconds: f64| format!("\"{}ms\"", (seconds * 1000.0 / pace).round().max(100.0));
    // In a hurry a probe has all of its interval: what is tested is not how fast a busy machine answers.
    let late = |seconds: f64, interval: f64| every(if pace > 1.0 { interval } else { seconds });
    let keep = format!("\"{}ms\"", (10_000.0 / pace).round().max(1_000.0));
    let real_asset = r#"!("demo" in asset.tags)"#;
    let real_link = r#"!link.region.startsWith("6529")"#;
    format!(
        r#"# 演示环境的监测项与规则。本机内核会应答整个 127.0.0.0/8 的 ICMP，所以演示对象一律不用 ICMP 判断：
# 设备看 SNMP，服务看 TCP，网站看 HTTP 与证书，链路看两端端口状态与 UDP 回显。
# What judges the demo. The kernel answers ICMP for all of 127.0.0.0/8, so nothing of the demo is judged by it.

[[probe]]
id = "asset-icmp"
zh = "设备可达性"
en = "Asset reachability"
kind = "icmp"
on = "asset"
where = 'asset.address != "" && asset.kind != "website" && {real_asset}'
interval = "10s"
timeout = "1500ms"

[[probe]]
id = "backbone-icmp"
zh = "骨干链路质量"
en = "Backbone link quality"
kind = "icmp"
on = "link"
where = 'link.tier == "backbone" && {real_link}'
interval = "1s"
timeout = "900ms"
keep = "10s"

[[probe]]
id = "link-icmp"
zh = "链路质量"
en = "Link quality"
kind = "icmp"
on = "link"
where = 'link.tier != "backbone" && {real_link}'
interval = "5s"
timeout = "1500ms"

[[probe]]
id = "backbone-echo"
zh = "骨干链路质量（UDP 回显）"
en = "Backbone link quality (UDP echo)"
kind = "echo"
on = "link"
where = 'link.tier == "backbone" && link.region.startsWith("6529")'
interval = {backbone}
timeout = {backbone_timeout}
keep = {keep}
settings = {{ port = {ECHO} }}

[[probe]]
id = "link-echo"
zh = "链路质量（UDP 回显）"
en = "Link quality (UDP echo)"
kind = "echo"
on = "link"
where = 'link.tier != "backbone" && link.region.startsWith("6529")'
interval = {link}
timeout = {backbone_timeout}
keep = {keep}
settings = {{ port = {ECHO} }}

[[probe]]
id = "asset-snmp"
zh = "设备与端口状态"
en = "Device and port state"
kind = "snmp"
on = "asset"
where = 'asset.has_snmp'
interval = {snmp}
timeout = {snmp_timeout}
keep = {keep}
settings = {{ retries = 0 }}

[[probe]]
id = "asset-alive"
zh = "设备应答"
en = "Device answers"
kind = "snmp"
on = "asset"
where = 'asset.has_snmp && "demo" in asset.tags'
interval = {alive}
timeout = {alive_timeout}
keep = {keep}
settings = {{ retries = 0, interfaces = false }}

[[probe]]
id = "asset-device"
zh = "设备自述"
en = "What a device says of itself"
kind = "device"
on = "asset"
where = 'asset.has_snmp && "demo" in asset.tags'
interval = {device}
timeout = {snmp_timeout}
settings = {{ retries = 0 }}

[[probe]]
id = "website-http"
zh = "网站可用性"
en = "Website availability"
kind = "http"
on = "asset"
where = 'asset.url != ""'
interval = {http}
timeout = {http_timeout}
keep = {keep}
settings = {{ ca_file = {ca} }}

[[probe]]
id = "website-tls"
zh = "网站证书"
en = "Website certificate"
kind = "tls"
on = "asset"
where = 'asset.url.startsWith("https://")'
interval = {tls}
timeout = {http_timeout}
settings = {{ ca_file = {ca} }}

# 演示里没有 ICMP，SNMP 不应答就是设备不应答。
[[rule]]
id = "snmp-silent"
zh = "设备无应答（SNMP）"
en = "Device does not answer (SNMP)"
on = "asset"
kind = "snmp"
params = {{ raise_at = 3 }}
raise = 'fails >= raise_at'
clear = 'up == 1'
no_data = 20
folds_into = ["asset-down", "link-down"]
severity = "major"
category = "DE"
runbook = "snmp-silent"
"#,
        backbone = every(2.0),
        backbone_timeout = late(1.0, 2.0),
        link = every(5.0),
        snmp = every(10.0),
        snmp_timeout = late(3.0, 10.0),
        alive = every(4.0),
        alive_timeout = late(1.5, 4.0),
        device = every(60.0),
        http = every(10.0),
        http_timeout = late(3.0, 10.0),
        tls = every(30.0),
    )
}
