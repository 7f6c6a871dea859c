//! What profiles make of recordings of real devices, held against what LibreNMS makes of the same ones. The recordings
//! belong to others and are not part of this repository: where they are not beside it, the test says so and looks at
//! nothing. It prints a table by profile, and every difference that is not known and explained below fails it. Recordings
//! are read without a network here, and over one in `served`.

mod compare;
mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fengsui::codec::text;
use fengsui::config::defs::{self, profile::ProfileDef, profile::choose::Chosen};
use fengsui::model::device::Device;
use fengsui::net::snmp::{Oid, Value as Wire};
use fengsui::probe;
use fengsui::probe::device::{Answers, Wanted, evaluate};
use fengsui::sim::recording::{self, Entry};

use compare::Tally;

/// Devices of Chinese make among the recordings, by a part of the file's name, and the profile that each must have.
const CHINESE: &[(&str, &str)] = &[
    ("vrp", "huawei-vrp"),
    ("huawei-s5720", "huawei-vrp"),
    ("ibmc", "huawei-ibmc"),
    ("huaweiups", "huawei-ups"),
    ("smartax", "huawei-access"),
    ("huawei-optixrtn", "huawei-access"),
    ("huawei-ism", "huawei-access"),
    ("comware", "h3c-comware"),
    ("h3c-e528", "h3c-comware"),
    ("ruijie-s5750", "ruijie"),
    ("ruijie-n18010", "ruijie"),
    ("ruijie.", "ruijie"),
    ("fs-ruijie", "fs-switch"),
    ("zxr10", "zte-zxr10"),
    ("zxa10", "zte-access"),
    ("stoneos", "hillstone-stoneos"),
    ("dptech", "dptech"),
    ("dcn-software", "digital-china"),
    ("dcs-3726", "digital-china"),
    ("topsec", "topsec"),
    ("sangfor", "sangfor"),
    ("venus", "venustech"),
    ("nsfocus", "nsfocus"),
    ("fiberhome", "fiberhome-switch"),
    ("raisecom", "raisecom"),
    ("qtech", "qtech"),
    ("camera__hikvision", "hikvision"),
];

/// Differences that are known, by the beginning of their line, and why ours stands.
const KNOWN: &[(&str, &str)] = &[
    (
        "arista_eos_vrf sensors .1.3.6.1.2.1.99.1.1.1.4.10032",
        "watts, which LibreNMS turns into dBm where the name has DOM",
    ),
    ("asa sensors .1.3.6.1.4.1.9.9.147.1.2.2.2.1.5.40.7", "the most connections there ever were: no state of now"),
    ("huaweiups_ups2000 sensors .1.3.6.1.2.1.33.1.2.3.0", "-1 is no runtime"),
    ("ios_c3560 addresses 192.168.178.113", "the recording has no mask of it"),
    ("iosxe_c9200l sensors", "-866597556: the module is not there"),
    ("routeros_rb760igs sensors .1.3.6.1.4.1.14988.1.1.19", "0 throughout: the module is not there"),
    ("routeros_rb760igs vlans", "made of names of interfaces, in no table of VLANs"),
    (
        "vrp_ne8000-m8 sensors .1.3.6.1.4.1.2011.5.25.31.1.1.3.1.3",
        "modules of one lane: columns 8 and 9 say the same",
    ),
];

/// The recordings, if they are there. The folder is told by the environment or stands beside the repository.
fn fixtures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("shared").join("fixtures").join("snmp");
    let found = std::env::var_os("FENGSUI_SNMP_RECORDINGS").map_or_else(beside, PathBuf::from);
    found.join("librenms").is_dir().then_some(found)
}

/// Everything that any profile asks; of half a million lines of a core router the rest is not even kept.
fn asked(profiles: &[ProfileDef]) -> BTreeSet<Vec<u32>> {
    let mut asked = BTreeSet::from([1, 2].map(|at| vec![1, 3, 6, 1, 2, 1, 1, at, 0]));
    for profile in profiles {
        let chosen = Chosen { own: Some(profile), like: None, generic: None };
        let wanted = Wanted::of(&chosen, chosen.tables());
        asked.extend(wanted.columns.iter().chain(&wanted.scalars).map(|oid| oid.to_vec()));
    }
    asked
}

/// A recording, unpacked.
fn text_of(path: &Path) -> Vec<u8> {
    if path.extension().is_some_and(|e| e == "bz2") {
        let out = std::process::Command::new("bunzip2").arg("-c").arg(path).output();
        out.map(|out| out.stdout).unwrap_or_default()
    } else {
        std::fs::read(path).unwrap()
    }
}

/// Its lines. Those that the simulator would refuse are passed over: this is about values.
fn lines(path: &Path) -> Vec<(Oid, Entry)> {
    let bytes = text_of(path);
    bytes.split(|b| *b == b'\n').flat_map(|line| recording::lines("", line).unwrap_or_default()).collect()
}

/// Of these lines what profiles ask, by OID.
fn answered(lines: &[(Oid, Entry)], asked: &BTreeSet<Vec<u32>>) -> BTreeMap<Vec<u32>, Wire> {
    let wanted = |oid: &[u32]| asked.range(..=oid.to_vec()).next_back().is_some_and(|column| oid.starts_with(column));
    let kept = lines.iter().filter(|(oid, _)| wanted(oid.arcs()));
    kept.map(|(oid, entry)| (oid.arcs().to_vec(), entry.at(Duration::ZERO))).collect()
}

/// The profile's view of a recording, without a network.
fn played<'a>(profiles: &'a [ProfileDef], all: &BTreeMap<Vec<u32>, Wire>) -> (Chosen<'a>, Device) {
    let object_id = match all.get(&[1, 3, 6, 1, 2, 1, 1, 2, 0][..]) {
        Some(Wire::ObjectIdentifier(oid)) => oid.arcs().to_vec(),
        _ => Vec::new(),
    };
    let descr = all.get(&[1, 3, 6, 1, 2, 1, 1, 1, 0][..]).and_then(Wire::as_bytes).map(text::decode);
    let chosen = Chosen::of(profiles, &object_id, &descr.unwrap_or_default());
    let wanted = Wanted::of(&chosen, chosen.tables());
    let mut answers = Answers::default();
    for oid in &wanted.scalars {
        if let Some(value) = all.get(&oid[..]) {
            answers.scalar(oid.clone(), value.clone());
        }
    }
    for column in &wanted.columns {
        for (oid, value) in all.range(column.to_vec()..).take_while(|(oid, _)| oid.starts_with(column)) {
            answers.cell(column, &oid[column.len()..], value.clone());
        }
    }
    let device = evaluate(&chosen, &answers);
    (chosen, device)
}

/// All recordings, by name; the walk of one VLAN of a switch is none of its own.
fn recordings(fixtures: &Path) -> Vec<PathBuf> {
    let folders = ["librenms", "snmpsim-data"].map(|folder| std::fs::read_dir(fixtures.join(folder)));
    let files = folders.into_iter().flatten().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| !path.to_string_lossy().contains('@')).collect();
    files.sort();
    files
}

/// The recordings, what is expected of them, and the profiles.
struct Bench {
    fixtures: PathBuf,
    profiles: Vec<ProfileDef>,
    asked: BTreeSet<Vec<u32>>,
}

impl Bench {
    /// None, and said so, where there are no recordings.
    fn set_up() -> Option<Self> {
        let Some(fixtures) = fixtures() else {
            println!("not run: no recordings beside the repository, and FENGSUI_SNMP_RECORDINGS names none");
            return None;
        };
        let profiles = defs::load(&[], probe::catalog()).definitions.profiles.clone();
        Some(Self { fixtures, asked: asked(&profiles), profiles })
    }
}

/// What came of all recordings.
#[derive(Default)]
struct Verdict {
    by_profile: BTreeMap<String, (usize, BTreeMap<&'static str, Tally>)>,
    differences: Vec<String>,
    undetected: Vec<String>,
}

impl Verdict {
    /// Holds one device against its recording and against what LibreNMS makes of that.
    fn hold(
        &mut self,
        fixtures: &Path,
        path: &Path,
        all: &BTreeMap<Vec<u32>, Wire>,
        chosen: &Chosen<'_>,
        device: &Device,
    ) {
        let file = path.file_name().unwrap().to_string_lossy();
        let name = name_of(path);
        let want = CHINESE.iter().find(|(part, _)| file.contains(part)).map(|(_, profile)| *profile);
        if want.is_some_and(|want| want != chosen.id()) && !all.is_empty() {
            self.undetected.push(format!("{file}: {} instead of {want:?}", chosen.id()));
        }
        let mut found = vec![compare::behind(&name, all, device)];
        let json = fixtures.join("librenms-expected").join(format!("{name}.json"));
        if let Ok(json) = std::fs::read(json) {
            found.push(compare::compare(&name, chosen, device, &serde_json::from_slice(&json).unwrap()));
        }
        let (count, sums) = self.by_profile.entry(chosen.id().to_owned()).or_default();
        *count += 1;
        for (tallies, differences) in found {
            for (class, tally) in tallies {
                let sum = sums.entry(class).or_default();
                sum.same += tally.same;
                sum.other += tally.other;
                sum.unclaimed += tally.unclaimed;
            }
            self.differences.extend(differences);
        }
    }

    /// Prints the table; fails if a device was not known, or of a difference that is not.
    fn pronounce(self) {
        print_table(&self.by_profile);
        let known = |line: &String| KNOWN.iter().any(|(beginning, _)| line.starts_with(beginning));
        let (known, unknown): (Vec<String>, Vec<String>) = self.differences.into_iter().partition(known);
        println!("{} known differences, {} others", known.len(), unknown.len());
        assert!(self.undetected.is_empty(), "{}", self.undetected.join("\n"));
        assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    }
}

fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap().to_string_lossy();
    file.split(".snmprec").next().unwrap_or_default().to_owned()
}

/// same/all by class; `+n` are values that the profile does not claim to read.
fn print_table(by_profile: &BTreeMap<String, (usize, BTreeMap<&'static str, Tally>)>) {
    let classes = [
        "interfaces",
        "cpu",
        "memory",
        "sensors",
        "vlans",
        "neighbours",
        "addresses",
        "arp",
        "macs",
        "bgp_peers",
        "ospf_neighbours",
    ];
    println!("{:<20} {:>4} {}", "profile", "n", classes.map(|c| format!("{c:>15}")).join(" "));
    for (profile, (count, tallies)) in by_profile {
        let cell = |class: &str| {
            let Tally { same, other, unclaimed } = tallies.get(class).copied().unwrap_or_default();
            let more = if unclaimed > 0 { format!(" +{unclaimed}") } else { String::new() };
            let text =
                if same + other + unclaimed == 0 { "-".to_owned() } else { format!("{same}/{}{more}", same + other) };
            format!("{text:>15}")
        };
        println!("{profile:<20} {count:>4} {}", classes.map(cell).join(" "));
    }
}

#[test]
fn profiles_agree_with_librenms_on_recordings_of_real_devices() {
    let Some(Bench { fixtures, profiles, asked }) = Bench::set_up() else { return };
    let mut verdict = Verdict::default();
    for path in recordings(&fixtures) {
        let all = answered(&lines(&path), &asked);
        let (chosen, device) = played(&profiles, &all);
        verdict.hold(&fixtures, &path, &all, &chosen, &device);
    }
    verdict.pronounce();
}
