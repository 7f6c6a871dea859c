//! Configuration texts of network devices as trees: which command stands in which block, on which line.
//!
//! Reading knows four vendors and nothing of what is good or bad. It refuses to guess: what it could not see whole is
//! said in `Snapshot::gaps`, and nobody may conclude anything from the absence of a line then.

mod build;
mod gaps;
mod lines;
mod tree;
mod version;

pub use gaps::Gap;
pub(super) use lines::redraw;
pub use tree::{Node, Tree};
pub use version::{Constraint, Version};

use crate::model::finding::Changed;

/// The largest text: a backbone router's configuration is below 2 MiB.
pub const MAX_BYTES: usize = 32 << 20;
/// The most lines of a text.
pub const MAX_LINES: usize = 1_000_000;
/// The longest line that is read; nothing a device prints comes near.
pub const MAX_LINE: usize = 64 << 10;

/// A command language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Huawei VRP of S and AR series (V200).
    Vrp,
    /// Huawei VRP 8 (CE, NE), with its commit.
    Vrp8,
    /// H3C Comware 7.
    Comware,
    /// H3C Comware 5.
    Comware5,
    /// Cisco IOS and IOS XE.
    Ios,
    /// Ruijie RGOS.
    Rgos,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Vrp, Self::Vrp8, Self::Comware, Self::Comware5, Self::Ios, Self::Rgos];
    /// Its name in policies and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vrp => "huawei-vrp",
            Self::Vrp8 => "huawei-vrp8",
            Self::Comware => "h3c-comware",
            Self::Comware5 => "h3c-comware5",
            Self::Ios => "cisco-ios",
            Self::Rgos => "ruijie-rgos",
        }
    }
    /// The dialect of a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == text)
    }
    /// The word that turns a command into its opposite.
    pub const fn negation(self) -> &'static str {
        if self.hash() { "undo" } else { "no" }
    }
    /// The line that ends a whole configuration.
    pub const fn end(self) -> &'static str {
        if self.hash() { "return" } else { "end" }
    }
    /// Whether blocks are parted by `#`, as Huawei and H3C do; `!` otherwise.
    pub const fn hash(self) -> bool {
        matches!(self, Self::Vrp | Self::Vrp8 | Self::Comware | Self::Comware5)
    }
}

/// One device's configuration.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The file, as its reader named it.
    pub file: String,
    /// What the device calls itself; empty if the text does not say.
    pub name: String,
    /// Its command language.
    pub dialect: Dialect,
    /// Software version, if the text says it.
    pub version: Option<Version>,
    /// Who changed it last, if the text says it.
    pub changed: Option<Changed>,
    /// The commands.
    pub tree: Tree,
    /// What is missing of a whole configuration; empty when nothing is.
    pub gaps: Vec<Gap>,
}

/// Why a text is no configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Too long.
    #[error("larger than {} MiB; it is no device configuration", MAX_BYTES >> 20)]
    Bytes,
    /// Too many lines.
    #[error("more than {MAX_LINES} lines; it is no device configuration")]
    Lines,
    /// A line is too long.
    #[error("line {line} is longer than {max} KiB; it is no device configuration", line = .0, max = MAX_LINE >> 10)]
    Line(usize),
    /// Several devices, none of which is the one that is meant.
    #[error("it holds the configurations of several devices, none of which has the asset's name")]
    Several,
    /// No dialect fits.
    #[error("no known command language recognised; name one with --dialect if it is a device configuration")]
    Dialect,
}

impl Unread {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Bytes => format!("超过 {} MiB，不是设备配置", MAX_BYTES >> 20),
            Self::Lines => format!("超过 {MAX_LINES} 行，不是设备配置"),
            Self::Line(line) => format!("第 {line} 行超过 {} KiB，不是设备配置", MAX_LINE >> 10),
            Self::Several => "其中有多台设备的配置，没有一台与资产同名".to_owned(),
            Self::Dialect => "认不出是哪种设备的命令；若确为设备配置，请用 --dialect 指明".to_owned(),
        }
    }
}

impl Snapshot {
    /// Reads a text: a saved configuration, or the capture of a console session, which may hold several devices.
    /// UTF-8 or GB18030. `dialect` overrides what the text looks like.
    pub fn read(file: &str, bytes: &[u8], dialect: Option<Dialect>) -> Result<Vec<Self>, Unread> {
        if bytes.len() > MAX_BYTES {
            return Err(Unread::Bytes);
        }
        let text = lines::decode(bytes);
        let sections = lines::sections(&text)?;
        let mut all = Vec::new();
        for section in &sections {
            let Some(dialect) = dialect.or_else(|| lines::recognise(section)) else { continue };
            all.push(build::snapshot(file, dialect, section));
        }
        if all.is_empty() { Err(Unread::Dialect) } else { Ok(all) }
    }

    /// Whether the absence of a line means anything.
    pub fn complete(&self) -> bool {
        self.gaps.is_empty()
    }
}

#[cfg(test)]
mod tests;
