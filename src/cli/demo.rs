//! What `up --demo` adds: the simulated prefecture beside the console, told to it as an operator would tell it,
//! by files and a secret. Files stand in DATA/demo for people to read; they are written anew at each start.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::text::pick;
use super::welcome::actor;
use super::{Failure, say};
use crate::console::command::Command;
use crate::console::demo::{Demo, DemoOrder};
use crate::console::{ConsoleParts, Handle};
use crate::model::{AgentId, Secret, SecretText};
use crate::sim::demo::{self as prefecture, Ears, Order, Show};

/// Orders waiting on either side: a person clicks them one by one.
const ORDERS: usize = 16;
/// Seed of the prefecture and its troubles: every demo is the same one.
const SEED: u64 = 652_900;

/// Options for tests, which run several demos at a time and have no minutes to wait.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Second octet of the demo's addresses
    #[arg(long = "demo-net", value_name = "OCTET", hide = true, requires = "demo", default_value_t = prefecture::NET)]
    pub net: u8,
    /// So many times as fast
    #[arg(long = "demo-pace", value_name = "TIMES", hide = true, requires = "demo", default_value_t = 1.0)]
    pub pace: f64,
}

/// The prefecture with its sockets open, and what is to be told.
pub struct Stage {
    /// The inventory's file.
    pub inventory: PathBuf,
    /// Id of the agent in this process.
    pub agent: AgentId,
    show: Show,
    pace: f64,
    ears: Ears,
    demo: Demo,
    orders: mpsc::Receiver<DemoOrder>,
}

/// Opens the prefecture's sockets and writes its files; sets data directory and definitions of the console.
/// `own_place` says that the data directory was named for this demo.
pub async fn prepare(parts: &mut ConsoleParts, own_place: bool, args: &Args) -> Result<Stage, Failure> {
    if !own_place {
        let mut name = parts.data.file_name().unwrap_or_default().to_owned();
        name.push("-demo");
        parts.data.set_file_name(name);
    }
    let files = parts.data.join("demo");
    if parts.data.join("core.db").exists() && !files.exists() {
        let data = parts.data.display();
        return Err(Failure::usage(pick(
            format!("{data} 是正式的数据目录，演示不会写入；请用 --data 另指定一个"),
            format!("{data} holds a console that is no demo, which a demo would mix up; name another with --data"),
        )));
    }
    let clock = parts.clock.clone();
    let built = prefecture::Demo::new(args.net, SEED, clock.wall()).map_err(Failure::unseen)?;
    let (definitions, ca) = (files.join("definitions"), files.join("ca.pem"));
    let inventory = files.join("inventory.toml");
    let write = |file: &Path, text: &str| std::fs::write(file, text).map_err(|error| unwritable(file, &error));
    let make = |dir: &Path| {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| unwritable(dir, &error))
    };
    make(&parts.data)?;
    make(&definitions)?;
    write(&ca, built.ca_pem())?;
    write(&inventory, &built.inventory())?;
    let absolute = std::path::absolute(&ca).map_err(|error| unwritable(&ca, &error))?;
    write(&definitions.join("demo.toml"), &built.definitions(&absolute, args.pace))?;
    // Those of this machine are for its real network. What the command line names comes on top.
    let named = std::mem::take(&mut parts.settings.definitions);
    let usual = crate::config::settings::ConsoleSettings::default().definitions;
    parts.settings.definitions.push(definitions);
    parts.settings.definitions.extend(named.into_iter().filter(|dir| !usual.contains(dir)));

    let (cables, ears) = (built.cables(), built.ears());
    let show = built.start(&clock).await.map_err(|error| {
        Failure::usage(pick(
            format!("演示的端口打不开：{error}；可能已有一个演示在运行"),
            format!("the demo cannot open its ports: {error}; perhaps another demo is running"),
        ))
    })?;
    let (pull, orders) = mpsc::channel(ORDERS);
    let demo = Demo { cables, pull, pulled: show.pulled() };
    let agent = AgentId::new(prefecture::AGENT).map_err(|error| Failure::unseen(error.to_string()))?;
    Ok(Stage { inventory, agent, show, pace: args.pace, ears, demo, orders })
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::usage(pick(
        format!("无法写入 {path}：{error}；请用 --data 指定可写的目录"),
        format!("cannot write {path}: {error}; name a directory that can be written with --data"),
    ))
}

impl Stage {
    /// Tells the console that it is a demo, and the community of its devices.
    pub async fn introduce(&self, handle: &Handle) -> Result<(), Failure> {
        let service = &handle.service;
        service.set_demo(self.demo.clone());
        let secret = Secret::SnmpCommunity { v1: false, community: SecretText::new(prefecture::COMMUNITY) };
        if service.store.secret(prefecture::SECRET).as_ref() != Some(&secret) {
            let command = Command::SecretSet { name: prefecture::SECRET.to_owned(), secret };
            let set = service.store.command(&actor(), None, command).await;
            set.map_err(|error| Failure::bad(error.to_string()))?;
        }
        say(&pick(
            "演示：模拟的阿克苏地区与九个县市，本机照常监测；故障约每一两分钟一起".to_owned(),
            "demo: a simulated prefecture of nine counties, beside this machine; a trouble every minute or two"
                .to_owned(),
        ));
        Ok(())
    }

    /// Where its devices send traps and log lines to.
    pub const fn ears(&self) -> Ears {
        self.ears
    }

    /// Troubles begin.
    pub fn begin(self) -> JoinHandle<()> {
        let Self { show, pace, mut orders, .. } = self;
        tokio::spawn(async move {
            let (ask, asked) = mpsc::channel(ORDERS);
            let pass_on = async move {
                while let Some(order) = orders.recv().await {
                    let order = match order {
                        DemoOrder::Pull(link) => Order::Pull(link),
                        DemoOrder::Plug(link) => Order::Plug(link),
                    };
                    if ask.send(order).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(show.run(pace, asked), pass_on);
        })
    }
}

#[cfg(test)]
mod tests;
